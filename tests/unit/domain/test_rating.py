"""Prices as exact fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocs.domain.rating import PriceTooFineError, Rate
from ocs.limits import QUANTITY_MAX

rates = st.builds(
    Rate.per_increment,
    st.integers(1, 10_000),
    st.integers(0, 10_000_000),
    st.integers(1, 500),
)


@given(rates, st.integers(0, QUANTITY_MAX))
def test_cost_is_the_exact_price_rounded_half_up(rate: Rate, units: int) -> None:
    exact = Fraction(units * rate.num, rate.den)
    rounded = int(exact + Fraction(1, 2))

    assert rate.cost(units) == (rounded if rounded <= QUANTITY_MAX else None)


@given(rates, st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_reports_in_between_never_drift(rate: Rate, reports: list[int]) -> None:
    at, paid = 0, 0
    for report in reports:
        before, after = rate.cost(at), rate.cost(at + report)
        assert before is not None
        assert after is not None
        paid += after - before
        at += report

    assert paid == rate.cost(sum(reports))


@given(rates, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10**9))
def test_reach_is_the_last_position_that_money_pays_for(
    rate: Rate, start: int, length: int, micros: int
) -> None:
    end = start + length
    base = rate.cost(start)
    assert base is not None

    reached = rate.reach(start, end, micros)

    cost = rate.cost(reached)
    assert cost is not None
    assert cost - base <= micros
    if reached < end:
        beyond = rate.cost(reached + 1)
        assert beyond is not None
        assert beyond - base > micros


@given(rates, st.integers(0, QUANTITY_MAX))
def test_boundaries_are_increments_around_a_position(rate: Rate, units: int) -> None:
    up, down = rate.round_up(units), rate.round_down(units)

    assert down <= units < down + rate.increment
    assert down % rate.increment == 0
    assert up in (None, down if units == down else down + rate.increment)


def test_180_seconds_at_a_tenth_a_minute_are_exactly_three_tenths() -> None:
    per_second = Rate.per_increment(1, 100_000, 60)

    assert per_second.cost(180) == 300_000


@pytest.mark.parametrize(
    ("increment", "num", "den"), [(0, 1, 1), (1, -1, 1), (1, 2, 4), (1, 1, 0), (2**53, 1, 1)]
)
def test_no_rate_that_is_not_a_reduced_fraction(increment: int, num: int, den: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rate(increment, num, den)


def test_a_price_whose_products_leave_the_exact_range_is_refused() -> None:
    with pytest.raises(PriceTooFineError, match="PRICE_TOO_FINE"):
        Rate(1, 2**40 + 1, 2**20)
