"""The figures of the whole demo, put together from what the gateways report."""

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from ocs.demo.link import Line
from ocs.demo.tally import FAILED, REFUSED, REPLAY_DIFFERS, named

_RATE_WINDOW_S: Final = 3.0
_LATENCIES_MAX: Final = 2_000
_NOTES_MAX: Final = 5


class Board:
    """Figures since the start of this run; of latencies the last ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.latencies_us: deque[int] = deque(maxlen=_LATENCIES_MAX)
        self.notes: deque[str] = deque(maxlen=_NOTES_MAX)
        self._clock = clock
        self._counts: dict[str, Counter[str]] = {}
        self._past: deque[tuple[float, int]] = deque()

    def take(self, gateway: str, report: Line) -> None:
        """Take over a gateway's report; its counters are totals, money held as it last was."""
        self._counts[gateway] = Counter(report["counts"])
        self.latencies_us.extend(report["latencies_us"])
        self.notes.extend(report["notes"])
        now = self._clock()
        self._past.append((now, self.counts["charges"]))
        while self._past[0][0] < now - _RATE_WINDOW_S:
            self._past.popleft()

    @property
    def counts(self) -> Counter[str]:
        """The counters of all gateways together."""
        total: Counter[str] = Counter()
        for counts in self._counts.values():
            total.update(counts)
        return total

    @property
    def charges_per_s(self) -> float:
        """Charging calls per second over the last seconds."""
        if len(self._past) < 2:  # noqa: PLR2004  a rate needs two points
            return 0.0
        (began, before), (ended, after) = self._past[0], self._past[-1]
        return (after - before) / (ended - began) if ended > began else 0.0

    @property
    def replays_differ(self) -> bool:
        """Whether a resend ever got another answer than the first send: it never may."""
        return bool(self.counts[FAILED + REPLAY_DIFFERS])

    def summary(self) -> list[str]:
        """The run in four lines, five if calls failed; plain figures, for eyes and scripts."""
        counts = self.counts
        operations = (
            f"operations: {counts['operations']} ({counts['charges']} charges,"
            f" {counts['top_ups']} top-ups; {counts['replays']} sent again and replayed)"
        )
        bundles = f"bundles: {counts['bundles']} bought, {counts['renewals']} seen renewed"
        tariffs = (
            f"tariffs: {counts['price_changes']} activated while sessions ran,"
            f" {counts['cut_grants']} grants ended there;"
            f" {counts['split_calls']} calls over the peak's end"
        )
        lines = [operations, bundles, tariffs, f"refused: {_listed(counts, REFUSED)}"]
        failed = _listed(counts, FAILED)
        return lines if failed == "0" else [f"failed: {failed}", *lines]


def _listed(counts: Counter[str], prefix: str) -> str:
    found = named(counts, prefix)
    parts = ", ".join(f"{name} {count}" for name, count in found)
    return f"{sum(count for _, count in found)} ({parts})" if found else "0"
