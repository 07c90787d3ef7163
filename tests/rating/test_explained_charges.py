"""Charges of the past, explained: the lines add up to the event's money, whatever it was."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from ocs.domain.answer import Reason
from ocs.domain.bucket import BucketTerms
from ocs.domain.charge_explanation import PAYING, Unexplained, money_of
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.commands import Basis, Debit
from ocs.domain.event_context import EventContext
from ocs.domain.explanation import Cause
from ocs.domain.known import Profile
from ocs.domain.rating import PriceTooFineError, Rate, Rounding, Stretch
from ocs.domain.rerating import correction_terms
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.domain.units import Unit
from ocs.limits import WINDOW_USED_MS
from ocs.rpc.event_context import encode_context
from ocs.service.explanations import ExplainedEvent
from tests.rating.cases import random_price
from tests.rating.journals import Journaled
from tests.rating.oracle import PriceList, session_money
from tests.support.stage import ACCOUNT, START_MS, TENANT, refused
from tests.support.tariffs import tariff_of

SEED = 20_261_123
SESSIONS = 250
CHANGE_MS = START_MS + 100_000
DAY_MS = 86_400_000
MONTH_END_MS = 1_790_812_800_000  # 2026-10-01, UTC
CENT = 10_000
CHARGES = (EventKind.COMMIT, EventKind.DEBIT)

CALL = ServiceTerms(
    "call",
    Unit.SECONDS,
    HOME_ZONE,
    Rate.compiled(
        [Stretch(0, 60, Fraction(1_500)), Stretch(120, 1, Fraction(7_000, 6))],
        rounding=Rounding.UP,
        quantum=CENT,
        connect_micros=50_000,
    ),
    1,
    60_000,
    "old",
    "call/home",
)


async def journaled(*versions: Tariff) -> Journaled:
    """An empty account, charged by a version, and by the next one from CHANGE_MS on."""
    found = Journaled()
    found.stage.price_by(
        TariffBook([TariffVersion(n * CHANGE_MS, one) for n, one in enumerate(versions)])
    )
    await found.stage.open()
    return found


def last(found: Journaled) -> ChargingEvent:
    """The newest event."""
    return found.ledger.records[-1][0]


def texts(explained: ExplainedEvent) -> list[str]:
    """The sentences."""
    return [line.text for line in explained.explanation.lines]


def check_sums(explained: ExplainedEvent) -> None:
    """What it cost, who paid it, and the event's money are one figure; steps are what they say."""
    event, _, (lines, why, _) = explained
    assert why is None
    assert sum(line.micros for line in lines if line.cause not in PAYING) == money_of(event)
    assert sum(line.micros for line in lines if line.cause in PAYING) == money_of(event)
    assert event.position is not None
    steps = [line for line in lines if line.cause is Cause.STEP]
    for line in steps:
        assert line.step is not None
        assert line.step_number >= 1
        assert line.micros == (line.to_units - line.from_units) * line.step.price
        assert event.position[1] <= line.from_units < line.to_units <= event.position[3]
    paid = {payment.bucket_id: payment.micros for payment in event.payments}
    told = dict.fromkeys(paid, Fraction(0))
    for line in lines:
        if line.cause is Cause.BUCKET:
            told[line.bucket_id] += line.micros
    assert told == paid


async def check_journal(found: Journaled, *versions: Tariff) -> list[ExplainedEvent]:
    """Explain every charge so far."""
    explained = [
        await found.explained(event.seq, *versions)
        for event, _ in found.ledger.records
        if event.kind in CHARGES and event.position is not None
    ]
    for one in explained:
        check_sums(one)
    return explained


def drawn(rng: random.Random, name: str, *, tiered: bool = False) -> tuple[PriceList, Tariff]:
    """A price list that can be loaded."""
    while True:
        try:
            prices, terms = random_price(rng, name, rng.choice([0, 10**6]), tiered=tiered)
        except PriceTooFineError:
            continue
        return prices, tariff_of(name, [terms])


async def test_each_step_of_a_session_is_told_from_where_it_stood() -> None:
    found = await journaled(tariff_of("old", [CALL]))
    await found.stage.credit(10**7)
    granted = await found.stage.reserve(600, "call")
    await found.stage.commit(granted.reservation_id, 61, step=Step.KEEP)
    await found.stage.commit(granted.reservation_id, 64)

    first, second = await check_journal(found, tariff_of("old", [CALL]))

    assert texts(first) == [
        "61 seconds are charged as 120 seconds: use is counted in whole increments",
        "120 seconds at 0.09 EUR for each 60 seconds: 0.18 EUR (call/home)",
        "Connect fee, once a session: 0.05 EUR",
        "Bucket main pays for 120 seconds with 0.23 EUR",
    ]
    assert texts(second) == [
        "The session had used 61 seconds, rated as 120; with 64 more 125, rated as 125",
        "5 seconds at about 0.001166667 EUR for each 1 second: about 0.005833333 EUR (call/home)",
        "Rounded up to whole 0.01 EUR: 0.01 EUR",
        "Bucket main pays for 5 seconds with 0.01 EUR",
    ]
    steps = [line for line in second.explanation.lines if line.cause is Cause.STEP]
    assert [(line.step_number, line.from_units, line.to_units) for line in steps] == [(2, 120, 125)]
    assert [line.tariff_version for line in steps] == ["old"]


