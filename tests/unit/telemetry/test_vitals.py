"""Rates and percentiles of the last seconds, from the counts that are kept anyway."""

import pytest

from ocs.ports import Vitals
from ocs.telemetry.metrics import DURATION_BOUNDS_S, Metrics
from ocs.telemetry.vitals import WINDOW_S, VitalSigns, percentile_us

RESERVE = "ocs.v1.ChargingService/Reserve"


def test_without_calls_there_is_nothing_to_say() -> None:
    signs = VitalSigns(Metrics())
    assert signs.measure(0.0) == Vitals(0, 0, 0, 0)
    assert signs.measure(1.0) == Vitals(0, 0, 0, 0)


def test_answered_and_shed_calls_are_told_apart_and_other_services_left_out() -> None:
    metrics = Metrics()
    signs = VitalSigns(metrics)
    signs.measure(0.0)
    for _ in range(10):
        metrics.durations(RESERVE, "OK").record(0.003)
    metrics.durations(RESERVE, "RESOURCE_EXHAUSTED").record(0.0)
    metrics.durations("ocs.v1.AccountService/GetAccount", "OK").record(3.0)
    vitals = signs.measure(2.0)
    assert (vitals.calls_per_s_e3, vitals.shed_per_s_e3) == (5_000, 500)
    assert 2_000 < vitals.p50_us < vitals.p99_us <= 5_000


def test_what_is_older_than_the_window_no_longer_counts() -> None:
    metrics = Metrics()
    signs = VitalSigns(metrics)
    signs.measure(0.0)
    metrics.durations(RESERVE, "OK").record(0.003)
    vitals = signs.measure(0.5)
    for second in range(1, 2 * int(WINDOW_S)):
        vitals = signs.measure(float(second))
    assert vitals == Vitals(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("share", "expected_us"),
    [(0.25, 500), (0.5, 1_000), (0.75, 1_500), (1.0, 2_000)],
)
def test_calls_lie_evenly_within_a_bucket(share: float, expected_us: int) -> None:
    counts = [0] * (len(DURATION_BOUNDS_S) + 1)
    counts[0], counts[1], counts[2] = 1, 1, 2
    assert percentile_us(counts, share) == expected_us


def test_beyond_the_last_bound_a_percentile_is_the_bound() -> None:
    counts = [0] * len(DURATION_BOUNDS_S) + [3]
    assert percentile_us(counts, 0.5) == 1_000_000 * DURATION_BOUNDS_S[-1]
