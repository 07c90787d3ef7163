"""Charges under another version: hand-worked sums, and random sessions against the oracle."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from ocs.domain.bucket import BucketTerms
from ocs.domain.periods import Period
from ocs.domain.rating import PriceTooFineError, Rate, Stretch
from ocs.domain.rerating import NotRatable, RatedCharge, Wanted
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.domain.tariff_line import Line, Variant
from ocs.domain.units import Unit
from tests.rating.cases import random_price
from tests.rating.journals import EVER, Journaled
from tests.rating.oracle import PriceList, rated_units, session_money
from tests.support.stage import MONEY, START_MS
from tests.support.tariffs import PLAN, tariff_of

SEED = 20_261_123
SESSIONS = 300
DAY_MS = 86_400_000


def version(name: str, prices: dict[str, tuple[Unit, Rate]]) -> Tariff:
    return tariff_of(
        name,
        [
            ServiceTerms(service_id, unit, HOME_ZONE, rate, 1, 60_000, name, service_id)
            for service_id, (unit, rate) in prices.items()
        ],
    )


def per_minute(increment: int, micros: int, fee: int = 0) -> Rate:
    rate = Rate.per_increment(increment, micros * increment, 60)
    return replace(rate, connect_micros=fee)


OLD = version(
    "old",
    {
        "call": (Unit.SECONDS, per_minute(60, 120_000)),
        "sms": (Unit.COUNT, Rate.flat(1, 50_000, 1)),
    },
)
NEW = version(
    "new",
    {
        "call": (Unit.SECONDS, per_minute(1, 90_000, fee=10_000)),
        "sms": (Unit.COUNT, Rate.flat(1, 70_000, 1)),
    },
)


@pytest.fixture
async def journaled() -> Journaled:
    """An account with money, charged by OLD."""
    found = Journaled()
    found.stage.price_by(TariffBook.of(OLD))
    await found.stage.open()
    await found.stage.credit(10 * MONEY)
    return found


def money(charges: list[RatedCharge]) -> list[tuple[int, int | None]]:
    return [(charge.old, charge.new) for charge in charges]


async def test_each_charge_is_priced_anew_with_the_other_increments(journaled: Journaled) -> None:
    await journaled.stage.debit(90, "call")  # 2 minutes at 0.12; 90 s at 0.09 and 0.01
    await journaled.stage.debit(3, "sms")

    charges = journaled.rerated(NEW)

    assert money(charges) == [(240_000, 145_000), (150_000, 210_000)]
    assert [charge.difference for charge in charges] == [-95_000, 60_000]
    assert [charge.difference for charge in journaled.rerated(OLD)] == [0, 0]


async def test_a_session_goes_on_from_report_to_report(journaled: Journaled) -> None:
    """61 s: the old version rates 60, 60 and 0 s; the other one 30, 31 and 10, and a fee once."""
    granted = await journaled.stage.reserve(600, "call")
    for units, step in ((30, Step.KEEP), (31, Step.KEEP), (10, Step.CLOSE)):
        await journaled.stage.commit(granted.reservation_id, units, step=step)

    charges = journaled.rerated(NEW)

    assert money(charges) == [
        (120_000, 45_000 + 10_000),
        (120_000, 46_500),
        (0, 15_000),
    ]


async def test_a_session_that_began_before_goes_on_where_it_stood(journaled: Journaled) -> None:
    """The first 30 s are not looked at: 60 s are paid, so the next 31 s owe the 61st alone."""
    granted = await journaled.stage.reserve(600, "call")
    await journaled.stage.commit(granted.reservation_id, 30, step=Step.KEEP)
    journaled.stage.clock.now_ms += 30_000
    await journaled.stage.commit(granted.reservation_id, 31)

    (charge,) = journaled.rerated(NEW, replace(EVER, from_ms=START_MS + 1))

    assert (charge.old, charge.new) == (120_000, 1_500)


async def test_what_buckets_of_units_paid_stays_paid(journaled: Journaled) -> None:
    """60 s of a bundle, then 60 s of money, of which 40 s were used; a round-up is the payer's."""
    await journaled.stage.credit(60, bucket_id="minutes", terms=BucketTerms(Unit.SECONDS, 1))
    await journaled.stage.debit(100, "call")
    longer = version("longer", {"call": (Unit.SECONDS, per_minute(300, 60_000))})

    assert money(journaled.rerated(NEW)) == [(120_000, 60_000 + 10_000)]
    assert money(journaled.rerated(longer)) == [(120_000, 240_000)]


