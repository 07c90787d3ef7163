"""Percentiles are values that were measured, and a timeline counts every call once."""

from pathlib import Path

import pytest

from loadtest import plots
from loadtest.latencies import Recorder, Timeline, percentile, resends, share_of, table

PNG = b"\x89PNG\r\n"


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (50, 50), (90, 90), (99, 99), (99.9, 100), (100, 100)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: int) -> None:
    assert percentile(range(1, 101), percent) == expected


def test_percentiles_of_few_and_of_nothing() -> None:
    assert percentile([3.0], 99.9) == 3.0
    assert percentile([1.0, 9.0], 50) == 1.0
    assert percentile([], 50) == 0.0


def recorded() -> Recorder:
    recorder = Recorder()
    for number in range(100):
        recorder.answered(number / 40, float(number + 1), "Commit" if number % 2 else "TopUp")
    recorder.answered(2.6, 7.0, "Commit resend")
    recorder.answered(2.7, 7.0, "TopUp resend")
    recorder.failed(4.2, "Commit: UNAVAILABLE")
    return recorder


def test_a_timeline_has_every_second_and_every_call() -> None:
    timeline = recorded().timeline()

    assert [each.calls for each in timeline.seconds] == [40, 40, 22, 0, 0]
    assert [each.failures for each in timeline.seconds] == [0, 0, 0, 0, 1]
    assert (timeline.calls, timeline.failures, timeline.run_s) == (102, 1, 4.2)
    assert timeline.seconds[1].p50_ms == 60.0
    assert timeline.outcomes == {
        "Commit": 50,
        "Commit resend": 1,
        "TopUp": 50,
        "TopUp resend": 1,
    }
    assert timeline.percentiles_ms["100"] == 100.0
    assert resends(timeline) == 2
    assert share_of("TopUp", timeline) == 0.5
    assert "1  unexpected failures" in table(timeline)
    assert "Commit: UNAVAILABLE" in table(timeline)


def test_a_timeline_reads_as_it_was_written(tmp_path: Path) -> None:
    timeline = recorded().timeline()
    path = tmp_path / "timeline.json"

    timeline.write(path)

    assert Timeline.read(path) == timeline


def test_plots_are_drawn_of_much_and_of_little(tmp_path: Path) -> None:
    for number, recorder in enumerate([recorded(), Recorder()]):
        path = tmp_path / f"{number}.png"
        plots.rate_and_latency(recorder.timeline(), "a run", path)
        assert path.read_bytes().startswith(PNG)
        plots.by_percentile(recorder.ordered_ms(), "a run", path)
        assert path.read_bytes().startswith(PNG)
