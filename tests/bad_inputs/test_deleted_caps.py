"""Caps that are deleted while they are in use, and those that are not there."""

from typing import Any

import pytest

from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import types_pb2
from tests.support.live import Live


async def test_a_cap_is_deleted_while_a_reservation_holds_in_it(live: Live) -> None:
    account = await live.open(messages=100)
    await live.call(live.set_cap(account, limit_units={"unit": 4, "units": 10}))
    held = await live.hold(account, 10)
    refused = await live.call(live.reserve(account))
    delete = live.delete_cap(account)

    receipt = (await live.call(delete)).receipt
    replayed = (await live.call(delete)).receipt

    assert refused.grant.outcome == types_pb2.OUTCOME_SPENDING_CAP_REACHED
    assert (receipt.replayed, replayed.replayed) == (False, True)
    assert receipt.account_seq == replayed.account_seq
    assert await live.caps(account) == {}
    assert (await live.call(live.reserve(account))).grant.granted_units == 1
    assert (await live.call(live.commit(held, 12))).charge.charged_units == 12


@pytest.mark.parametrize("holder", [{}, {"group_id": "g"}, {"subscriber_id": "line"}])
async def test_a_cap_that_is_not_there(live: Live, holder: Any) -> None:
    account = await live.open()
    await live.call(live.add_subscriber(account, "line", group_ids=["g"]))
    with live.unchanged():
        refusal = await live.refused(live.delete_cap(account, holder=holder))
    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "CAP_NOT_FOUND")


async def test_a_cap_of_nobody(live: Live) -> None:
    account = await live.open()
    with live.unchanged():
        refusal = await live.refused(live.delete_cap(account, holder={"subscriber_id": "nobody"}))
    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "SUBSCRIBER_NOT_FOUND")


async def test_a_cap_without_an_id_is_named(live: Live) -> None:
    account = await live.open()
    request = live.stamped(caps.DeleteSpendingCapRequest(account_id=account))
    with live.unchanged():
        refusal = await live.refused(request)
    assert refusal.reason == "INVALID_FIELD"
    assert list(refusal.violations) == ["cap_id"]


async def test_a_closed_account_keeps_its_caps(live: Live) -> None:
    account = await live.open()
    await live.call(live.set_cap(account, limit_micros=5))
    await live.call(live.keep("Close", account))

    refusal = await live.refused(live.delete_cap(account))

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "ACCOUNT_CLOSED")
    assert list(await live.caps(account)) == ["cap"]


async def test_a_group_has_caps_before_a_line_is_in_it(live: Live) -> None:
    """They are shown, they count from the first line on, and they can be deleted."""
    account, holder = await live.open(messages=50), types_pb2.CapHolder(group_id="team")
    cap = live.set_cap(account, holder=holder, limit_units={"unit": 4, "units": 7})
    shown = (await live.call(cap)).cap
    listing = caps.ListSpendingCapsRequest(account_id=account, holder=holder)
    alone = (await live.call(listing)).caps
    await live.call(live.add_subscriber(account, "line", group_ids=["team"]))
    granted = await live.call(live.reserve(account, 9, subscriber_id="line"))

    assert shown.remaining == 7
    assert [each.cap_id for each in alone] == ["cap"]
    assert granted.grant.granted_units == 7
    await live.call(live.delete_cap(account, holder=holder))
    assert not (await live.call(listing)).caps
