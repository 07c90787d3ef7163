"""CB: what a debit takes from which bucket (CGRateS, balance debits), as this service decides it.

Figures are units of a bucket, and whole units of the currency for money.
"""

from ocs.domain.answer import Outcome
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import Basis
from ocs.domain.units import Unit
from tests.support.stage import MONEY, Figures, Stage

VOICE = BucketTerms(Unit.SECONDS, 10)


async def open_with(stage: Stage, *, money: int = 0, **voice: int) -> None:
    """Open an account with money, and with buckets of seconds that are drawn on in this order."""
    await stage.open()
    if money:
        await stage.credit(money)
    for priority, (bucket_id, seconds) in enumerate(voice.items(), start=1):
        terms = BucketTerms(Unit.SECONDS, priority)
        await stage.credit(seconds, bucket_id=bucket_id, terms=terms)


async def test_cb1_units_pay_before_money(stage: Stage) -> None:
    await open_with(stage, voice=10, money=21 * MONEY)

    answer = await stage.debit(10, "call")

    assert answer.charged_micros == 0
    assert (await stage.bucket("voice")).balance == 0
    assert (await stage.bucket()).balance == 21 * MONEY


async def test_cb2_a_started_minute_is_taken_whole(stage: Stage) -> None:
    await open_with(stage, voice=70)

    answer = await stage.debit(10, "call-by-minute")

    assert answer.rated_units == 60
    assert (await stage.bucket("voice")).balance == 10


async def test_cb3_the_next_bucket_pays_what_the_first_cannot(stage: Stage) -> None:
    await open_with(stage, first=10, second=70)

    answer = await stage.debit(20, "call-by-minute")

    # There 0 and 10: each balance has its own increment. Here increments belong to the tariff: the
    # call is one minute, of which the first bucket pays 10 s and the second 50 s.
    assert answer.rated_units == 60
    assert (await stage.bucket("first")).balance == 0
    assert (await stage.bucket("second")).balance == 20


async def test_cb4_only_whole_minutes_are_granted(stage: Stage) -> None:
    await open_with(stage, voice=70)

    grant = await stage.reserve(80, "call-by-minute")
    charge = await stage.commit(grant.reservation_id, 60)

    # There an error beside the grant; here a final grant says that there is no more.
    assert (grant.granted_units, grant.final_grant) == (60, True)
    assert charge.uncollected_units == 0
    assert (await stage.bucket("voice")).balance == 10


async def test_cb7_two_started_minutes(stage: Stage) -> None:
    await open_with(stage, voice=150)

    answer = await stage.debit(80, "call-by-minute")

    assert answer.rated_units == 120
    assert (await stage.bucket("voice")).balance == 30


async def test_cb9_money_pays_as_far_as_it_goes(stage: Stage) -> None:
    await open_with(stage, money=50 * MONEY)

    grant = await stage.reserve(80, "call")
    first = await stage.commit(grant.reservation_id, 10, next_units=70)
    second = await stage.commit(grant.reservation_id, 40)

    assert (grant.granted_units, grant.final_grant) == (50, True)
    assert (first.granted_units, first.final_grant) == (40, True)
    assert (first.charged_micros, second.charged_micros) == (10 * MONEY, 40 * MONEY)
    assert (await stage.bucket()).balance == 0


async def test_cb11_money_at_a_price_per_second(stage: Stage) -> None:
    await open_with(stage, money=75 * MONEY)

    # There the balance brings the price; here the service has it.
    answer = await stage.debit(70, "call")

    assert answer.charged_micros == 70 * MONEY
    assert (await stage.bucket()).balance == 5 * MONEY


async def test_cb12_a_blocker_that_cannot_pay_stops_the_charge(stage: Stage) -> None:
    await stage.open()
    await stage.credit(1_500_000)
    blocker = BucketTerms(Unit.MICROS, 1, blocking=True)
    await stage.credit(115_200, bucket_id="blocker", terms=blocker)

    # 0.15 is the connect fee there; here the price of one message, which is as indivisible.
    answer = await stage.debit(1, "message", basis=Basis.AUTHORIZE)

    assert answer.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert await stage.bucket("blocker") == Figures(115_200, 0, 0)
    assert await stage.bucket() == Figures(1_500_000, 0, 0)


async def test_cb14_less_than_the_first_item_costs_is_nothing(stage: Stage) -> None:
    await open_with(stage, money=200_000)

    # 1.12 is the connect fee there; here the price of one set-up.
    grant = await stage.reserve(1, "set-up")

    assert (grant.outcome, grant.granted_units) == (Outcome.CREDIT_LIMIT_REACHED, 0)
    assert await stage.bucket() == Figures(200_000, 0, 0)


async def test_cb15_half_a_minute_costs_exactly_half(stage: Stage) -> None:
    await open_with(stage, money=100 * MONEY)

    answer = await stage.debit(30, "talk")

    # The source says 99.49999, which is the drift of its floats.
    assert answer.charged_micros == 500_000
    assert (await stage.bucket()).balance == 99_500_000


async def test_cb16_data_is_taken_from_its_bucket(stage: Stage) -> None:
    await stage.open()
    await stage.credit(100, bucket_id="octets", terms=BucketTerms(Unit.OCTETS, 10))

    answer = await stage.debit(80, "data")

    assert (answer.charged_micros, answer.uncollected_units) == (0, 0)
    assert await stage.bucket("octets") == Figures(20, 0, 80)


async def test_cb17_a_message_is_one(stage: Stage) -> None:
    await stage.open()
    await stage.credit(100, bucket_id="messages", terms=BucketTerms(Unit.COUNT, 10))

    answer = await stage.debit(1, "message")

    assert answer.charged_micros == 0
    assert await stage.bucket("messages") == Figures(99, 0, 1)