async def test_a_bundle_that_is_bought_during_a_call_pays_in_the_middle(
    journaled: Journaled,
) -> None:
    """600 s of money that is held, 60 s of the bundle, then 60 s of money at half the price."""
    half = [Stretch(0, 60, Fraction(2_000)), Stretch(660, 60, Fraction(1_000))]
    steps = version("steps", {"call": (Unit.SECONDS, Rate.compiled(half))})
    journaled.stage.price_by(TariffBook.of(steps))
    granted = await journaled.stage.reserve(600, "call")
    await journaled.stage.credit(60, bucket_id="minutes", terms=BucketTerms(Unit.SECONDS, 1))
    answer = await journaled.stage.commit(granted.reservation_id, 720)

    (charge,) = journaled.rerated(steps)

    assert [(paid.bucket_id, paid.units) for paid in answer.payments] == [
        ("main", 660),
        ("minutes", 60),
    ]
    assert (charge.old, charge.new) == (1_260_000, 1_260_000)
    assert money(journaled.rerated(NEW)) == [(1_260_000, 660 * 1_500 + 10_000)]


async def test_who_paid_last_pays_for_longer_increments(journaled: Journaled) -> None:
    await journaled.stage.credit(600, bucket_id="minutes", terms=BucketTerms(Unit.SECONDS, 1))
    await journaled.stage.debit(100, "call")
    longer = version("longer", {"call": (Unit.SECONDS, per_minute(300, 60_000))})

    assert money(journaled.rerated(longer)) == [(0, 0)]


async def test_what_nobody_paid_is_no_difference_as_far_as_it_is_not_asked_for(
    journaled: Journaled,
) -> None:
    """5 of 250 messages' 12.50 were not collected: the other version asks for less than that."""
    await journaled.stage.debit(250, "sms")
    cheaper = version("cheaper", {"sms": (Unit.COUNT, Rate.flat(1, 45_000, 1))})
    free = version("free", {"sms": (Unit.COUNT, Rate.flat(1, 10_000, 1))})

    assert [charge.difference for charge in journaled.rerated(OLD)] == [0]
    assert [charge.difference for charge in journaled.rerated(cheaper)] == [0]
    assert [charge.difference for charge in journaled.rerated(free)] == [-7_500_000]
    assert [charge.difference for charge in journaled.rerated(NEW)] == [5_000_000]


async def test_what_has_no_price_or_another_currency_is_told(journaled: Journaled) -> None:
    await journaled.stage.debit(1, "sms")
    await journaled.stage.debit(1, "fax")
    no_sms = version("no-sms", {"call": (Unit.SECONDS, per_minute(1, 1))})
    dollars = replace(NEW, currency="USD")
    huge = version("huge", {"sms": (Unit.COUNT, Rate.flat(2**40, 2**40, 1))})

    def reasons(tariff: Tariff) -> list[NotRatable | None]:
        return [charge.not_ratable for charge in journaled.rerated(tariff)]

    assert reasons(NEW) == [None, NotRatable.NEVER_RATED]
    assert reasons(no_sms) == [NotRatable.NO_PRICE, NotRatable.NEVER_RATED]
    assert reasons(dollars) == [NotRatable.CURRENCY, NotRatable.NEVER_RATED]
    assert reasons(huge) == [NotRatable.CHARGE_LIMIT, NotRatable.NEVER_RATED]
    assert all(charge.difference == 0 for charge in journaled.rerated(dollars))


async def test_only_what_is_asked_for_is_looked_at(journaled: Journaled) -> None:
    await journaled.stage.debit(1, "sms")
    await journaled.stage.debit(1, "call", event_ms=START_MS - 5_000)

    def looked_at(wanted: Wanted) -> list[str]:
        return [charge.service_id for charge in journaled.rerated(NEW, wanted)]

    assert looked_at(EVER) == ["sms", "call"]
    assert looked_at(replace(EVER, service_id="sms")) == ["sms"]
    assert looked_at(replace(EVER, plan="none")) == []
    assert looked_at(replace(EVER, plan=PLAN)) == ["sms", "call"]
    assert looked_at(replace(EVER, from_ms=START_MS)) == ["sms"]
    assert looked_at(replace(EVER, to_ms=START_MS)) == ["call"]


