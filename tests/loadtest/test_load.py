"""The two drivers as their operator meets them, in tiny sizes. No figure is judged."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.latencies import Timeline
from loadtest.load import Plan, drive, judge
from loadtest.open_loop import NOT_SUSTAINED
from loadtest.target import Target
from loadtest.workload.mix import Mix
from tests.client.scripted import Script, answer, fail, granted, serving

ROOT = Path(__file__).resolve().parents[2]
PNG = b"\x89PNG\r\n"
TIMEOUT_S = 240
NOWHERE = "127.0.0.1:1"

pytestmark = pytest.mark.xdist_group("services")


def run(module: str, *arguments: str, **settings: str) -> tuple[int, str]:
    """Run a driver; its exit status and all it says."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout


def events_of(said: str, accounts: int) -> int:
    """How many events the audit counted."""
    audited = re.search(rf"^audit: ok \({accounts} accounts, (\d+) events\)$", said, re.MULTILINE)
    assert audited is not None, said
    return int(audited[1])


def test_locust_leaves_a_report_a_plot_and_right_books(tmp_path: Path) -> None:
    status, said = run(
        "loadtest.load",
        *("--users", "5", "--seconds", "12", "--accounts", "8", "--out", str(tmp_path)),
    )

    assert status == 0, said
    assert "0  unexpected failures" in said
    timeline = Timeline.read(tmp_path / "timeline.json")
    assert events_of(said, 8) >= timeline.calls * 0.9
    assert {"Reserve", "Commit", "TopUp"} <= set(timeline.outcomes)
    assert (tmp_path / "rate_latency.png").read_bytes().startswith(PNG)
    report = (tmp_path / "report.html").read_text("utf-8")
    assert "Commit" in report
    assert "TopUp" in report
    # The service's data is of no use after a good run.
    assert not (tmp_path / "data").exists()


def test_the_open_loop_finds_the_peak_and_leaves_plots(tmp_path: Path) -> None:
    status, said = run(
        "loadtest.open_loop",
        *("--seconds", "2", "--peak-seconds", "0.5", "--accounts", "8", "--callers", "4"),
        *("--out", str(tmp_path)),
    )

    # How fast the machine is decides nothing here.
    assert status in {0, NOT_SUSTAINED}, said
    assert "peak: " in said
    assert "0  unexpected failures" in said
    timeline = Timeline.read(tmp_path / "timeline.json")
    assert events_of(said, 8) > timeline.calls * 0.9 > 0
    due = re.search(r"^rate \d+/s, (\d+) due, ", said, re.MULTILINE)
    assert due is not None, said
    assert int(due[1]) == timeline.calls
    for name in ("rate_latency.png", "percentiles.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)


@pytest.mark.parametrize("module", ["loadtest.load", "loadtest.open_loop"])
def test_a_service_that_is_down_is_no_success(module: str, tmp_path: Path) -> None:
    status, said = run(
        module,
        *("--accounts", "2", "--out", str(tmp_path / "out")),
        OCS_ADDRESS=NOWHERE,
        OCS_DATA_DIR=str(tmp_path),
    )

    assert status == 1, said
    assert "the accounts could not be opened: UNAVAILABLE" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("module", ["loadtest.load", "loadtest.open_loop"])
def test_a_named_service_needs_its_books(module: str, tmp_path: Path) -> None:
    status, said = run(module, "--out", str(tmp_path), OCS_ADDRESS=NOWHERE)

    assert status == 1, said
    assert "OCS_STORE_URL" in said


def driven(address: str, directory: Path) -> tuple[Timeline, bool]:
    """Locust against something that is not the service."""
    return drive(Plan(5, 10, 0.05, None), Mix(4), Target(address, directory))


def test_locust_counts_a_wrong_answer_as_a_failure(tmp_path: Path) -> None:
    script = Script()
    script.on("Reserve", answer(granted()))  # another account's, and in another unit
    script.on("Debit", fail("INTERNAL", "INTERNAL"))
    script.on("TopUp", fail("UNAVAILABLE", "STORE_UNAVAILABLE"))
    with serving(script) as address:
        timeline, ended_well = driven(address, tmp_path)

    assert not ended_well
    assert timeline.calls == 0
    # The end of the run may cut off one call of each user, which then is neither.
    assert timeline.failures > 0
    assert len(script.calls) - 5 <= timeline.failures <= len(script.calls)
    assert {why.split(":")[0] for why in timeline.first_failures} <= {"Reserve", "Debit", "TopUp"}
    assert any("Reserve: " in why for why in timeline.first_failures)
    wrong = judge(timeline, event_count=0)
    assert f"{timeline.failures} unexpected failures" in wrong
    assert "no Commit was answered" in wrong


def test_locust_without_a_service_is_no_success(tmp_path: Path) -> None:
    timeline, ended_well = driven(NOWHERE, tmp_path)

    assert not ended_well
    assert timeline.calls == 0
    assert timeline.failures > 0
    assert "UNAVAILABLE" in timeline.first_failures[0]


def test_answers_that_the_journal_does_not_have_are_no_success() -> None:
    outcomes = {"Reserve": 1, "Commit": 1, "TopUp": 2, "TopUp resend": 1}
    timeline = Timeline([], 5, 0, 1.0, {}, outcomes, [])

    assert judge(timeline, event_count=4) == []
    assert judge(timeline, event_count=3) == ["5 answers, but only 3 events in the journal"]
