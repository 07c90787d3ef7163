"""Row 79, and what else a correction may not do."""

from ocs.v1 import account_service_pb2 as accounts
from tests.support.live import Live


async def test_row_79_a_top_up_that_is_used_is_not_taken_back(live: Live) -> None:
    account = await live.open()
    bucket = accounts.BucketSpec(bucket_id="m", priority=1)
    credit = live.top_up(account, units=10, unit=4, bucket=bucket)
    await live.call(credit)
    await live.call(live.debit(account, 4))

    refused = await live.refused(live.reverse(account, credit.payment_reference))
    part = live.reverse(account, credit.payment_reference, allow_partial=True, reason="wrong line")
    taken = await live.call(part)
    again = await live.refused(live.reverse(account, credit.payment_reference))
    credited_again = await live.refused(
        live.top_up(account, micros=5, payment_reference=credit.payment_reference)
    )

    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "TOP_UP_ALREADY_USED")
    assert (taken.reversed_quantity, taken.balance, taken.available) == (6, 0, 0)
    assert (again.code.name, again.reason) == ("FAILED_PRECONDITION", "TOP_UP_REVERSED")
    assert credited_again.reason == "PAYMENT_REFERENCE_USED"


async def test_who_decided_an_adjustment_and_why_is_in_the_journal(live: Live) -> None:
    account = await live.open(micros=1_000)
    answer = await live.call(live.adjust(account, -400, reason="Äpfel, not pears"))

    page = await live.call(accounts.ListChargingEventsRequest(account_id=account, page_size=1))

    (event,) = page.events
    assert (answer.balance, answer.available) == (600, 600)
    assert (event.context.reason, event.context.decided_by) == ("Äpfel, not pears", "clerk")
    assert [(b.balance_before, b.balance_after) for b in event.buckets] == [(1_000, 600)]


async def test_more_than_there_is_stays(live: Live) -> None:
    account = await live.open(micros=1_000, credit_limit_micros=500)

    refusals = [
        await live.refused(live.withdraw(account, 1_001)),
        await live.refused(live.adjust(account, -1_501)),
        await live.refused(live.withdraw(account, 1, bucket_id="b9")),
        await live.refused(live.reverse(account, "never")),
    ]

    assert [(refusal.code.name, refusal.reason) for refusal in refusals] == [
        ("FAILED_PRECONDITION", "BALANCE_TOO_LOW"),
        ("FAILED_PRECONDITION", "BALANCE_TOO_LOW"),
        ("NOT_FOUND", "BUCKET_NOT_FOUND"),
        ("NOT_FOUND", "PAYMENT_NOT_FOUND"),
    ]
    assert await live.bucket(account, "main") == (1_000, 0, 0)
