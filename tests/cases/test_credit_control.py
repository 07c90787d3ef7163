"""CE, RF: flows of credit control (CGRateS end to end, RFC 8506 Appendix A), as decided here."""

from fractions import Fraction
from typing import Final

import pytest

from ocs.book.document import read_tariff
from ocs.domain.answer import Outcome
from ocs.domain.bucket import BucketTerms
from ocs.domain.charging_event import EventKind
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import Step
from ocs.domain.tariff_book import TariffBook
from ocs.domain.units import Unit
from tests.support.stage import LAPSE_MS, MONEY, Figures, Stage

# 0.15 once and 0.1 a minute: two minutes are 0.35.
CALL: Final = Rate.compiled([Stretch(0, 60, Fraction(MONEY, 600))], connect_micros=150_000)
# A cent once; what the bucket does not pay costs nothing, in steps of 20 s.
IN_STEPS: Final = Rate.compiled([Stretch(0, 20, Fraction(0))], connect_micros=10_000)
BOOK: Final = """\
version: values
currency: EUR
prices: gross
services:
  event: {{unit: count, price: "{price}"}}
plans:
  everything: {{services: [event]}}
"""


async def test_ce7_a_bucket_that_blocks_is_the_end(stage: Stage) -> None:
    await stage.open()
    await stage.credit(50 * MONEY)
    voice = BucketTerms(Unit.SECONDS, 1, blocking=True)
    await stage.credit(10, bucket_id="voice", terms=voice)

    first = await stage.reserve(30, "call")
    updates = [
        await stage.commit(first.reservation_id, used, next_units=1, request_id=request_id)
        for used, request_id in [(10, "one"), (0, "two")]
    ]

    assert (first.granted_units, first.final_grant) == (10, True)
    assert [update.granted_units for update in updates] == [0, 0]
    assert {update.outcome for update in updates} == {Outcome.CREDIT_LIMIT_REACHED}
    assert await stage.bucket("voice") == Figures(0, 0, 10)
    assert await stage.bucket() == Figures(50 * MONEY, 0, 0)


async def test_ce11_what_was_held_for_an_unanswered_call_is_there_again(stage: Stage) -> None:
    await stage.open()
    await stage.credit(10_650_000)

    grant = await stage.reserve(120, stage.price("case", Unit.SECONDS, CALL))
    held = (await stage.state()).buckets["main"].available(0)
    await stage.commit(grant.reservation_id, 0)

    # There 10.3002 while it is held, which is the drift of its floats.
    assert held == 10_300_000
    assert await stage.bucket() == Figures(10_650_000, 0, 0)


@pytest.mark.parametrize(("money", "left"), [(10 * MONEY, 9_990_000), (0, -10_000)])
async def test_ce13_a_package_pays_for_the_time_and_money_for_the_call(
    stage: Stage, money: int, left: int
) -> None:
    await stage.open(credit_limit=MONEY)
    if money:
        await stage.credit(money)
    await stage.credit(40, bucket_id="package", terms=BucketTerms(Unit.SECONDS, 1))

    answer = await stage.debit(10, stage.price("case", Unit.SECONDS, IN_STEPS))

    assert (answer.charged_micros, answer.uncollected_micros) == (10_000, 0)
    assert await stage.bucket("package") == Figures(20, 0, 20)
    assert await stage.bucket() == Figures(left, 0, 10_000)


async def test_ce15_a_notice_when_little_is_left(stage: Stage) -> None:
    await stage.open()
    await stage.credit(3_072, bucket_id="monthly", terms=BucketTerms(Unit.OCTETS, 1))
    await stage.mark(1_023, bucket_id="monthly")

    async def notices() -> list[tuple[str, int]]:
        return [low for logged in await stage.read_journal() for low in logged.event.low]

    first = await stage.reserve(2_048, "data")
    second = await stage.commit(first.reservation_id, 2_048, next_units=1_024)
    at_1024 = await notices()
    await stage.commit(first.reservation_id, 1, step=Step.KEEP)
    at_1023 = await notices()
    await stage.commit(first.reservation_id, 1_023)

    # There the balance falls when units are granted; here when they have been used.
    assert (first.granted_units, second.granted_units) == (2_048, 1_024)
    assert (at_1024, at_1023) == ([], [("monthly", 1_023)])
    assert await stage.bucket("monthly") == Figures(0, 0, 3_072)
    assert await notices() == at_1023


async def test_rf6_after_the_final_units_a_top_up_lets_the_session_go_on(stage: Stage) -> None:
    await stage.open()
    await stage.credit(10 * MONEY)
    final = await stage.reserve(15, "call")

    update = await stage.commit(final.reservation_id, 10, next_units=15)
    waiting = (await stage.state()).holds[final.reservation_id]
    await stage.credit(20 * MONEY)
    again = await stage.commit(final.reservation_id, 0, next_units=15)
    ended = await stage.commit(final.reservation_id, 12)

    assert (final.granted_units, final.final_grant) == (10, True)
    assert (update.charged_micros, update.granted_units) == (10 * MONEY, 0)
    assert update.outcome is Outcome.CREDIT_LIMIT_REACHED
    # Nothing is held; there a validity time, here the expire time says how long it may come back.
    assert (waiting.granted_units, waiting.lines) == (0, ())
    assert waiting.expire_ms == stage.clock.now_ms + LAPSE_MS
    assert (again.outcome, again.granted_units) == (Outcome.GRANTED, 15)
    assert (again.final_grant, ended.charged_micros) == (False, 12 * MONEY)
    assert await stage.bucket() == Figures(8 * MONEY, 0, 22 * MONEY)


async def test_rf7_enquiry_check_debit_and_refund_are_one_message_each(stage: Stage) -> None:
    await stage.open()
    await stage.credit(MONEY)

    price = await stage.quote(3, "message")
    too_many = await stage.quote(7, "message")
    before = await stage.bucket()
    debit = await stage.debit(3, "message")
    after = await stage.bucket()
    refund = await stage.refund(debit.seq)

    assert (price.priced.price_micros, price.priced.answer.outcome) == (450_000, Outcome.CHARGED)
    assert too_many.priced.answer.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert before == Figures(MONEY, 0, 0)
    assert after == Figures(550_000, 0, 450_000)
    assert refund.refunded_micros == 450_000
    assert await stage.bucket() == Figures(MONEY, 0, 0)
    events = [logged.event.kind for logged in await stage.read_journal()]
    assert events[-2:] == [EventKind.DEBIT, EventKind.REFUND]
    assert len(events) == 4  # the account, its money, and these: what only asks leaves no trace


@pytest.mark.parametrize(
    ("text", "digits", "exponent"), [("2.3", 23, -1), ("0.05", 5, -2), ("7", 7, 0)]
)
async def test_rf8_a_decimal_is_its_digits_and_an_exponent(
    stage: Stage, text: str, digits: int, exponent: int
) -> None:
    stage.price_by(TariffBook.of(read_tariff(BOOK.format(price=text).encode())))
    await stage.open()
    await stage.credit(10 * MONEY)

    answer = await stage.debit(1, "event")

    # Unit-Value there; here one exponent for all money, -6, and no binary fraction on the way.
    assert answer.charged_micros == digits * 10 ** (exponent + 6)
