"""A caller that is wrong all the time: refusals that are stored take room, so they are limited."""

import asyncio
from typing import Any

from ocs.limits import REFUSALS_MAX, REFUSALS_WINDOW_MS
from ocs.v1 import types_pb2
from tests.support.live import Live
from tests.support.stage import Clock

TOO_MANY = ("RESOURCE_EXHAUSTED", "TOO_MANY_REFUSALS", 60_000)


def mismatch(live: Live, account: str) -> Any:
    """A charge that is refused for its unit; the refusal is stored."""
    return live.reserve(account, unit=types_pb2.UNIT_TYPE_OCTETS)


async def told(live: Live, request: Any) -> tuple[str, str, int]:
    refusal = await live.refused(request)
    return refusal.code.name, refusal.reason, refusal.retry_ms


async def test_an_account_stores_a_thousand_refusals_an_hour(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account, other = await live.open(messages=10), await live.open(messages=10)
    requests = [mismatch(live, account) for _ in range(REFUSALS_MAX)]
    reasons = {reason for _, reason, _ in await asyncio.gather(*(told(live, r) for r in requests))}
    assert reasons == {"UNIT_MISMATCH"}

    surplus = mismatch(live, account)
    with live.unchanged():
        assert await told(live, surplus) == TOO_MANY
        # Nothing more is stored, but what was stored stands.
        assert (await told(live, requests[0]))[1] == "UNIT_MISMATCH"

    # Nobody else notices, nor does the account when it is asked rightly, denied or not.
    assert (await told(live, mismatch(live, other)))[1] == "UNIT_MISMATCH"
    held = await live.hold(account, 4)
    assert (await live.call(live.reserve(account, 7, all_or_nothing=True))).grant.outcome == (
        types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    )
    await live.call(live.commit(held, 4))
    assert await live.bucket(account) == (6, 0, 4)

    clock.now_ms += REFUSALS_WINDOW_MS - 1
    assert await told(live, mismatch(live, account)) == TOO_MANY
    clock.now_ms += 1
    assert (await told(live, mismatch(live, account)))[1] == "UNIT_MISMATCH"


async def test_what_was_refused_for_room_is_not_used_up(live: Live) -> None:
    account = await live.open(messages=10)
    requests = [mismatch(live, account) for _ in range(REFUSALS_MAX)]
    await asyncio.gather(*(told(live, request) for request in requests))
    surplus = mismatch(live, account)
    assert await told(live, surplus) == TOO_MANY

    surplus.unit = types_pb2.UNIT_TYPE_COUNT

    assert not (await live.call(surplus)).receipt.replayed