def drawn(rng: random.Random, name: str, *, tiered: bool = False) -> tuple[PriceList, Tariff]:
    """A price list that can be loaded."""
    while True:
        try:
            prices, terms = random_price(rng, name, rng.choice([0, 10**6]), tiered=tiered)
        except PriceTooFineError:
            continue
        return prices, tariff_of(name, [terms])


async def test_random_sessions_cost_what_the_oracle_says_and_nothing_else_by_their_own() -> None:
    for number in range(SESSIONS):
        await check_session(number)


async def check_session(number: int) -> None:
    rng = random.Random(SEED * 1_000_003 + number)
    (_, own), (prices, other) = drawn(rng, "own"), drawn(rng, "other")
    found = Journaled()
    found.stage.price_by(TariffBook.of(own))
    await found.stage.open()
    await found.stage.credit(rng.choice([2**52, rng.randint(1, 10**9)]))
    total = rng.choice([rng.randint(1, 60), rng.randint(1, 5_000), rng.randint(1, 2**31)])
    units = rng.choice([0, 0, rng.randint(1, 100), rng.randint(1, total)])
    if units:
        await found.stage.credit(units, bucket_id="units", terms=BucketTerms(Unit.OCTETS, 1))
    ends = sorted({total, *(rng.randint(0, total) for _ in range(rng.randint(0, 5)))})
    granted = await found.stage.reserve(rng.randint(1, 2 * total), "data", session_id="s")
    at = 0
    for end in ends:
        if granted.reservation_id:
            step = rng.choice([Step.KEEP, Step.NEXT_GRANT]) if end < total else Step.CLOSE
            wish = rng.randint(1, total) if step is Step.NEXT_GRANT else 0
            await found.stage.commit(granted.reservation_id, end - at, step=step, next_units=wish)
        elif end > at:
            await found.stage.debit(end - at, "data", session_id="s")
        at = end

    same, rerated = found.rerated(own), found.rerated(other)

    assert not [charge for charge in same if charge.difference or charge.new is None]
    due = session_money([(total, prices)], units_paid(found, prices))
    assert sum(charge.new or 0 for charge in rerated) == due, f"session {number}"


def units_paid(found: Journaled, other: PriceList) -> int:
    """How many units the bucket paid for, the first ones, with what they are rounded up to."""
    paid = used = rounded = 0
    for event, _ in found.ledger.records:
        if event.position is not None:
            used += event.used_units
            paid += sum(line.units for line in event.payments if line.bucket_id == "units")
            if paid == event.position[3]:
                rounded = other.boundary(used, tiered=False)
    return max(paid, rounded) if paid else 0


