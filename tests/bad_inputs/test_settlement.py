"""Rows 37, 47 to 57: reports and releases that come again, too late, too much or for nothing."""

from typing import Any

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2
from tests.support.live import Live
from tests.support.stage import Clock

# Messages: validity 60 s, then 60 s of grace.
LAPSE_MS = 120_000
CLOSED = ("FAILED_PRECONDITION", "RESERVATION_CLOSED")
UNKNOWN = ("NOT_FOUND", "RESERVATION_NOT_FOUND")


async def refused_for(live: Live, request: Any, code: str, reason: str) -> None:
    refusal = await live.refused(request)
    assert (refusal.code.name, refusal.reason) == (code, reason)


async def test_row_37_two_accounts_may_name_a_reservation_alike(live: Live) -> None:
    one, other = await live.open(messages=10), await live.open(messages=10)
    first = await live.hold(one, 5, reservation_id="same")
    second = await live.hold(other, 5, reservation_id="same")

    await live.call(live.commit(first, 2))
    await live.call(live.commit(second, 3))

    assert await live.bucket(one) == (8, 0, 2)
    assert await live.bucket(other) == (7, 0, 3)


async def test_row_47_less_than_was_held(live: Live) -> None:
    account = await live.open(messages=10)

    charge = (await live.call(live.commit(await live.hold(account, 8), 3))).charge

    assert (charge.charged_units, charge.uncollected_units) == (3, 0)
    assert await live.bucket(account) == (7, 0, 3)


async def test_row_48_more_than_was_held(live: Live) -> None:
    account = await live.open(messages=10)
    await live.hold(account, 3)

    answer = await live.call(live.commit(await live.hold(account, 4), 9))

    # 4 were held and 3 available; the other 2 are lost, and shown.
    charge = answer.charge
    assert (charge.charged_units, charge.uncollected_units) == (9, 2)
    assert charge.uncollected_micros == 2 * 70_000
    assert await live.bucket(account) == (3, 3, 7)


async def test_row_48_more_than_was_held_refused_on_request(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    reject = charging.OVERRUN_POLICY_REJECT

    request = live.commit(reservation, 5, overrun_policy=reject)
    await refused_for(live, request, "FAILED_PRECONDITION", "COMMIT_EXCEEDS_RESERVED")

    assert await live.bucket(account) == (10, 4, 0)
    await live.call(live.commit(reservation, 4, overrun_policy=reject))


async def test_rows_49_to_51_what_is_closed_stays_closed(live: Live) -> None:
    account = await live.open(messages=20)
    closed, released = await live.hold(account, 4), await live.hold(account, 4)
    await live.call(live.commit(closed, 3))
    await live.call(live.release(released))
    for reservation in (closed, released):
        await refused_for(live, live.commit(reservation, 1), *CLOSED)
        await refused_for(live, live.commit(reservation, 1, "keep"), *CLOSED)
        await refused_for(live, live.commit_next(reservation, 1, 1), *CLOSED)
        await refused_for(live, live.release(reservation), *CLOSED)

    assert await live.bucket(account) == (17, 0, 3)


async def test_row_49_a_refusal_stands_under_its_id(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    await live.call(live.commit(reservation, 3))
    request = live.commit(reservation, 1)
    await refused_for(live, request, *CLOSED)

    with live.unchanged():
        await refused_for(live, request, *CLOSED)


async def test_row_52_use_reported_after_expiry(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    late, other = await live.hold(account, 4), live.reserve(account, 10)
    clock.now_ms += LAPSE_MS
    events = live.journal_length()

    charge = (await live.call(live.commit(late, 3))).charge
    rest = await live.call(live.stamped(other))

    assert (charge.late, charge.charged_units) == (True, 3)
    assert rest.grant.granted_units == 7
    # EXPIRE once, COMMIT, RESERVE.
    assert live.journal_length() == events + 3
    assert await live.bucket(account) == (7, 7, 3)


async def test_row_52_late_use_is_no_free_headroom(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    late = await live.hold(account, 6)
    clock.now_ms += LAPSE_MS
    await live.hold(account, 8)

    charge = (await live.call(live.commit(late, 6))).charge

    assert (charge.late, charge.charged_units, charge.uncollected_units) == (True, 6, 4)
    assert await live.bucket(account) == (8, 8, 2)


async def test_row_52_the_hold_stands_to_its_last_millisecond(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    clock.now_ms += LAPSE_MS - 1

    charge = (await live.call(live.commit(reservation, 3))).charge

    assert not charge.late


async def test_row_52_a_reservation_is_remembered_for_an_hour(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    clock.now_ms += LAPSE_MS + 3_600_000

    with live.unchanged():
        await refused_for(live, live.commit(reservation, 3), *UNKNOWN)


async def test_row_52_a_release_after_expiry(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    clock.now_ms += LAPSE_MS

    request = live.release(reservation)
    await refused_for(live, request, "FAILED_PRECONDITION", "RESERVATION_EXPIRED")

    assert await live.bucket(account) == (10, 0, 0)


async def test_row_55_a_next_grant_on_what_has_expired(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=20)
    reservation = await live.hold(account, 4)
    clock.now_ms += LAPSE_MS

    answer = await live.call(live.commit_next(reservation, 3, 5))

    assert (answer.charge.late, answer.charge.charged_units) == (True, 3)
    assert answer.grant.granted_units == 5
    assert answer.reservation != reservation
    assert await live.bucket(account) == (17, 5, 3)
    await live.call(live.commit(answer.reservation, 5))
    assert await live.bucket(account) == (12, 0, 8)


async def test_row_55_a_successor_needs_a_name_of_its_own(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=20)
    reservation = await live.hold(account, 4, reservation_id="first")
    clock.now_ms += LAPSE_MS
    request = live.commit_next(reservation, 3, 5)
    request.next_grant.next_reservation_id = "first"

    await refused_for(live, request, "ALREADY_EXISTS", "RESERVATION_EXISTS")

    assert await live.bucket(account) == (20, 0, 0)


async def test_row_56_a_reservation_that_never_was(live: Live) -> None:
    account = await live.open(messages=10)
    name = f"tenants/main/accounts/{account}/reservations/none"

    with live.unchanged():
        await refused_for(live, live.commit(name, 1), *UNKNOWN)
        await refused_for(live, live.commit_next(name, 1, 1), *UNKNOWN)
        await refused_for(live, live.release(name), *UNKNOWN)


async def test_row_57_a_reservation_of_someone_else(live: Live) -> None:
    mine, theirs = await live.open(messages=10), await live.open(messages=10)
    reservation = await live.hold(theirs, 4)

    with live.unchanged():
        for name in (
            reservation.replace(theirs, mine),
            reservation.replace("tenants/main/", "tenants/other/"),
        ):
            await refused_for(live, live.commit(name, 1), *UNKNOWN)
            await refused_for(live, live.release(name), *UNKNOWN)


async def test_a_denied_next_grant_leaves_the_reservation_open(live: Live) -> None:
    account = await live.open(messages=4)
    reservation = await live.hold(account, 4)

    answer = await live.call(live.commit_next(reservation, 4, 4))

    assert answer.grant.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    spec = accounts.BucketSpec(bucket_id="messages")
    await live.call(live.top_up(account, units=6, unit=4, bucket=spec))
    again = await live.call(live.commit_next(reservation, 0, 4))
    assert (again.reservation, again.grant.granted_units) == (reservation, 4)
