"""Prices as exact fractions."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocs.domain.price_function import reach, steps_of
from ocs.domain.rating import PriceTooFineError, Rate, Rounding, Stretch
from ocs.limits import QUANTITY_MAX

rates = st.builds(
    Rate.per_increment,
    st.integers(1, 10_000),
    st.integers(0, 10_000_000),
    st.integers(1, 500),
)


@st.composite
def price_lists(draw: st.DrawFn) -> list[Stretch]:
    """Up to five lines; each begins where the one before ends an increment."""
    lines, start = [], 0
    for _ in range(draw(st.integers(1, 5))):
        increment = draw(st.integers(1, 70))
        price = draw(st.fractions(0, 50, max_denominator=60))
        lines.append(Stretch(start, increment, price))
        start += increment * draw(st.integers(1, 90))
    return lines


@given(rates, st.integers(0, QUANTITY_MAX))
def test_cost_is_the_exact_price_rounded_half_up(rate: Rate, units: int) -> None:
    exact = units * rate.price_list()[0].price
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

    reached = reach(rate, start, end, micros)

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
    increment = rate.steps[0].increment

    assert down <= units < down + increment
    assert down % increment == 0
    assert up in (None, down if units == down else down + increment)


def test_180_seconds_at_a_tenth_a_minute_are_exactly_three_tenths() -> None:
    per_second = Rate.per_increment(1, 100_000, 60)

    assert per_second.cost(180) == 300_000


@pytest.mark.parametrize(
    ("increment", "num", "den"), [(0, 1, 1), (1, -1, 1), (1, 2, 4), (1, 1, 0), (2**53, 1, 1)]
)
def test_no_rate_that_is_not_a_reduced_fraction(increment: int, num: int, den: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rate.flat(increment, num, den)


def test_a_price_whose_products_leave_the_exact_range_is_refused() -> None:
    with pytest.raises(PriceTooFineError, match="PRICE_TOO_FINE"):
        Rate.flat(1, 2**40 + 1, 2**20)


def exact_cost(lines: list[Stretch], units: int) -> Fraction:
    """The whole price of a session, without any compiling."""
    ends = [line.start for line in lines[1:]] + [QUANTITY_MAX + 1]
    return sum(
        (
            (min(units, end) - line.start) * line.price
            for line, end in zip(lines, ends, strict=True)
            if line.start < units
        ),
        Fraction(0),
    )


def rounded(exact: Fraction, quantum: int, rounding: Rounding) -> int:
    """To whole quanta."""
    quanta = exact / quantum
    whole = {
        Rounding.HALF_UP: floor(quanta + Fraction(1, 2)),
        Rounding.UP: ceil(quanta),
        Rounding.DOWN: floor(quanta),
    }
    return whole[rounding] * quantum


@given(price_lists(), st.sampled_from(Rounding), st.sampled_from([1, 10, 10_000]), st.data())
def test_steps_add_up_and_are_rounded_once(
    lines: list[Stretch], rounding: Rounding, quantum: int, data: st.DataObject
) -> None:
    rate = Rate.compiled(lines, rounding=rounding, quantum=quantum)
    edges = [line.start + near for line in lines for near in (-1, 0, 1) if line.start + near >= 0]
    units = data.draw(st.one_of(st.integers(0, 20_000), st.sampled_from(edges)))

    assert rate.cost(units) == rounded(exact_cost(lines, units), quantum, rounding)
    assert rate.price_list() == lines


@given(price_lists(), st.integers(0, 20_000))
def test_boundaries_count_from_where_the_step_begins(lines: list[Stretch], units: int) -> None:
    rate = Rate.compiled(lines)
    starts = [line.start for line in lines]
    boundaries = {
        at
        for line, end in zip(lines, [*starts[1:], 40_000], strict=True)
        for at in range(line.start, end + 1, line.increment)
    }

    assert rate.round_down(units) == max(at for at in boundaries if at <= units)
    assert rate.round_up(units) == min(at for at in boundaries if at >= units)


@given(price_lists(), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10**7))
def test_a_session_costs_no_more_than_its_most(
    lines: list[Stretch], units: int, more: int, most: int
) -> None:
    free, bounded = Rate.compiled(lines), Rate.compiled(lines, max_micros=most)
    cost, after = free.cost(units), bounded.cost(units + more)
    assert cost is not None
    assert after is not None

    assert bounded.cost(units) == (min(cost, most) if most else cost)
    assert after >= (bounded.cost(units) or 0)


def test_a_minimum_is_a_first_long_increment() -> None:
    """A landline: at least a minute, then by the second, one each."""
    land = Rate.compiled([Stretch(0, 60, Fraction(1_000_000)), Stretch(60, 1, Fraction(1_000_000))])

    assert [land.round_up(units) for units in (1, 60, 65, 132)] == [60, 60, 65, 132]
    assert land.cost(132) == 132_000_000


@pytest.mark.parametrize(
    ("starts", "increment"), [((1,), 1), ((0, 0), 1), ((0, 5, 3), 1), ((0, 65), 60)]
)
def test_steps_follow_one_another_at_the_end_of_an_increment(
    starts: tuple[int, ...], increment: int
) -> None:
    with pytest.raises(ValueError, match="begin"):
        Rate.compiled([Stretch(start, increment, Fraction(1)) for start in starts])


def test_no_more_steps_than_a_script_is_given() -> None:
    with pytest.raises(ValueError, match="1 to 8 steps"):
        Rate.compiled([Stretch(start, 1, Fraction(1)) for start in range(9)])


def test_fractions_that_add_up_too_fine_are_refused() -> None:
    """Each is fine by itself; the second goes on from what the first left behind the point."""
    fine = Fraction(1, 94_906_249)
    finer = Fraction(1, 94_906_247)
    for price in (fine, finer):
        assert Rate.compiled([Stretch(0, 1, price)]).cost(1) == 0

    with pytest.raises(PriceTooFineError):
        Rate.compiled([Stretch(0, 1, fine), Stretch(1, 1, finer * 3)])


@given(price_lists(), st.integers(0, 9_000), st.integers(1, 9_000))
def test_the_steps_of_some_use_are_those_of_its_first_and_last_unit(
    lines: list[Stretch], start: int, length: int
) -> None:
    starts = [line.start for line in lines]
    of_first = sum(one <= start for one in starts)
    of_last = sum(one <= start + length - 1 for one in starts)

    assert steps_of(Rate.compiled(lines), start, start + length) == [(of_first, of_last)]
