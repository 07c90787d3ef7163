"""CG, CE, LG: what one session costs (CGRateS, Lago), as this service decides it.

Prices are whole units of the currency; costs are exact to the micro-unit.
"""

from fractions import Fraction

import pytest

from ocs.domain.answer import Answer
from ocs.domain.bucket import BucketTerms
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Rounding, Stretch
from ocs.domain.units import Unit
from tests.support.stage import MONEY, Figures, Stage

_MINUTE = Fraction(MONEY, 60)
# A minute at least, then by the second; one for each second.
LAND = Rate.compiled([Stretch(0, 60, Fraction(MONEY)), Stretch(60, 1, Fraction(MONEY))])
# Rounded up to whole cents.
CENTS = Rate.compiled(
    [Stretch(0, 1, _MINUTE * 5 / 100)],
    rounding=Rounding.UP,
    quantum=MONEY // 100,
    connect_micros=150_000,
)
AT_MOST_10 = Rate.compiled([Stretch(0, 1, Fraction(MONEY))], max_micros=10 * MONEY)
FIRST_MINUTE = Rate.compiled(
    [Stretch(0, 60, _MINUTE * 2 / 10), Stretch(60, 1, _MINUTE / 10)], connect_micros=400_000
)
THREE = Rate.compiled([Stretch(0, 1, Fraction(MONEY, 100))], connect_micros=150_000)
FIRST_FREE = Rate.compiled(
    [Stretch(0, 1, Fraction(0)), Stretch(100, 100, Fraction(5 * MONEY, 100))]
)
WITH_10 = Rate.compiled([Stretch(0, 1, Fraction(600))], connect_micros=10 * MONEY)


async def cost(stage: Stage, rate: Rate, units: int) -> Answer:
    """Charge so many units with money at hand."""
    await stage.open()
    await stage.credit(1_000 * MONEY)
    return await stage.debit(units, stage.price("case", Unit.SECONDS, rate))


@pytest.mark.parametrize("rate", [FIRST_MINUTE, CENTS])
async def test_cg5_a_session_without_use_costs_nothing(stage: Stage, rate: Rate) -> None:
    await stage.open()
    await stage.credit(1_000 * MONEY)
    grant = await stage.reserve(60, stage.price("case", Unit.SECONDS, rate))

    ended = await stage.commit(grant.reservation_id, 0)

    assert ended.charged_micros == 0
    assert await stage.bucket() == Figures(1_000 * MONEY, 0, 0)


async def test_cg11_a_minute_then_seconds(stage: Stage) -> None:
    assert (await cost(stage, LAND, 132)).charged_micros == 132 * MONEY


@pytest.mark.parametrize(("units", "price"), [(1, 60), (65, 65)])
async def test_cg12_the_first_increment_is_the_least(stage: Stage, units: int, price: int) -> None:
    assert (await cost(stage, LAND, units)).charged_micros == price * MONEY


async def test_cg14_rounded_up_to_cents_with_a_connect_fee(stage: Stage) -> None:
    await stage.open()
    await stage.credit(MONEY)

    answer = await stage.debit(24, stage.price("case", Unit.SECONDS, CENTS))

    assert answer.charged_micros == 170_000
    assert (await stage.bucket()).balance == 830_000


async def test_cg16_a_grant_ends_where_the_most_is_spent(stage: Stage) -> None:
    await stage.open()
    await stage.credit(1_000 * MONEY)
    await stage.cap(10 * MONEY, period=Period.REQUEST)

    grant = await stage.reserve(1_800, "call")

    # There the session ends at its most; here a most is CG17's, and a cap says how much a single
    # grant may cost. The next one is a request of its own, so nothing is final.
    assert (grant.granted_units, grant.final_grant) == (10, False)
    assert grant.cap is not None
    assert grant.cap.cap_id == "c1"


async def test_cg17_a_session_costs_at_most_so_much(stage: Stage) -> None:
    assert (await cost(stage, AT_MOST_10, 1_800)).charged_micros == 10 * MONEY


async def test_cg29_below_zero_as_far_as_the_credit_limit(stage: Stage) -> None:
    await stage.open(credit_limit=5 * MONEY)
    rate = Rate.flat(1, MONEY // 2, 1)
    service = stage.price("case", Unit.SECONDS, rate)

    balances = []
    for _ in range(2):
        await stage.debit(5, service)
        balances.append((await stage.bucket()).balance)

    assert balances == [-2_500_000, -5_000_000]


async def test_ce1_connect_fee_first_minute_then_seconds(stage: Stage) -> None:
    assert (await cost(stage, FIRST_MINUTE, 120)).charged_micros == 700_000


async def test_ce2_a_part_of_a_minute_is_rounded_once(stage: Stage) -> None:
    # 0.71666...: half up to the micro-unit.
    assert (await cost(stage, FIRST_MINUTE, 130)).charged_micros == 716_667


async def test_ce5_a_price_for_1024_units(stage: Stage) -> None:
    rate = Rate.per_increment(1_024, MONEY, 1)

    assert (await cost(stage, rate, 2_048)).charged_micros == 2 * MONEY


async def test_ce9_seconds_of_one_bucket_then_of_the_next(stage: Stage) -> None:
    await stage.open()
    await stage.credit(5, bucket_id="voice", terms=BucketTerms(Unit.SECONDS, 1))
    await stage.credit(3_595, bucket_id="other", terms=BucketTerms(Unit.SECONDS, 2))

    await stage.debit(10, "call")

    assert (await stage.bucket("voice")).balance == 0
    assert (await stage.bucket("other")).balance == 3_590


async def test_ce17_a_connect_fee_and_three_units(stage: Stage) -> None:
    assert (await cost(stage, THREE, 3)).charged_micros == 180_000


async def test_lg1_a_price_for_each(stage: Stage) -> None:
    assert (await cost(stage, Rate.flat(1, 50_000, 1), 1_000)).charged_micros == 50 * MONEY


async def test_lg2_packages_behind_units_that_are_free(stage: Stage) -> None:
    assert (await cost(stage, FIRST_FREE, 201)).charged_micros == 10 * MONEY


async def test_lg11_a_price_for_each_and_one_for_all(stage: Stage) -> None:
    assert (await cost(stage, WITH_10, 65_000)).charged_micros == 49 * MONEY