@pytest.mark.parametrize("tiered", [True, False], ids=["from tiers", "from steps"])
async def test_tiers_go_on_from_the_use_before_in_the_period(tiered: bool) -> None:
    """Several sessions at once: together they cost C(total), whatever priced them before."""
    for number in range(SESSIONS // 4):
        rng = random.Random(SEED * 1_000_003 + number)
        _, own = drawn(rng, "own", tiered=tiered)
        prices, other = drawn(rng, "other", tiered=True)
        found = Journaled()
        found.stage.price_by(TariffBook.of(own))
        await found.stage.open()
        await found.stage.credit(2**52)
        used = dict.fromkeys("abc", 0)
        for _ in range(rng.randint(1, 12)):
            session, units = rng.choice("abc"), rng.randint(1, 3_000)
            used[session] += units
            await found.stage.debit(units, "data", session_id=session)

        same, rerated = found.rerated(own), found.rerated(other)

        assert not [charge for charge in same if charge.difference or charge.new is None]
        sessions = [units for units in used.values() if units]
        rated = sum(rated_units([(units, prices)], tiered=True) for units in sessions)
        due = prices.cost(rated) + len(sessions) * prices.fee
        assert sum(charge.new or 0 for charge in rerated) == due, f"account {number}"


async def test_a_tier_begins_anew_with_its_period(journaled: Journaled) -> None:
    await journaled.stage.debit(8, "sms")
    await journaled.stage.debit(8, "sms")
    journaled.stage.clock.now_ms += DAY_MS
    await journaled.stage.debit(8, "sms")

    new = [charge.new for charge in journaled.rerated(tiered("tiers"))]

    assert new == [560_000, 2 * 70_000 + 6 * 10_000, 560_000]


async def test_a_session_with_use_outside_the_range_goes_on_behind_it(
    journaled: Journaled,
) -> None:
    """10 s of the range, 100 s before it, 10 s of it: the last begin at 110 s, paid to 120 s."""
    for units, event_ms in ((10, START_MS), (100, START_MS - 5_000), (15, START_MS)):
        await journaled.stage.debit(units, "call", session_id="s", event_ms=event_ms)

    charges = journaled.rerated(NEW, replace(EVER, from_ms=START_MS))

    assert money(charges) == [(120_000, 25_000), (120_000, 5 * 1_500)]


def tiered(name: str) -> Tariff:
    """The first 10 messages of a day cost 0.07, more cost 0.01."""
    tier = tier_id(Period.DAY, "sms")
    rate = Rate.compiled([Stretch(0, 1, Fraction(70_000)), Stretch(10, 1, Fraction(10_000))])
    return tariff_of(
        name, [ServiceTerms("sms", Unit.COUNT, HOME_ZONE, rate, 1, 60_000, name, "sms", tier)]
    )


async def test_a_tier_that_begins_within_a_period_counts_from_there(journaled: Journaled) -> None:
    """8 messages by a price without tiers, then 8 by one with: 0 differences by the latter."""
    await journaled.stage.debit(8, "sms")
    later = START_MS + 60_000
    journaled.stage.price_by(
        TariffBook([TariffVersion(0, OLD), TariffVersion(later, tiered("tiers"))])
    )
    journaled.stage.clock.now_ms = later
    await journaled.stage.debit(8, "sms")

    (charge,) = journaled.rerated(tiered("tiers"), replace(EVER, from_ms=later))

    assert (charge.old, charge.new) == (560_000, 560_000)


async def test_use_before_the_range_counts_in_a_tier_of_its_period(journaled: Journaled) -> None:
    await journaled.stage.debit(8, "sms")
    journaled.stage.clock.now_ms += 60_000
    await journaled.stage.debit(8, "sms")

    (charge,) = journaled.rerated(tiered("tiers"), replace(EVER, from_ms=START_MS + 1))

    assert charge.new == 2 * 70_000 + 6 * 10_000


def changing(change_ms: int) -> Tariff:
    """A second costs 1,000 before a moment and 3,000 from then on."""
    terms = [
        ServiceTerms(
            "call", Unit.SECONDS, HOME_ZONE, Rate.flat(1, micros, 1), 1, 60_000, "changing", name
        )
        for name, micros in (("before", 1_000), ("after", 3_000))
    ]
    tariff = tariff_of("changing", terms[:1])
    line = Line([Variant(0, terms[0]), Variant(change_ms, terms[1])])
    return replace(tariff, lines={(PLAN, "call"): {HOME_ZONE: line}})


async def test_use_is_split_where_the_other_version_changes(journaled: Journaled) -> None:
    change_ms = START_MS + 100_000
    granted = await journaled.stage.reserve(600, "call")
    journaled.stage.clock.now_ms = change_ms + 20_000
    timed = (60, change_ms - 40_000, change_ms + 20_000)
    await journaled.stage.commit(granted.reservation_id, 0, used=(timed,), step=Step.KEEP)
    await journaled.stage.commit(granted.reservation_id, 30)  # does not say when: as granted
    await journaled.stage.debit(30, "call", event_ms=change_ms - 10_000)
    await journaled.stage.debit(30, "call")

    new = [charge.new for charge in journaled.rerated(changing(change_ms))]

    assert new == [
        40 * 1_000 + 20 * 3_000,
        30 * 1_000,
        10 * 1_000 + 20 * 3_000,
        30 * 3_000,
    ]


async def test_a_debit_that_does_not_say_when_is_not_split(journaled: Journaled) -> None:
    change_ms = START_MS + 10_000
    await journaled.stage.debit(30, "call")

    (charge,) = journaled.rerated(changing(change_ms))

    assert charge.new == 30 * 1_000