async def test_what_units_paid_for_costs_nothing_and_what_nobody_paid_is_told() -> None:
    found = await journaled(tariff_of("old", [CALL]))
    await found.stage.credit(60, bucket_id="minutes", terms=BucketTerms(Unit.SECONDS, 1))
    await found.stage.credit(60_000)
    await found.stage.debit(121, "call")

    (explained,) = await check_journal(found, tariff_of("old", [CALL]))

    assert texts(explained) == [
        "60 seconds at 0.09 EUR for each 60 seconds: 0.09 EUR (call/home)",
        "1 second at about 0.001166667 EUR for each 1 second: about 0.001166667 EUR (call/home)",
        "Rounded up to whole 0.01 EUR: 0.10 EUR",
        "Connect fee, once a session: 0.05 EUR",
        "Bucket minutes pays for 60 seconds",
        "Bucket main pays for 6 seconds with 0.06 EUR",
        "Nobody pays the rest: 0.09 EUR is not collected",
    ]


async def test_random_sessions_are_explained_to_the_micro_unit() -> None:
    """With units that empty in between, money that runs out, and debits of the same session."""
    for number in range(SESSIONS):
        await check_session(number)


async def check_session(number: int) -> None:
    rng = random.Random(SEED * 1_000_003 + number)
    prices, own = drawn(rng, "own")
    found = await journaled(own)
    await found.stage.credit(rng.choice([2**52, rng.randint(1, 10**9)]))
    if rng.random() < 0.5:
        await found.stage.credit(
            rng.randint(1, 10**8), bucket_id="bonus", terms=BucketTerms(Unit.MICROS, 2)
        )
    total = rng.choice([rng.randint(1, 60), rng.randint(1, 5_000), rng.randint(1, 2**31)])
    if units := rng.choice([0, 0, rng.randint(1, 100), rng.randint(1, total)]):
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

    explained = await check_journal(found, own)

    if not units:
        due = session_money([(total, prices)])
        assert sum(money_of(one.event) for one in explained) == due, f"session {number}"


