"""LG, KB: prices that go by how much was used (Lago, Kill Bill), as this service decides it.

A line prices each unit by the use of the account in its period, in tiers. What a source adds to a
tier as a whole is in the price of its first unit here: a cost that follows use is due with use.
Figures are whole units of the currency.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import pytest

from ocs.domain.bucket import MAIN
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff import HOME_ZONE
from ocs.domain.tariff_book import TariffBook
from ocs.domain.units import Unit
from tests.support.stage import MONEY, Stage
from tests.support.tariffs import tariff_of

Tiers = Sequence[tuple[int, str]]

# From how many units on, and the price of each unit from there.
BAR: Final[Tiers] = ((0, "2"), (100, "20"))
FOO: Final[Tiers] = ((0, "1"), (10, "10"), (60, "100"))
# A total of the same units all at the price of the highest tier that is reached.
BAR_AT_TOP: Final[Tiers] = ((0, "2"), (100, "1820"), (101, "20"))
FOO_AT_TOP: Final[Tiers] = ((0, "1"), (10, "100"), (11, "10"), (60, "5500"), (61, "100"))


def terms_of(service_id: str, tiers: Tiers, *, fee: str = "0", increment: int = 1) -> ServiceTerms:
    """Price a service by the use of a month; fee: once in each session."""
    rate = Rate.compiled(
        [Stretch(start, increment, Fraction(price) * MONEY) for start, price in tiers],
        connect_micros=int(Fraction(fee) * MONEY),
    )
    tier = tier_id(Period.MONTH, service_id)
    return ServiceTerms(
        service_id, Unit.COUNT, HOME_ZONE, rate, 1, 600_000, "tiers", service_id, tier
    )


async def open_with(stage: Stage, *services: ServiceTerms) -> None:
    """Offer services to an account with ample money."""
    stage.price_by(TariffBook.of(tariff_of("tiers", services)))
    await stage.open()
    await stage.credit(1_000_000 * MONEY)


async def cost_of(stage: Stage, **units: int) -> int:
    """Use so much of each service; return the cost of all, micro-units."""
    answers = [await stage.debit(number, service_id) for service_id, number in units.items()]
    assert all(answer.uncollected_units == 0 for answer in answers)
    spent = (await stage.bucket(MAIN)).spent
    assert spent == sum(answer.charged_micros for answer in answers)
    return spent


@pytest.mark.parametrize("steps", [(1, 9, 1, 1, 9), (10, 2, 9), (11, 10), (21,)])
async def test_lg4_each_tier_has_its_price_and_a_fee_of_its_own(
    stage: Stage, steps: tuple[int, ...]
) -> None:
    # 2, 3 and 3 with the first unit of each. There the first 2 are due without any use.
    tiers = ((0, "12"), (1, "10"), (10, "8"), (11, "5"), (20, "8"), (21, "5"))
    await open_with(stage, terms_of("unit", tiers))
    costs = {0: 0, 1: 12, 10: 102, 11: 110, 12: 115, 21: 163}

    used = cost = 0
    for units in steps:
        cost += (await stage.debit(units, "unit")).charged_micros
        used += units

        assert cost == costs[used] * MONEY


@pytest.mark.parametrize(("used", "cost"), [(50, 500_000), (500, 3 * MONEY)])
async def test_lg5_tiers_of_parts_of_a_unit(stage: Stage, used: int, cost: int) -> None:
    # Use is counted in whole units: here in thousandths of the source's.
    await open_with(stage, terms_of("thousandth", ((0, "0.010"), (100, "0.005"))))

    assert await cost_of(stage, thousandth=used) == cost


@pytest.mark.parametrize(
    ("value", "event", "cost"),
    [
        (((0, "0.013"),), ((0, "2"),), 18_400_000),
        (((0, "0"), (250, "0.013")), ((0, "0"), (2, "2")), 11_150_000),
        (((0, "0"), (400, "0.013")), ((0, "0"), (3, "2")), 7_200_000),
    ],
)
async def test_lg7_a_part_of_the_value_and_a_fee_for_each_event(
    stage: Stage, value: Tiers, event: Tiers, cost: int
) -> None:
    """The value is metered as a service, the event as another; each has what is free of it."""
    await open_with(stage, terms_of("value", value), terms_of("event", event))

    charged = 0
    for worth in (100, 100, 200, 400):
        charged += (await stage.debit(worth, "value")).charged_micros
        charged += (await stage.debit(1, "event")).charged_micros

    assert charged == cost


async def test_lg9_a_part_of_the_value_alone(stage: Stage) -> None:
    await open_with(stage, terms_of("value", ((0, "0.029"),)))

    assert await cost_of(stage, value=4) == 116_000


async def test_kb6_blocks_of_two_services(stage: Stage) -> None:
    minutes = terms_of("minutes", ((0, "0.0005"),), increment=1_000)
    megabytes = terms_of("megabytes", ((0, "3/5120"),), increment=512)
    await open_with(stage, minutes, megabytes)

    assert await cost_of(stage, minutes=1_000, megabytes=30_720) == 18_500_000


@pytest.mark.parametrize(("bar", "foo", "cost"), [(99, 5, 203), (101, 5, 225)])
async def test_kb7_tiers_of_two_services(stage: Stage, bar: int, foo: int, cost: int) -> None:
    await open_with(stage, terms_of("bar", BAR), terms_of("foo", FOO))

    assert await cost_of(stage, bar=bar, foo=foo) == cost * MONEY


async def test_kb8_all_tiers_of_two_services(stage: Stage) -> None:
    await open_with(stage, terms_of("bar", BAR), terms_of("foo", FOO))

    assert await cost_of(stage, foo=75, bar=101) == 2_230 * MONEY


@pytest.mark.parametrize(("foo", "cost"), [(5, 2_025), (76, 9_620)])
async def test_kb9_a_top_tier_that_never_makes_more_use_cheaper(
    stage: Stage, foo: int, cost: int
) -> None:
    """The first unit of a tier brings all before it up to the price of that tier."""
    await open_with(stage, terms_of("bar", BAR_AT_TOP), terms_of("foo", FOO_AT_TOP))

    assert await cost_of(stage, bar=101, foo=foo) == cost * MONEY
