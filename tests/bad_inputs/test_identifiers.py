"""Rows 13 to 23: ids, labels and enums that are empty, too long, foreign or not text at all."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ocs.limits import RECEIVE_BYTES_MAX, UNARY_CHARGING_BYTES_MAX
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import tariff_service_pb2 as tariffs
from ocs.v1 import types_pb2
from tests.support.bundles import cancel, mark, purchase
from tests.support.live import Live
from tests.support.methods import CHARGES, METHODS, method_of
from tests.support.rerating import correct_charge

NAME: Final = "tenants/main/accounts/nobody/reservations/none"
MSISDN: Final = types_pb2.SubscriberIdentity(msisdn="4915112345678")
SPEC: Final = accounts.BucketSpec(bucket_id="b", service_ids=["s"], zones=["z"])

# Every message a caller sends, each with every text in it: whoever adds a text adds it here.
REQUESTS: Final[dict[str, Callable[[Live], Message]]] = {
    "Reserve": lambda live: live.reserve(
        "a", subscriber_id="s", reservation_id="r", session_id="x",
        other_party="49", visited_network="26298",
    ),
    "Reserve by identity": lambda live: live.stamped(
        charging.ReserveRequest(identity=MSISDN, service_id="sms", requested_units=1)
    ),
    "Commit": lambda live: live.commit(NAME, 1),
    "Commit next_grant": lambda live: live.commit(
        NAME, 1, "next_grant",
        next_grant=charging.NextGrant(requested_units=1, next_reservation_id="n"),
    ),
    "Release": lambda live: live.release(NAME),
    "Debit": lambda live: live.debit(
        "a", subscriber_id="s", session_id="x", other_party="49", visited_network="26298"
    ),
    "ChargeStream": lambda live: live.batch(live.release(NAME), batch_id="b"),
    "Debit by identity": lambda live: live.stamped(
        charging.DebitRequest(
            identity=MSISDN, service_id="sms", used_units=1, basis=charging.DEBIT_BASIS_USED
        )
    ),
    "CreateAccount": lambda live: live.create("a", time_zone="UTC", segment="s"),
    "GetAccount": lambda _: accounts.GetAccountRequest(account_id="a"),
    "AddSubscriber": lambda live: live.add_subscriber(
        "a", "s", group_ids=["g"], identities=[
            MSISDN,
            types_pb2.SubscriberIdentity(imsi="262981234567890"),
            types_pb2.SubscriberIdentity(iccid="894912345678901234"),
        ],
    ),
    "UpdateSubscriber": lambda live: live.update_subscriber("a", "s", group_ids=["g"], etag="1"),
    "RemoveSubscriber": lambda live: live.remove_subscriber("a", "s"),
    "LookupSubscriber": lambda _: accounts.LookupSubscriberRequest(identity=MSISDN),
    "TopUp money": lambda live: live.top_up("a", micros=1, bucket=SPEC),
    "TopUp units": lambda live: live.top_up("a", units=1, unit=4, bucket=SPEC),
    "ListChargingEvents": lambda _: accounts.ListChargingEventsRequest(
        account_id="a", page_token="1-1"  # noqa: S106 - a position, no secret
    ),
    "SetSpendingCap service": lambda live: live.set_cap(
        "a", limit_micros=1, service_id="s", holder=types_pb2.CapHolder(subscriber_id="s")
    ),
    "SetSpendingCap zone": lambda live: live.set_cap(
        "a", limit_micros=1, zone="z", holder=types_pb2.CapHolder(group_id="g")
    ),
    "DeleteSpendingCap": lambda live: live.delete_cap(
        "a", holder=types_pb2.CapHolder(subscriber_id="s")
    ),
    "LoadTariff": lambda _: tariffs.LoadTariffRequest(request_id="q", chunks=[b"x"]),
    "ActivateTariff": lambda _: tariffs.ActivateTariffRequest(
        request_id="q", version="v", activate_time=Timestamp(seconds=4_000_000_000)
    ),
    "GetTariff": lambda _: tariffs.GetTariffRequest(version="v"),
    "ListTariffs": lambda _: tariffs.ListTariffsRequest(
        page_token="1"  # noqa: S106 - a position, no secret
    ),
    "DiffTariffs": lambda _: tariffs.DiffTariffsRequest(from_version="v", to_version="w"),
    "DeleteSpendingCap group": lambda live: live.delete_cap(
        "a", holder=types_pb2.CapHolder(group_id="g")
    ),
    "ListSpendingCaps": lambda _: caps.ListSpendingCapsRequest(
        account_id="a", holder=types_pb2.CapHolder(subscriber_id="s")
    ),
    "ListSpendingCaps group": lambda _: caps.ListSpendingCapsRequest(
        account_id="a", holder=types_pb2.CapHolder(group_id="g")
    ),
    "ListAccounts": lambda _: accounts.ListAccountsRequest(page_token="1/a"),  # noqa: S106
    "Quote": lambda _: charging.QuoteRequest(
        account_id="a", subscriber_id="s", service_id="sms", units=1, other_party="49",
        visited_network="26298",
    ),
    "ExplainCharge": lambda _: charging.ExplainChargeRequest(
        event="tenants/main/accounts/a/events/1"
    ),
    "GetReservation": lambda _: charging.GetReservationRequest(reservation=NAME),
    "ListReservations": lambda _: charging.ListReservationsRequest(
        account_id="a", page_token="r"  # noqa: S106 - an id, no secret
    ),
    "GetRequest": lambda _: charging.GetRequestRequest(account_id="a", asked_request_id="q"),
    "WithdrawBalance": lambda live: live.withdraw("a", 1, reason="x"),
    "Refund": lambda live: live.refund(
        "tenants/main/accounts/a/events/1", bucket_id="b", reason="x",
        shares=[charging.RefundShare(bucket_id="b", quantity=1)],
    ),
    "CorrectCharge": lambda live: correct_charge(
        live, "tenants/main/accounts/a/events/1", reason="x"
    ),
    "AdjustBucket": lambda live: live.adjust("a", 1),
    "ReverseTopUp": lambda live: live.reverse("a", "p", reason="x"),
    "PurchaseBundle": lambda live: purchase(live, "a", "b"),
    "CancelBundleRenewal": lambda live: cancel(live, "a", "b"),
    "ListBundles": lambda _: bundles.ListBundlesRequest(account_id="a"),
    "SetBucketThreshold": lambda live: mark(live, "a", threshold=1),
    "SuspendAccount": lambda live: live.keep("Suspend", "a", reason="x"),
    "ResumeAccount": lambda live: live.keep("Resume", "a", reason="x"),
    "CloseAccount": lambda live: live.keep("Close", "a", reason="x"),
    "UpdateAccount": lambda live: live.keep(
        "Update", "a", segment="s", etag="1", plan="p",
        update_mask={"paths": ["plan", "segment", "credit_limit_micros"]},
        credit_limit_micros=1,
    ),
}  # fmt: skip

# What a caller may leave out: empty is no fault there.
OPTIONAL: Final = {
    "subscriber_id", "reservation_id", "session_id", "next_reservation_id", "other_party",
    "visited_network", "time_zone", "segment", "bucket_id", "page_token", "batch_id",
    "reason", "etag",
}  # fmt: skip
# Any words of the caller's, but no control characters, and not without end.
FREE: Final = {"reason"}
FREE_BYTES_MAX: Final = 256
REQUIRED_ALL_THE_SAME: Final = {
    ("UpdateAccountRequest", "plan"),
    ("AdjustBucketRequest", "reason"),
    ("SetBucketThresholdRequest", "bucket_id"),
    ("AddSubscriberRequest", "subscriber_id"),
    ("UpdateSubscriberRequest", "subscriber_id"),
    ("CapHolder", "subscriber_id"),
}

EVIL: Final = {
    14: ["a" * 129, "1" * 129, "ä" * 65, "a" * 5000],
    15: ["u}x", "{}", "}{", "{a}", "a{b}c"],
    17: ["a\nb", "a\n", "\na", "a\rb", "a\r\n", "a\x00b", "\x00", "a\tb", "\x1b[31m", "a\x7f"],
    21: ["*", "../x", "..\\x", "a b", " a", "a:b", "a/b", "a?", "[a]", "a,b", "ü", "\u202ea",
         "\uff41", "return redis.call('FLUSHALL')", "'; DROP TABLE a; --", "${x}", "%00"],
}  # fmt: skip


def texts_in(message: Any) -> Iterator[tuple[Any, Any, int | None]]:
    """Every text of a message, also those left empty: who has it, which, and its place in a list.

    Of a choice, the text that is chosen.
    """
    for field in message.DESCRIPTOR.fields:
        if field.full_name.startswith("google.protobuf"):
            continue
        value = getattr(message, field.name)
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                yield from ((message, field, place) for place in range(len(value)))
            elif field.containing_oneof is None or message.HasField(field.name):
                yield message, field, None
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.is_repeated:
                for each in value:
                    yield from texts_in(each)
            elif message.HasField(field.name):
                yield from texts_in(value)


def put(holder: Any, field: Any, place: int | None, text: str) -> None:
    """Set one text."""
    if place is None:
        setattr(holder, field.name, text)
    else:
        getattr(holder, field.name)[place] = text


def changed(make: Callable[[], Message], value: str) -> Iterator[tuple[str, Message]]:
    """The request with each of its texts, one at a time, replaced by the value."""
    count = len(list(texts_in(make())))
    for number in range(count):
        request = make()
        holder, field, place = list(texts_in(request))[number]
        put(holder, field, place, value)
        yield field.name, request


async def refused_for(live: Live, request: Message, field: str) -> None:
    refusal = await live.refused(request)
    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert len(refusal.violations) == 1, refusal
    (path,) = refusal.violations
    assert path.split(".")[-1].partition("[")[0] == field


def test_every_text_of_every_method_is_tried(live: Live) -> None:
    tried = {
        f"{holder.DESCRIPTOR.name}.{field.name}"
        for make in REQUESTS.values()
        for holder, field, _ in texts_in(make(live))
    }
    there: set[str] = set()
    todo = [method.input_type for method in METHODS.values()]
    while todo:
        message = todo.pop()
        for field in message.fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                there.add(f"{message.name}.{field.name}")
            elif field.message_type and field.message_type.file.package == "ocs.v1":
                todo.append(field.message_type)

    assert {method_of(make(live)) for make in REQUESTS.values()} == set(METHODS)
    assert tried == there


@pytest.mark.parametrize("name", REQUESTS)
async def test_row_13_an_empty_id(live: Live, name: str) -> None:
    with live.unchanged():
        for field, request in changed(lambda: REQUESTS[name](live), ""):
            is_optional = field in OPTIONAL and not any(
                (holder.DESCRIPTOR.name, field) in REQUIRED_ALL_THE_SAME
                for holder, found, _ in texts_in(request)
                if found.name == field
            )
            if not is_optional:
                await refused_for(live, request, field)


@pytest.mark.parametrize("row", EVIL)
@pytest.mark.parametrize("name", REQUESTS)
async def test_rows_14_15_17_21_a_text_that_is_no_id(live: Live, name: str, row: int) -> None:
    with live.unchanged():
        for value in EVIL[row]:
            for field, request in changed(lambda: REQUESTS[name](live), value):
                long = len(value.encode()) > FREE_BYTES_MAX
                if field not in FREE or row == 17 or long:
                    await refused_for(live, request, field)


@pytest.mark.parametrize("value", [value for values in EVIL.values() for value in values])
async def test_rows_14_15_17_21_no_part_of_a_name_is_better(live: Live, value: str) -> None:
    names = [
        f"tenants/{value}/accounts/a/reservations/r",
        f"tenants/main/accounts/{value}/reservations/r",
        f"tenants/main/accounts/a/reservations/{value}",
        f"tenants/main/accounts/a/reservations/r{value}",
        f"{value}tenants/main/accounts/a/reservations/r",
    ]
    with live.unchanged():
        for name in names:
            await refused_for(live, live.commit(name, 1), "reservation")
            await refused_for(live, live.release(name), "reservation")


async def test_row_14_the_longest_id_is_one(live: Live) -> None:
    account = live.new_id("a").ljust(128, "x")
    await live.call(live.create(account))

    answer = await live.call(live.reserve(account, reservation_id="r" * 128, session_id="s" * 128))

    assert answer.grant.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED


@pytest.mark.parametrize("value", EVIL[17])
async def test_row_17_a_call_has_one_line_whatever_is_in_it(live: Live, value: str) -> None:
    before = len(lines_of(live.log))
    await live.refused(live.reserve(value, request_id=value, service_id=value))

    lines = lines_of(live.log)[before:]

    assert [(line["event"], line["code"]) for line in lines] == [("rpc", "INVALID_ARGUMENT")]
    assert lines[0]["account"] == lines[0]["request_id"] == value


def lines_of(log: io.BytesIO) -> list[dict[str, str]]:
    """Every line is one JSON object."""
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "rpc"]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("bad", [b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"a\xf0\x28"])
async def test_row_19_bytes_that_are_no_text(live: Live, name: str, bad: bytes) -> None:
    marker = "Z" * len(bad)
    with live.unchanged():
        for _, request in changed(lambda: REQUESTS[name](live), marker):
            wire = request.SerializeToString()
            assert wire.count(marker.encode()) == 1

            refusal = await live.refused((method_of(request), wire.replace(marker.encode(), bad)))

            assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
            assert refusal.violations == {"": "must be a well-formed message"}


async def test_row_20_case_tells_accounts_apart(live: Live) -> None:
    upper, lower = f"{live.new_id('Acct')}", f"{live.new_id('acct')}"
    lower = upper.lower()
    for account, micros in ((upper, 100), (lower, 7)):
        await live.call(live.create(account))
        await live.call(live.top_up(account, micros=micros))

    assert (await live.bucket(upper, "main"))[0] == 100
    assert (await live.bucket(lower, "main"))[0] == 7


def unknown_fields(count: int, size: int) -> bytes:
    """Fields that no version of the contract has: number 5000, of some bytes each."""
    return (b"\xc2\xb8\x02" + bytes([size]) + b"x" * size) * count


async def test_row_22_10000_unknown_fields_within_the_bound_do_no_harm(live: Live) -> None:
    account = await live.open(messages=10)
    wire = live.reserve(account, 3).SerializeToString() + unknown_fields(10_000, 2)
    assert len(wire) < UNARY_CHARGING_BYTES_MAX

    answer = await live.send("Reserve", wire)

    assert answer.grant.granted_units == 3


@pytest.mark.parametrize("method", CHARGES)
async def test_row_22_a_charge_over_its_bound(live: Live, method: str) -> None:
    wire = REQUESTS[method](live).SerializeToString() + unknown_fields(10_000, 20)
    assert UNARY_CHARGING_BYTES_MAX < len(wire) < RECEIVE_BYTES_MAX

    with live.unchanged():
        refusal = await live.refused((method, wire))

    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")


@pytest.mark.parametrize("method", METHODS)
async def test_row_22_a_message_over_the_receive_bound(live: Live, method: str) -> None:
    request = next(make(live) for make in REQUESTS.values() if method_of(make(live)) == method)
    wire = request.SerializeToString() + unknown_fields(10_000, 105)
    assert len(wire) > RECEIVE_BYTES_MAX

    with live.unchanged(), pytest.raises(grpc.aio.AioRpcError) as caught:
        await live.send(method, wire)

    # Refused by the transport, before anything of ours sees it.
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not [word for word in live.inside if word in (caught.value.details() or "").lower()]


UNKNOWN: Final = 99
ENUMS: Final[dict[str, tuple[Callable[[Live, Any], Message], str, tuple[int, ...]]]] = {
    "Reserve unit": (lambda live, n: live.reserve("a", unit=n), "unit", (UNKNOWN, -1)),
    "Commit unit": (lambda live, n: live.commit(NAME, 1, unit=n), "unit", (UNKNOWN, -1)),
    "Commit overrun": (
        lambda live, n: live.commit(NAME, 1, overrun_policy=n),
        "overrun_policy",
        (UNKNOWN, -1),
    ),
    "Debit unit": (lambda live, n: live.debit("a", unit=n), "unit", (UNKNOWN, -1)),
    "Debit basis": (lambda live, n: live.debit("a", basis=n), "basis", (0, UNKNOWN, -1)),
    # Money is credited as money, with its currency.
    "TopUp unit": (lambda live, n: live.top_up("a", units=1, unit=n), "unit", (0, 1, UNKNOWN, -1)),
    "Withdrawal unit": (lambda live, n: live.withdraw("a", 1, unit=n), "unit", (0, UNKNOWN, -1)),
    "Adjustment unit": (lambda live, n: live.adjust("a", 1, unit=n), "unit", (0, UNKNOWN, -1)),
    "Cap period": (
        lambda live, n: live.set_cap("a", limit_micros=1, period=n),
        "period",
        (0, UNKNOWN, -1),
    ),
    "Cap unit": (
        lambda live, n: live.set_cap("a", limit_units={"unit": n, "units": 1}),
        "unit",
        (0, 1, UNKNOWN, -1),
    ),
}


@pytest.mark.parametrize("name", ENUMS)
async def test_row_23_a_choice_that_is_none(live: Live, name: str) -> None:
    make, field, numbers = ENUMS[name]
    with live.unchanged():
        for number in numbers:
            await refused_for(live, make(live, number), field)
