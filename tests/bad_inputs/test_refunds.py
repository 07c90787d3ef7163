"""Row 59: refunds of more than there was, of nothing, and of what is not there."""

import pytest

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_event_pb2 as events
from ocs.v1 import charging_service_pb2 as charging
from tests.support.live import TENANT, Live


async def test_row_59_no_more_than_was_collected_is_refunded(live: Live) -> None:
    account = await live.open(messages=100)
    held = await live.hold(account, 20)
    event = (await live.call(live.commit(held, 7))).charge.event
    share = charging.RefundShare(bucket_id="messages", quantity=3)
    part = await live.call(live.refund(event, shares=[share], reason="dropped"))

    share.quantity = 5
    beyond = await live.refused(live.refund(event, shares=[share]))
    rest = await live.call(live.refund(event))
    twice = await live.refused(live.refund(event))

    assert [line.quantity for line in (*part.lines, *rest.lines)] == [3, 4]
    for refusal in (beyond, twice):
        assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "REFUND_EXCEEDS")
    assert await live.bucket(account) == (100, 0, 0)
    page = await live.call(accounts.ListChargingEventsRequest(account_id=account, page_size=2))
    assert [one.kind for one in page.events] == [events.EVENT_KIND_REFUND] * 2
    assert [one.refunded_event for one in page.events] == [event] * 2
    assert page.events[1].context.reason == "dropped"
    assert list(page.events[0].refunds) == list(rest.lines)


async def test_row_59_a_refund_names_an_event_of_its_own(live: Live) -> None:
    account = await live.open(micros=1_000)
    name = f"tenants/{TENANT}/accounts/{account}/events"

    nothing = await live.refused(live.refund(f"{name}/1"))
    unknown = await live.refused(live.refund(f"{name}/9"))
    strange = await live.refused(live.refund(f"tenants/other/accounts/{account}/events/1"))

    assert nothing.reason == "REFUND_EXCEEDS"
    for refusal in (unknown, strange):
        assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "EVENT_NOT_FOUND")


@pytest.mark.parametrize("number", ["0", "01", "-1", "1.5", "x", "", "12345678901234567"])
async def test_an_event_that_has_no_number(live: Live, number: str) -> None:
    refusal = await live.refused(live.refund(f"tenants/{TENANT}/accounts/a/events/{number}"))

    assert set(refusal.violations) == {"event"}


async def test_a_bucket_gets_one_share(live: Live) -> None:
    share = charging.RefundShare(bucket_id="main", quantity=1)
    event = f"tenants/{TENANT}/accounts/a/events/1"

    refusal = await live.refused(live.refund(event, shares=[share, share]))

    assert set(refusal.violations) == {"shares"}
