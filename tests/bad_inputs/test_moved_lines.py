"""Lines that get other groups while they are in use, and those that cannot."""

from typing import Any

import pytest

from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import types_pb2
from tests.support.live import Live


def group(name: str) -> Any:
    return types_pb2.CapHolder(group_id=name)


async def spent(live: Live, account: str, name: str) -> tuple[int, int]:
    """What a group's cap has counted, and what is held in it."""
    request = caps.ListSpendingCapsRequest(account_id=account, holder=group(name))
    (cap,) = (await live.call(request)).caps
    return cap.spent, cap.reserved


async def test_a_line_counts_where_it_is_when_it_spends(live: Live) -> None:
    account = await live.open(messages=100)
    await live.call(live.add_subscriber(account, "line", group_ids=["old"]))
    for name in ("old", "new"):
        await live.call(
            live.set_cap(account, holder=group(name), limit_units={"unit": 4, "units": 10})
        )
    await live.call(live.debit(account, 3, subscriber_id="line"))
    held = await live.hold(account, 2, subscriber_id="line")
    move = live.update_subscriber(account, "line", group_ids=["new"])

    refusal = await live.refused(move)
    assert (refusal.code.name, refusal.reason) == (
        "FAILED_PRECONDITION",
        "SUBSCRIBER_HOLDS_RESERVATIONS",
    )
    await live.call(live.commit(held, 2))
    move = live.update_subscriber(account, "line", group_ids=["new"])
    receipts = [(await live.call(move)).receipt for _ in range(2)]
    await live.call(live.debit(account, 4, subscriber_id="line"))
    held = await live.hold(account, 6, subscriber_id="line")

    assert [one.replayed for one in receipts] == [False, True]
    assert await spent(live, account, "old") == (5, 0)
    assert await spent(live, account, "new") == (4, 6)
    more = await live.call(live.reserve(account, subscriber_id="line"))
    assert more.grant.outcome == types_pb2.OUTCOME_SPENDING_CAP_REACHED
    assert more.grant.cap.holder.group_id == "new"


async def test_the_account_must_be_as_it_was_read(live: Live) -> None:
    account = await live.open()
    await live.call(live.add_subscriber(account, "line"))
    etag = (await live.account(account)).etag
    await live.call(live.update_subscriber(account, "line", group_ids=["g"], etag=etag))

    with_old = await live.refused(live.update_subscriber(account, "line", etag=etag))

    assert (with_old.code.name, with_old.reason) == ("FAILED_PRECONDITION", "ETAG_MISMATCH")


async def test_a_line_that_is_not_there_gets_no_groups(live: Live) -> None:
    account = await live.open()
    with live.unchanged():
        refusal = await live.refused(live.update_subscriber(account, "line", group_ids=["g"]))
    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "SUBSCRIBER_NOT_FOUND")


async def test_a_line_of_a_closed_account_stays_as_it_is(live: Live) -> None:
    account = await live.open()
    await live.call(live.add_subscriber(account, "line"))
    await live.call(live.keep("Close", account))

    refusal = await live.refused(live.update_subscriber(account, "line", group_ids=["g"]))

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "ACCOUNT_CLOSED")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"update_mask": None}, "update_mask"),
        ({"update_mask": {}}, "update_mask"),
        ({"update_mask": {"paths": ["identities"]}}, "update_mask"),
        ({"update_mask": {"paths": ["group_ids", "group_ids"]}}, "update_mask"),
        ({"group_ids": ["g", "g"]}, "group_ids"),
        ({"group_ids": list("abcde")}, "group_ids"),
        ({"group_ids": ["a b"]}, "group_ids[0]"),
        ({"etag": "x"}, "etag"),
    ],
)
async def test_what_cannot_be_changed(live: Live, fields: dict[str, Any], field: str) -> None:
    account = await live.open()
    await live.call(live.add_subscriber(account, "line"))
    with live.unchanged():
        refusal = await live.refused(live.update_subscriber(account, "line", **fields))
    assert (refusal.reason, list(refusal.violations)) == ("INVALID_FIELD", [field])
