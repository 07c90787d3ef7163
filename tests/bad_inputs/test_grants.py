"""Rows 12, 38 to 46, 58, 60 to 62: asking for what does not fit, is not there or is not allowed."""

import asyncio
from typing import Any

import pytest

from ocs.limits import OPEN_RESERVATIONS_MAX
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import types_pb2
from tests.support.live import Live
from tests.support.stages import now_ms

MESSAGE_MICROS = 70_000


async def refused_for(live: Live, request: Any, code: str, reason: str) -> None:
    refusal = await live.refused(request)
    assert (refusal.code.name, refusal.reason) == (code, reason)


async def test_row_12_units_of_another_kind(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    octets = types_pb2.UNIT_TYPE_OCTETS
    mixed_up = ("FAILED_PRECONDITION", "UNIT_MISMATCH")

    await refused_for(live, live.reserve(account, unit=octets), *mixed_up)
    await refused_for(live, live.reserve(account, unit=types_pb2.UNIT_TYPE_MICROS), *mixed_up)
    await refused_for(live, live.debit(account, unit=octets), *mixed_up)
    await refused_for(live, live.debit(account, authorize=True, unit=octets), *mixed_up)
    await refused_for(live, live.commit(reservation, 1, unit=octets), *mixed_up)
    await live.call(live.commit(reservation, 0, "keep", unit=types_pb2.UNIT_TYPE_COUNT))

    assert await live.bucket(account) == (10, 4, 0)


async def test_row_12_a_refused_unit_stands_under_its_id(live: Live) -> None:
    account = await live.open(messages=10)
    request = live.reserve(account, unit=types_pb2.UNIT_TYPE_OCTETS)
    await live.refused(request)

    with live.unchanged():
        await refused_for(live, request, "FAILED_PRECONDITION", "UNIT_MISMATCH")
        request.unit = types_pb2.UNIT_TYPE_COUNT
        await refused_for(live, request, "ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_row_12_money_of_another_currency(live: Live) -> None:
    account = await live.open(micros=5)
    dollars = accounts.MoneyCredit(micros=1, currency="USD")

    await refused_for(
        live, live.top_up(account, money=dollars), "FAILED_PRECONDITION", "CURRENCY_MISMATCH"
    )

    assert await live.bucket(account, "main") == (5, 0, 0)


async def test_row_12_a_bucket_of_another_unit(live: Live) -> None:
    account = await live.open(messages=10)
    spec = accounts.BucketSpec(bucket_id="messages")

    for request in (
        live.top_up(account, micros=1, bucket=spec),
        live.top_up(account, units=1, unit=types_pb2.UNIT_TYPE_OCTETS, bucket=spec),
    ):
        await refused_for(live, request, "FAILED_PRECONDITION", "BUCKET_MISMATCH")

    assert await live.bucket(account) == (10, 0, 0)


async def test_row_38_a_gap_is_flagged_and_charged(live: Live) -> None:
    account = await live.open(messages=100)
    reservation = await live.hold(account, 10, session_id="x", sequence_number=1)

    answer = await live.call(live.commit_next(reservation, 3, 10, sequence_number=5))

    assert (answer.charge.sequence_gap, answer.charge.charged_units) == (True, 3)
    assert answer.grant.granted_units == 10
    assert await live.bucket(account) == (97, 10, 3)


async def test_row_38_an_older_number_is_charged_and_gets_no_next_grant(live: Live) -> None:
    account = await live.open(messages=100)
    reservation = await live.hold(account, 10, session_id="x", sequence_number=7)

    answer = await live.call(live.commit_next(reservation, 3, 10, sequence_number=6))

    assert (answer.charge.out_of_order, answer.charge.charged_units) == (True, 3)
    assert answer.grant.outcome == types_pb2.OUTCOME_OUT_OF_ORDER
    assert answer.grant.granted_units == 0
    assert await live.bucket(account) == (97, 0, 3)


async def test_row_38_a_number_used_by_another_request(live: Live) -> None:
    account = await live.open(messages=100)
    reservation = await live.hold(account, 10, session_id="x", sequence_number=7)
    other = live.reserve(account, session_id="x", sequence_number=7)
    taken = ("ALREADY_EXISTS", "SEQUENCE_NUMBER_REUSED")

    with live.unchanged():
        await refused_for(live, live.commit(reservation, 3, sequence_number=7), *taken)
        await refused_for(live, other, *taken)
        debit = live.debit(account, session_id="x", sequence_number=7)
        await refused_for(live, debit, *taken)
    # Numbers count within one service of a session.
    voice = live.reserve(account, session_id="x", sequence_number=7, service_id="voice")
    assert (await live.call(voice)).receipt.account_seq

    assert await live.bucket(account) == (100, 10, 0)


async def test_row_39_all_or_nothing_is_nothing(live: Live) -> None:
    account = await live.open(messages=10)
    events = live.journal_length()

    answer = await live.call(live.reserve(account, 11, all_or_nothing=True))

    assert answer.grant.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    assert (answer.grant.granted_units, answer.reservation) == (0, "")
    assert await live.bucket(account) == (10, 0, 0)
    assert live.journal_length() == events + 1


async def test_row_40_all_there_is_and_then_one_more(live: Live) -> None:
    account = await live.open(micros=10 * MESSAGE_MICROS)

    whole = await live.call(live.reserve(account, 10))
    more = await live.call(live.reserve(account, 1))

    assert whole.grant.granted_units == 10
    assert more.grant.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    (main,) = (await live.account(account)).buckets
    assert (main.balance, main.reserved, main.available) == (700_000, 700_000, 0)


async def test_row_42_a_part_if_that_is_allowed(live: Live) -> None:
    account = await live.open(messages=60)

    answer = await live.call(live.reserve(account, 100))

    assert (answer.grant.granted_units, answer.grant.final_grant) == (60, True)
    assert await live.bucket(account) == (60, 60, 0)


@pytest.mark.parametrize("field", ["request_time", "event_time"])
@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(0, 0), (-1, 0), (2**62, 0), (-(2**63), 0), (7_258_118_400, 1_000_000), (1, -1), (1, 10**9)],
)
async def test_row_44_a_time_that_is_none(live: Live, field: str, seconds: int, nanos: int) -> None:
    for request in (live.reserve("nobody"), live.debit("nobody")):
        holder = getattr(request, field)
        holder.seconds, holder.nanos = seconds, nanos

        with live.unchanged():
            refusal = await live.refused(request)

        assert (refusal.code.name, list(refusal.violations)) == ("INVALID_ARGUMENT", [field])


