"""Each charge's event names the steps of the price list that rated it."""

from dataclasses import replace
from fractions import Fraction

import pytest

from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import Basis
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff import HOME_ZONE
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.domain.units import Unit
from tests.support.stage import START_MS, Stage
from tests.support.tariffs import tariff_of

CHANGE_MS = START_MS + 100_000
STEPS = Rate.compiled([Stretch(0, 60, Fraction(3)), Stretch(120, 1, Fraction(2)),
                       Stretch(200, 1, Fraction(1))])  # fmt: skip
CALL = ServiceTerms("call", Unit.SECONDS, HOME_ZONE, STEPS, 1, 60_000, "old", "call/old")
TIERED = ServiceTerms(
    "data",
    Unit.OCTETS,
    HOME_ZONE,
    Rate.compiled([Stretch(0, 1, Fraction(3)), Stretch(100, 1, Fraction(1))]),
    1,
    60_000,
    "old",
    "data/old",
    tier_id(Period.MONTH, "data"),
)
DEAR = replace(CALL, rate=Rate.flat(1, 9, 1), tariff_version="new", price_id="call/new")


@pytest.fixture
async def priced(stage: Stage) -> Stage:
    """An account with money; calls have three steps, and one from CHANGE_MS on; data has tiers."""
    old, new = tariff_of("old", [CALL, TIERED]), tariff_of("new", [DEAR])
    stage.price_by(TariffBook([TariffVersion(0, old), TariffVersion(CHANGE_MS, new)]))
    await stage.open()
    await stage.credit(1_000_000)
    return stage


async def steps(stage: Stage) -> list[tuple[int, int]]:
    """Of the newest event."""
    return (await stage.read_journal())[-1].event.steps


async def test_a_session_goes_through_its_steps_report_by_report(priced: Stage) -> None:
    granted = await priced.reserve(400, "call", session_id="s")
    told = []
    for used in (30, 20, 10, 61, 79, 5):  # to 30, 50, 60, 121, 200, 205
        await priced.commit(granted.reservation_id, used, step=Step.KEEP)
        told.append(await steps(priced))

    assert told == [[(1, 1)], [(1, 1)], [(1, 1)], [(1, 2)], [(2, 2)], [(3, 3)]]


async def test_what_was_paid_before_has_the_step_that_comes_next(priced: Stage) -> None:
    granted = await priced.reserve(400, "call", session_id="s")
    await priced.commit(granted.reservation_id, 70, step=Step.KEEP)  # rated to 120

    await priced.commit(granted.reservation_id, 50, step=Step.KEEP)

    assert await steps(priced) == [(2, 2)]


async def test_units_that_a_bundle_pays_for_run_through_the_steps_too(priced: Stage) -> None:
    await priced.credit(150, bucket_id="free", terms=BucketTerms(unit=Unit.SECONDS, priority=1))

    answer = await priced.debit(150, "call")

    assert (answer.charged_micros, await steps(priced)) == (0, [(1, 2)])


async def test_use_on_both_sides_of_a_change_names_steps_of_both_prices(priced: Stage) -> None:
    granted = await priced.reserve(200, "call", session_id="s")
    await priced.commit(granted.reservation_id, 120, step=Step.KEEP)
    priced.clock.now_ms = CHANGE_MS + 20_000
    used = (60, CHANGE_MS - 40_000, CHANGE_MS + 20_000)

    await priced.commit(granted.reservation_id, 0, used=(used,))

    assert [piece[1:] for piece in priced.contexts[-1].pieces] == [
        ("old", "call/old"),
        ("new", "call/new"),
    ]
    assert await steps(priced) == [(2, 2), (1, 1)]


async def test_a_tier_names_the_steps_of_the_accounts_use(priced: Stage) -> None:
    await priced.debit(90, "data", session_id="one")
    first = await steps(priced)
    await priced.debit(20, "data", session_id="other")
    second = await steps(priced)
    await priced.debit(1, "data", session_id="one")

    assert (first, second, await steps(priced)) == ([(1, 1)], [(1, 2)], [(2, 2)])


async def test_what_charges_nothing_names_no_step(priced: Stage) -> None:
    await priced.debit(10**9, "call", basis=Basis.AUTHORIZE)
    refused = await steps(priced)
    await priced.reserve(10, "call")

    assert (refused, await steps(priced)) == ([], [])
