"""Lines that are removed while they are in use, and those that are not there."""

from ocs.v1 import account_service_pb2 as accounts
from tests.support.live import Live


async def test_a_line_with_an_open_reservation_is_not_removed(live: Live) -> None:
    account = await live.open(messages=100)
    await live.call(live.add_subscriber(account, "line"))
    held = await live.hold(account, 5, subscriber_id="line")

    refusal = await live.refused(live.remove_subscriber(account, "line"))
    await live.call(live.release(held))
    remove = live.remove_subscriber(account, "line")
    receipt = (await live.call(remove)).receipt
    replayed = (await live.call(remove)).receipt
    gone = await live.refused(live.reserve(account, subscriber_id="line"))

    assert refusal.code.name == "FAILED_PRECONDITION"
    assert refusal.reason == "SUBSCRIBER_HOLDS_RESERVATIONS"
    assert (receipt.replayed, replayed.replayed) == (False, True)
    assert gone.reason == "SUBSCRIBER_NOT_FOUND"
    assert not (await live.account(account)).subscriber_ids


async def test_a_line_that_is_not_there_is_not_removed(live: Live) -> None:
    account = await live.open()
    with live.unchanged():
        refusal = await live.refused(live.remove_subscriber(account, "line"))
    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "SUBSCRIBER_NOT_FOUND")


async def test_no_line_is_named(live: Live) -> None:
    account = await live.open()
    with live.unchanged():
        refusal = await live.refused(
            live.stamped(accounts.RemoveSubscriberRequest(account_id=account))
        )
    assert (refusal.reason, list(refusal.violations)) == ("INVALID_FIELD", ["subscriber_id"])