async def test_row_44_a_request_from_the_future(live: Live) -> None:
    account = await live.open(messages=100)
    reservation = await live.hold(account, 5)
    requests: list[Any] = [
        live.reserve(account),
        live.debit(account),
        live.debit(account, authorize=True),
        live.commit(reservation, 1),
        live.release(reservation),
        live.top_up(account, micros=1),
        live.add_subscriber(account, "s"),
        live.set_cap(account, limit_micros=1),
        live.create(live.new_id("a")),
    ]
    for request in requests:
        request.request_time.FromMilliseconds(now_ms() + 62_000)

        with live.unchanged():
            refusal = await live.refused(request)

        assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert list(refusal.violations) == ["request_time"]
    ahead = live.debit(account)
    ahead.request_time.FromMilliseconds(now_ms() + 58_000)
    await live.call(ahead)


async def test_row_45_no_more_open_reservations_than_allowed(live: Live) -> None:
    account = await live.open(messages=2000)
    await asyncio.gather(
        *(live.call(live.reserve(account)) for _ in range(OPEN_RESERVATIONS_MAX - 1))
    )
    last = await live.hold(account)

    more = await live.call(live.reserve(account))

    assert more.grant.outcome == types_pb2.OUTCOME_TOO_MANY_RESERVATIONS
    assert more.grant.granted_units == 0
    assert await live.bucket(account) == (2000, OPEN_RESERVATIONS_MAX, 0)
    await live.call(live.release(last))
    await live.hold(account)


async def test_row_46_a_reservation_id_is_used_once(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4, reservation_id="mine")
    again = live.reserve(account, reservation_id="mine")
    taken = ("ALREADY_EXISTS", "RESERVATION_EXISTS")

    with live.unchanged():
        await refused_for(live, again, *taken)
    await live.call(live.commit(reservation, 4))
    with live.unchanged():
        await refused_for(live, again, *taken)

    assert await live.bucket(account) == (6, 0, 4)


async def test_row_58_a_service_that_the_plan_lacks(live: Live) -> None:
    account = await live.open(micros=1_000_000, plan="data-only")

    reserve = await live.call(live.reserve(account, service_id="voice"))
    debit = await live.call(live.debit(account, service_id="voice", authorize=True))
    unknown = await live.call(live.reserve(account, service_id="telepathy"))

    denied = types_pb2.OUTCOME_SERVICE_DENIED
    assert reserve.grant.outcome == debit.outcome == unknown.grant.outcome == denied
    assert await live.bucket(account, "main") == (1_000_000, 0, 0)


