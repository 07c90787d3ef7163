"""How the process answers, over a moving window: from the counts that the metrics keep anyway."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from ocs.ports import Vitals
from ocs.telemetry.metrics import DURATION_BOUNDS_S, Metrics

WINDOW_S: Final = 10.0
_SERVICE: Final = "ocs.v1.ChargingService/"
_SHED: Final = "RESOURCE_EXHAUSTED"
_US_PER_S: Final = 1_000_000


class _Reading(NamedTuple):
    """Totals at a moment. counts: answered calls by duration."""

    at_s: float
    counts: list[int]
    shed_count: int


class VitalSigns:
    """Rates and percentiles of the charging calls of the last WINDOW_S seconds."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._readings: deque[_Reading] = deque()

    def measure(self, at_s: float) -> Vitals:
        """Measure since the oldest reading of the window; at_s: of a clock that is never set."""
        now = self._read(at_s)
        self._readings.append(now)
        while len(self._readings) > 1 and self._readings[1].at_s <= at_s - WINDOW_S:
            self._readings.popleft()
        before = self._readings[0]
        seconds = now.at_s - before.at_s
        if seconds <= 0:
            return Vitals(0, 0, 0, 0)
        counts = [new - old for new, old in zip(now.counts, before.counts, strict=True)]
        return Vitals(
            calls_per_s_e3=round(1000 * sum(counts) / seconds),
            shed_per_s_e3=round(1000 * (now.shed_count - before.shed_count) / seconds),
            p50_us=percentile_us(counts, 0.50),
            p99_us=percentile_us(counts, 0.99),
        )

    def _read(self, at_s: float) -> _Reading:
        counts, shed_count = [0] * (len(DURATION_BOUNDS_S) + 1), 0
        for (method, code), durations in self._metrics.all_durations():
            if not method.startswith(_SERVICE):
                continue
            if code == _SHED:
                shed_count += sum(durations.counts)
            else:
                counts = [one + more for one, more in zip(counts, durations.counts, strict=True)]
        return _Reading(at_s, counts, shed_count)


def percentile_us(counts: Sequence[int], share: float) -> int:
    """Estimate the duration that a share of the calls do not pass; 0 without calls.

    counts: by bucket of DURATION_BOUNDS_S. Within a bucket calls are taken to lie evenly; what is
    above the last bound is said to be at it.
    """
    wanted, below = share * sum(counts), 0
    lower_s = 0.0
    for count, upper_s in zip(counts, (*DURATION_BOUNDS_S, DURATION_BOUNDS_S[-1]), strict=True):
        if count and below + count >= wanted:
            return round(_US_PER_S * (lower_s + (upper_s - lower_s) * (wanted - below) / count))
        below += count
        lower_s = upper_s
    return 0
