"""Latencies of single calls, kept one by one: percentiles are exact, not read off a histogram."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Final, Self

SHOWN: Final = (50.0, 90.0, 99.0, 99.9)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The least value that so many per cent do not exceed (nearest rank); 0 of nothing."""
    if not ordered:
        return 0.0
    rank = ceil(round(len(ordered) * percent / 100, 9))
    return ordered[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Second:
    """What was answered in one second of the run. Latencies are in milliseconds."""

    second: int
    calls: int
    failures: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run, second by second and as a whole. outcomes: calls by what was answered."""

    seconds: list[Second]
    calls: int
    failures: int
    run_s: float
    percentiles_ms: dict[str, float]
    outcomes: dict[str, int]
    first_failures: list[str]

    @property
    def rate(self) -> float:
        """Calls answered per second of the run."""
        return self.calls / self.run_s if self.run_s else 0.0

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what was written."""
        plain = json.loads(path.read_text("utf-8"))
        return cls(**{**plain, "seconds": [Second(**each) for each in plain["seconds"]]})


class Recorder:
    """Takes the calls of a run. Times are in seconds since its start."""

    FAILURES_KEPT: Final = 10

    def __init__(self) -> None:
        self._latencies_ms: list[array[float]] = []
        self._failures: list[int] = []
        self._outcomes: dict[str, int] = {}
        self._first_failures: list[str] = []
        self._end_s = 0.0

    def answered(self, at_s: float, latency_ms: float, outcome: str) -> None:
        """Take note of a right answer. outcome: method and decision."""
        self._reach(at_s)
        self._latencies_ms[int(at_s)].append(latency_ms)
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1

    def failed(self, at_s: float, why: str) -> None:
        """Take note of a wrong answer, or none."""
        self._reach(at_s)
        self._failures[int(at_s)] += 1
        if len(self._first_failures) < self.FAILURES_KEPT:
            self._first_failures.append(why)

    def timeline(self) -> Timeline:
        """The run so far."""
        seconds, ordered = [], []
        for number, latencies in enumerate(self._latencies_ms):
            own = sorted(latencies)
            ordered += own
            seconds.append(
                Second(
                    number,
                    len(own),
                    self._failures[number],
                    percentile(own, 50),
                    percentile(own, 99),
                )
            )
        ordered.sort()
        return Timeline(
            seconds,
            len(ordered),
            sum(self._failures),
            self._end_s,
            {f"{percent:g}": percentile(ordered, percent) for percent in (*SHOWN, 100.0)},
            dict(sorted(self._outcomes.items())),
            self._first_failures,
        )

    def ordered_ms(self) -> list[float]:
        """All latencies, the least first."""
        return sorted(value for latencies in self._latencies_ms for value in latencies)

    def _reach(self, at_s: float) -> None:
        self._end_s = max(self._end_s, at_s)
        while len(self._latencies_ms) <= int(at_s):
            self._latencies_ms.append(array("d"))
            self._failures.append(0)


def table(timeline: Timeline) -> str:
    """A run for a terminal."""
    lines = [f"{count:>9}  {outcome}" for outcome, count in timeline.outcomes.items()]
    lines.append(f"{timeline.failures:>9}  unexpected failures")
    lines += [f"           {why}" for why in timeline.first_failures]
    shown = "  ".join(
        f"{'max' if name == '100' else f'p{name}'} {value:.2f} ms"
        for name, value in timeline.percentiles_ms.items()
    )
    lines.append(
        f"{timeline.calls} calls in {timeline.run_s:.1f} s, {timeline.rate:.0f}/s; {shown}"
    )
    return "\n".join(lines)


def share_of(method: str, timeline: Timeline) -> float:
    """What part of the answers were a method's."""
    of_method = sum(
        count for name, count in timeline.outcomes.items() if name.partition(" ")[0] == method
    )
    return of_method / timeline.calls if timeline.calls else 0.0


def resends(timeline: Timeline) -> int:
    """Calls that were sent a second time, which make no event."""
    return sum(count for name, count in timeline.outcomes.items() if name.endswith(" resend"))