async def test_row_60_the_tightest_of_several_caps(live: Live) -> None:
    account = await live.open(messages=1000)
    for cap_id, units in (("wide", 500), ("tight", 30), ("middle", 80)):
        await live.call(
            live.set_cap(account, cap_id=cap_id, limit_units={"unit": 4, "units": units})
        )

    partial = await live.call(live.reserve(account, 100))
    refused = await live.call(live.reserve(account, 1))

    assert (partial.grant.granted_units, partial.grant.cap.cap_id) == (30, "tight")
    assert refused.grant.outcome == types_pb2.OUTCOME_SPENDING_CAP_REACHED
    cap = refused.grant.cap
    assert (cap.cap_id, cap.remaining, cap.unit) == ("tight", 0, types_pb2.UNIT_TYPE_COUNT)
    assert cap.reset_time.seconds > now_ms() // 1000
    assert {c.cap_id: c.reserved for c in (await live.caps(account)).values()} == {
        "wide": 30,
        "tight": 30,
        "middle": 30,
    }


async def test_row_61_a_cap_lowered_below_what_is_spent(live: Live) -> None:
    account = await live.open(messages=1000)
    await live.call(live.set_cap(account, limit_units={"unit": 4, "units": 100}))
    await live.call(live.debit(account, 40))
    reservation = await live.hold(account, 30)

    await live.call(live.set_cap(account, limit_units={"unit": 4, "units": 10}))

    cap = (await live.caps(account))["cap"]
    assert (cap.spent, cap.reserved, cap.remaining) == (40, 30, 0)
    refused = await live.call(live.reserve(account))
    assert refused.grant.outcome == types_pb2.OUTCOME_SPENDING_CAP_REACHED
    charge = (await live.call(live.commit(reservation, 30))).charge
    assert (charge.charged_units, charge.uncollected_units) == (30, 0)
    assert (await live.caps(account))["cap"].spent == 70


async def test_row_62_a_cap_of_nothing_and_no_cap(live: Live) -> None:
    account = await live.open(micros=1_000_000)
    capless = await live.call(live.reserve(account))
    await live.call(live.set_cap(account, limit_micros=0))

    reserve = await live.call(live.reserve(account))
    debit = await live.call(live.debit(account, authorize=True))
    happened = await live.call(live.debit(account))

    assert capless.grant.outcome == types_pb2.OUTCOME_GRANTED
    reached = types_pb2.OUTCOME_SPENDING_CAP_REACHED
    assert reserve.grant.outcome == debit.outcome == reached
    # Use that happened is never refused.
    assert happened.outcome == types_pb2.OUTCOME_CHARGED


async def test_row_62_a_cap_that_counts_something_else_is_another(live: Live) -> None:
    account = await live.open()
    await live.call(live.set_cap(account, limit_micros=5))

    for change in ({"limit_units": {"unit": 4, "units": 5}}, {"service_id": "sms"}, {"period": 5}):
        request = live.set_cap(account, **{"limit_micros": 5, **change})
        if "limit_units" in change:
            request.cap.limit_units.units = 5
        await refused_for(live, request, "FAILED_PRECONDITION", "CAP_MISMATCH")

    assert (await live.caps(account))["cap"].limit_micros == 5


async def test_a_group_may_have_caps_before_it_has_lines(live: Live) -> None:
    account = await live.open(messages=10)
    holder = types_pb2.CapHolder(group_id="early")

    answer = await live.call(live.set_cap(account, limit_micros=5, holder=holder))
    listed = await live.call(caps.ListSpendingCapsRequest(account_id=account, holder=holder))
    await live.call(live.add_subscriber(account, "s1", group_ids=["early"]))
    again = await live.call(caps.ListSpendingCapsRequest(account_id=account, holder=holder))

    assert [cap.limit_micros for cap in listed.caps] == [5]
    assert list(again.caps) == list(listed.caps) == [answer.cap]


async def test_units_must_be_named_where_the_tariff_has_no_default(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 5)
    reserve, commit = live.reserve(account), live.commit_next(reservation, 1, 1)
    reserve.ClearField("requested_units")
    commit.next_grant.ClearField("requested_units")

    for request, field in ((reserve, "requested_units"), (commit, "next_grant.requested_units")):
        with live.unchanged():
            refusal = await live.refused(request)
        assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert list(refusal.violations) == [field]
    # Put right, the same requests are decided: the refusals consumed nothing.
    reserve.requested_units = commit.next_grant.requested_units = 2
    assert (await live.call(reserve)).grant.granted_units == 2
    assert (await live.call(commit)).charge.charged_units == 1
