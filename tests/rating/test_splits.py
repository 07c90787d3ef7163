"""However a session is reported, it costs the same; so do sessions that share a tier."""

import random
from fractions import Fraction

from ocs.domain.bucket import BucketTerms
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff import HOME_ZONE
from ocs.domain.tariff_book import TariffBook
from ocs.domain.units import Unit
from tests.rating.oracle import Band, PriceList, rated_units, session_money
from tests.support.stage import Stage
from tests.support.tariffs import tariff_of

SPLITS = 1_000
TOTAL = 7_919  # octets, in no increment's favour
BUNDLES = (700, 1_300, 450)
MONEY = 10**12
BANDS = (
    Band(0, 64, Fraction(7, 3)),
    Band(1_024, 10, Fraction(125, 64)),
    Band(4_024, 1, Fraction(5, 7)),
)
PRICES = PriceList(BANDS, fee=12_345)
TIER = tier_id(Period.MONTH, "data")
RATE = Rate.compiled(
    [Stretch(band.start, band.increment, band.price) for band in BANDS],
    connect_micros=PRICES.fee,
)
GRADES = (
    Band(0, 10, Fraction(1, 3)),
    Band(500, 10, Fraction(31, 7)),
    Band(2_000, 10, Fraction(9, 64)),
)
GRADED = PriceList(GRADES)
GRADED_RATE = Rate.compiled([Stretch(band.start, band.increment, band.price) for band in GRADES])


def book(rate: Rate, tier: str = "") -> TariffBook:
    terms = ServiceTerms("data", Unit.OCTETS, HOME_ZONE, rate, 1, 600_000, "v1", "data", tier)
    return TariffBook.of(tariff_of("v1", [terms]))


async def test_a_thousand_ways_to_report_a_session_cost_what_one_report_costs(
    stage: Stage,
) -> None:
    """Buckets of units empty at other reports each time."""
    rng = random.Random(8_506)
    stage.price_by(book(RATE))
    due = session_money([(TOTAL, PRICES)], sum(BUNDLES))
    for number in range(SPLITS):
        account_id = f"a{number}"
        await stage.open(account_id=account_id)
        await stage.credit(MONEY, account_id=account_id)
        for place, units in enumerate(BUNDLES):
            terms = BucketTerms(Unit.OCTETS, 1 + place)
            bucket = f"b{place}"
            await stage.credit(units, bucket_id=bucket, terms=terms, account_id=account_id)
        ends = sorted(rng.randint(0, TOTAL) for _ in range(rng.randint(0, 6)))
        granted = await stage.reserve(rng.randint(1, TOTAL), "data", account_id=account_id)
        money, at = 0, 0
        for end in [*ends, TOTAL]:
            last = end == TOTAL
            wish = 0 if last else rng.choice([0, rng.randint(1, TOTAL)])
            answer = await stage.commit(
                granted.reservation_id,
                end - at,
                step=Step.CLOSE if last else Step.KEEP,
                next_units=wish,
                account_id=account_id,
            )
            money, at = money + answer.charged_micros, end
            if last:
                break

        assert money == due, f"{number}: {ends}"


async def test_sessions_on_one_tier_cost_what_their_sum_costs_in_any_order(stage: Stage) -> None:
    rng = random.Random(32_290)
    stage.price_by(book(GRADED_RATE, TIER))
    for number in range(20):
        account_id = f"a{number}"
        await stage.open(account_id=account_id)
        await stage.credit(MONEY, account_id=account_id)
        sessions = {
            f"s{place}": [rng.randint(1, 700) for _ in range(rng.randint(1, 4))]
            for place in range(rng.randint(2, 5))
        }
        granted = {
            name: await stage.reserve(100, "data", session_id=name, account_id=account_id)
            for name in sessions
        }
        order = [name for name, reports in sessions.items() for _ in reports]
        rng.shuffle(order)
        left = {name: list(reports) for name, reports in sessions.items()}
        money = 0
        for name in order:
            units = left[name].pop()
            answer = await stage.commit(
                granted[name].reservation_id,
                units,
                step=Step.KEEP if left[name] else Step.CLOSE,
                account_id=account_id,
            )
            assert answer.uncollected_micros == 0
            money += answer.charged_micros

        rated = sum(
            rated_units([(sum(reports), GRADED)], tiered=True) for reports in sessions.values()
        )
        assert money == GRADED.cost(rated), sessions
        state = await stage.state(account_id)
        assert state.counters["account", TIER].spent == rated
        assert state.counters["account", TIER].reserved == 0


async def test_a_hold_on_a_tier_covers_the_dearest_that_its_use_may_cost(stage: Stage) -> None:
    """Two holds of 400: the second may be used where the price is 31/7, from 500 on."""
    stage.price_by(book(GRADED_RATE, TIER))
    await stage.open()
    await stage.credit(MONEY)

    first = await stage.reserve(400, "data", session_id="one")
    second = await stage.reserve(400, "data", session_id="two")

    assert first.held_micros == -(-400 // 3)
    assert second.held_micros == -(-400 * 31 // 7)


async def test_a_tier_starts_again_with_its_period(stage: Stage) -> None:
    stage.price_by(book(GRADED_RATE, TIER))
    await stage.open()
    await stage.credit(MONEY)
    first = await stage.debit(600, "data")
    month_ms = 32 * 86_400_000

    second = await stage.debit(600, "data")
    stage.clock.now_ms += month_ms
    third = await stage.debit(600, "data")

    assert first.charged_micros == GRADED.cost(600)
    assert second.charged_micros == GRADED.cost(1_200) - GRADED.cost(600)
    assert third.charged_micros == GRADED.cost(600)
