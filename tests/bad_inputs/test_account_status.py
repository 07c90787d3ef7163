"""Rows 58, 82 and 83: accounts that are suspended, cannot be closed, or are closed."""

from typing import Any

import pytest

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import types_pb2
from tests.support.live import Live

SUSPENDED = types_pb2.OUTCOME_ACCOUNT_SUSPENDED
CLOSED = types_pb2.OUTCOME_ACCOUNT_CLOSED


async def test_row_58_a_suspended_account_settles_and_is_granted_nothing(live: Live) -> None:
    account = await live.open(messages=100)
    held = await live.hold(account, 20)
    await live.call(live.keep("Suspend", account, reason="lost"))

    refused = await live.call(live.reserve(account))
    denied = await live.call(live.debit(account, authorize=True))
    used = await live.call(live.debit(account, 3))
    settled = await live.call(live.commit_next(held, 7, 5))
    await live.call(live.top_up(account, micros=5))
    await live.call(live.set_cap(account, limit_micros=5))

    assert refused.grant.outcome == denied.outcome == settled.grant.outcome == SUSPENDED
    assert (refused.grant.granted_units, used.charge.charged_units) == (0, 3)
    assert settled.charge.charged_units == 7
    assert (await live.account(account)).status == accounts.ACCOUNT_STATUS_SUSPENDED
    assert await live.bucket(account) == (90, 0, 10)
    await live.call(live.keep("Resume", account))
    assert (await live.call(live.reserve(account))).grant.granted_units == 1


async def test_row_82_what_holds_or_has_something_is_not_closed(live: Live) -> None:
    account = await live.open(messages=5)
    held = await live.hold(account, 5)

    holding = await live.refused(live.keep("Close", account))
    await live.call(live.commit(held, 4))
    having = await live.refused(live.keep("Close", account))
    await live.call(live.debit(account, 1))
    await live.call(live.keep("Close", account))

    assert (holding.code.name, holding.reason) == (
        "FAILED_PRECONDITION",
        "ACCOUNT_HOLDS_RESERVATIONS",
    )
    assert (having.code.name, having.reason) == ("FAILED_PRECONDITION", "ACCOUNT_HAS_BALANCE")
    assert (await live.account(account)).status == accounts.ACCOUNT_STATUS_CLOSED


async def test_row_83_a_closed_account_takes_use_and_nothing_else(live: Live) -> None:
    account = live.new_id("a")
    opened = live.create(account)
    await live.call(opened)
    await live.call(live.keep("Close", account))

    reserve = await live.call(live.reserve(account))
    debit = await live.call(live.debit(account, authorize=True))
    used = await live.call(live.debit(account, 3))
    changes = [
        live.top_up(account, micros=5),
        live.add_subscriber(account, "s1"),
        live.set_cap(account, limit_micros=5),
        live.keep("Suspend", account),
        live.keep("Resume", account),
        live.keep("Close", account),
        live.keep("Update", account, plan="prepaid", update_mask={"paths": ["plan"]}),
    ]
    refusals = [await live.refused(change) for change in changes]
    with live.unchanged():
        again = await live.refused(live.create(account))

    assert reserve.grant.outcome == debit.outcome == CLOSED
    assert used.charge.uncollected_units == 3
    told = {(refusal.code.name, refusal.reason) for refusal in refusals}
    assert told == {("FAILED_PRECONDITION", "ACCOUNT_CLOSED")}
    assert (again.code.name, again.reason) == ("ALREADY_EXISTS", "ACCOUNT_EXISTS")
    assert (await live.call(opened)).receipt.replayed


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("update_mask", {"update_mask": {"paths": []}}),
        ("update_mask", {"update_mask": {"paths": ["currency"]}}),
        ("update_mask", {"plan": "prepaid", "update_mask": {"paths": ["plan", "plan"]}}),
        ("plan", {"update_mask": {"paths": ["plan"]}}),
        ("plan", {"plan": "no-such-plan", "update_mask": {"paths": ["plan"]}}),
        ("credit_limit_micros", {"update_mask": {"paths": ["credit_limit_micros"]}}),
    ],
)
async def test_an_update_that_says_nothing_or_too_much(
    live: Live, field: str, fields: dict[str, Any]
) -> None:
    account = await live.open()

    with live.unchanged():
        refusal = await live.refused(live.keep("Update", account, **fields))

    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert set(refusal.violations) == {field}


async def test_an_update_of_what_has_changed_since(live: Live) -> None:
    account = await live.open(micros=1_000_000)
    before = await live.account(account)
    limit: dict[str, Any] = {
        "credit_limit_micros": 500,
        "update_mask": {"paths": ["credit_limit_micros"]},
    }
    after = (await live.call(live.keep("Update", account, etag=before.etag, **limit))).account

    stale = await live.refused(live.keep("Update", account, etag=before.etag, **limit))
    limit["credit_limit_micros"] = 2**53 - 1
    beyond = await live.refused(live.keep("Update", account, etag=after.etag, **limit))

    assert (after.credit_limit_micros, after.buckets[0].available) == (500, 1_000_500)
    assert (stale.code.name, stale.reason) == ("FAILED_PRECONDITION", "ETAG_MISMATCH")
    assert (beyond.code.name, beyond.reason) == ("FAILED_PRECONDITION", "BALANCE_LIMIT")