@pytest.mark.parametrize("tiered", [False, True], ids=["steps", "tiers"])
async def test_random_sessions_over_a_price_change_name_both_versions(tiered: bool) -> None:
    for number in range(SESSIONS // 5):
        rng = random.Random(SEED * 1_000_003 + number)
        (_, old), (_, new) = drawn(rng, "old", tiered=tiered), drawn(rng, "new", tiered=tiered)
        found = await journaled(old, new)
        await found.stage.credit(2**52)
        units = [rng.randint(1, 5_000) for _ in range(4)]
        granted = await found.stage.reserve(sum(units), "data", session_id="s")
        await found.stage.debit(units[0], "data")
        found.stage.clock.now_ms = CHANGE_MS + 10_000
        spans = ((units[1], START_MS, CHANGE_MS), (units[2], CHANGE_MS, CHANGE_MS + 10_000))
        await found.stage.commit(granted.reservation_id, 0, used=spans)
        await found.stage.debit(units[3], "data")

        explained = await check_journal(found, old, new)

        lines = explained[1].explanation.lines
        named = {line.tariff_version for line in lines if line.cause is Cause.STEP}
        rated = explained[1].event.position
        assert rated is not None
        # The first increment of the old price may cover all of it.
        assert named in ({"old", "new"}, {"old"}), f"session {number}"


async def test_tiers_are_told_from_where_the_account_stood() -> None:
    """Sessions beside each other, holds of a month that has ended, and a new month."""
    over = 0
    for number in range(SESSIONS // 5):
        rng = random.Random(SEED * 1_000_003 + number)
        _, own = drawn(rng, "own", tiered=True)
        found = await journaled(own)
        found.stage.clock.now_ms = MONTH_END_MS - DAY_MS // 2
        await found.stage.credit(2**52)
        granted = {
            name: await found.stage.reserve(2_000, "data", session_id=name, validity_ms=DAY_MS)
            for name in "ab"
        }
        used = dict.fromkeys("abc", 0)
        for _ in range(rng.randint(2, 12)):
            name, units = rng.choice("abc"), rng.randint(1, 3_000)
            used[name] += units
            if name in granted:
                await found.stage.commit(granted[name].reservation_id, units, step=Step.KEEP)
            else:
                await found.stage.debit(units, "data", session_id=name)
            found.stage.clock.now_ms += rng.choice([0, 1_000, DAY_MS // 8])

        explained = await check_journal(found, own)

        assert sum(one.event.used_units for one in explained) == sum(used.values())
        over += any(one.event.store_ms >= MONTH_END_MS for one in explained)
    assert over


async def test_a_correction_and_a_refund_say_what_they_are_about() -> None:
    found = await journaled(tariff_of("old", [CALL]))
    await found.stage.credit(60, bucket_id="minutes", terms=BucketTerms(Unit.SECONDS, 1))
    await found.stage.credit(10**7)
    charged = await found.stage.debit(120, "call")
    await correct(found, charged.seq, 20_000)
    correction = await found.explained(last(found).seq, tariff_of("old", [CALL]))
    await found.stage.refund(charged.seq)
    refund = await found.explained(last(found).seq, tariff_of("old", [CALL]))

    assert texts(correction) == [
        f"Correction of event {charged.seq} by tariff new: 0.02 EUR",
        "Bucket main pays 0.02 EUR",
    ]
    assert texts(refund) == [
        f"Bucket minutes gets back 60 units of event {charged.seq}",
        f"Bucket main gets back 0.14 EUR of event {charged.seq}",
    ]
    assert sum(line.micros for line in refund.explanation.lines) == -charged.charged_micros


async def correct(found: Journaled, seq: int, micros: int) -> None:
    """Debit more for an event, as CorrectCharge does."""
    context = EventContext(
        service_id="call", currency="EUR", tariff_version="new", corrects_seq=seq
    )
    profile = found.ledger.read_profile(TENANT, ACCOUNT, "")
    assert isinstance(profile, Profile)
    answer = found.ledger.decide(
        Debit(
            tenant=TENANT,
            account_id=ACCOUNT,
            request_id="correction",
            fingerprint="correction",
            request_time_ms=START_MS,
            window_ms=WINDOW_USED_MS,
            context=encode_context(context),
            profile=profile,
            service_id="call",
            terms=correction_terms("call", HOME_ZONE, "new"),
            refusal=None,
            basis=Basis.USED,
            used_units=micros,
        )
    )
    assert answer.charged_micros == micros


async def test_what_cannot_be_explained_says_why_and_still_who_paid() -> None:
    old = tariff_of("old", [CALL])
    found = await journaled(old)
    await found.stage.credit(10**7)
    charged = await found.stage.debit(60, "call")
    dearer = replace(CALL, rate=Rate.per_increment(60, 100_000, 1))
    renamed = replace(CALL, price_id="call/elsewhere")

    async def why(tariff: Tariff) -> Unexplained | None:
        explained = await found.explained(charged.seq, tariff)
        assert texts(explained) == (
            ["Bucket main pays for 60 units with 0.14 EUR"]
            if explained.explanation.unexplained
            else texts(explained)
        )
        return explained.explanation.unexplained

    assert await why(old) is None
    assert await why(tariff_of("other", [CALL])) is Unexplained.VERSION_UNKNOWN
    assert await why(tariff_of("old", [renamed])) is Unexplained.PRICE_UNKNOWN
    assert await why(tariff_of("old", [dearer])) is Unexplained.OTHER_PRICE


async def test_an_event_from_before_positions_is_not_explained() -> None:
    old = tariff_of("old", [CALL])
    found = await journaled(old)
    await found.stage.credit(10**7)
    charged = await found.stage.debit(60, "call")
    found.ledger.records[-1] = (
        replace(found.ledger.records[-1][0], position=None),
        found.ledger.records[-1][1],
    )

    explained = await found.explained(charged.seq, old)

    assert explained.explanation.unexplained is Unexplained.POSITION_UNKNOWN
    assert texts(explained) == ["Bucket main pays for 60 units with 0.14 EUR"]


async def test_what_was_refused_charged_nothing() -> None:
    found = await journaled(tariff_of("old", [CALL]))
    denied = await found.stage.debit(1, "fax")

    explained = await found.explained(denied.seq, tariff_of("old", [CALL]))

    assert explained.explanation == ([], Unexplained.NOTHING_CHARGED, None)


async def test_other_events_are_no_charges() -> None:
    old = tariff_of("old", [CALL])
    found = await journaled(old)

    assert await refused(found.explained(1, old)) is Reason.EVENT_NOT_FOUND
    assert await refused(found.explained(2, old)) is Reason.EVENT_NOT_FOUND


async def test_a_tier_whose_use_before_is_not_in_the_journal_is_said_to_be() -> None:
    rng = random.Random(SEED)
    _, own = drawn(rng, "own", tiered=True)
    found = await journaled(own)
    await found.stage.credit(2**52)
    granted = await found.stage.reserve(100, "data")
    charged = await found.stage.commit(granted.reservation_id, 50)
    # The archive took what came before.
    del found.ledger.records[:-1]

    explained = await found.explained(charged.seq, own)

    assert explained.explanation.unexplained is Unexplained.TIER_UNKNOWN
