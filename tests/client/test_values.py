"""Python values and the contract: nothing is lost, nothing is a float, no word is missing."""

import dataclasses
import enum
import inspect
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2

from ocs import client as sdk
from ocs.client import (
    AsyncClient,
    Basis,
    CapHolder,
    Client,
    EventKind,
    FinalUnitAction,
    HealthStatus,
    Identity,
    NextGrant,
    Outcome,
    OverrunPolicy,
    Period,
    Unit,
    UsageError,
    UsedSegment,
    encode,
)
from ocs.client.decode import account as decode_account
from ocs.client.decode import charge as decode_charge
from ocs.client.decode import event as decode_event
from ocs.client.operations import account, charging, spending_cap
from ocs.v1 import (
    account_service_pb2,
    charging_event_pb2,
    charging_service_pb2,
    spending_cap_service_pb2,
    types_pb2,
)

NAME = "tenants/main/accounts/alice/reservations/r1"


@pytest.mark.parametrize(
    ("words", "numbers", "prefix", "not_ours"),
    [
        (Unit, types_pb2.UnitType, "UNIT_TYPE_", {"UNSPECIFIED"}),
        (Outcome, types_pb2.Outcome, "OUTCOME_", set()),
        (FinalUnitAction, types_pb2.FinalUnitAction, "FINAL_UNIT_ACTION_", {"UNSPECIFIED"}),
        (Period, types_pb2.CapPeriod, "CAP_PERIOD_", {"UNSPECIFIED"}),
        (Basis, charging_service_pb2.DebitBasis, "DEBIT_BASIS_", {"UNSPECIFIED"}),
        (OverrunPolicy, charging_service_pb2.OverrunPolicy, "OVERRUN_POLICY_", {"UNSPECIFIED"}),
        (EventKind, charging_event_pb2.EventKind, "EVENT_KIND_", set()),
        (HealthStatus, health_pb2.HealthCheckResponse.ServingStatus, "", set()),
    ],
)
def test_every_word_of_the_contract_is_known(
    words: type[enum.StrEnum], numbers: Any, prefix: str, not_ours: set[str]
) -> None:
    assert {one.value for one in words} == {
        name.removeprefix(prefix)
        for name in numbers.keys()  # noqa: SIM118  # no dict
    } - not_ours


def fill(message: Message, counter: list[int]) -> None:
    """Give every field a value of its own; of a oneof the last member stays."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            one = getattr(message, field.name)
            if field.is_repeated:
                fill(one.add(), counter)
            elif isinstance(one, Timestamp):
                one.FromMilliseconds(next_number(counter) * 1000)
            else:
                one.SetInParent()
                fill(one, counter)
            continue
        value: Any
        match field.type:
            case FieldDescriptor.TYPE_STRING:
                value = f"text-{next_number(counter)}"
            case FieldDescriptor.TYPE_BOOL:
                value = True
            case FieldDescriptor.TYPE_ENUM:
                value = 1
            case _:
                value = next_number(counter)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)


def next_number(counter: list[int]) -> int:
    counter[0] += 1
    return counter[0]


def leaves(value: Any) -> list[Any]:
    """Every value that is no container, times as seconds or milliseconds since 1970."""
    if dataclasses.is_dataclass(value):
        return [
            leaf for one in dataclasses.fields(value) for leaf in leaves(getattr(value, one.name))
        ]
    if isinstance(value, tuple):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


def wire_leaves(message: Message) -> list[Any]:
    found: list[Any] = []
    for field, value in message.ListFields():
        many = value if field.is_repeated else [value]
        for one in many:
            if isinstance(one, Timestamp):
                found.append(one.ToDatetime(UTC))
            elif isinstance(one, Duration):
                found.append(one.ToTimedelta())
            elif isinstance(one, Message):
                found += wire_leaves(one)
            elif field.name.endswith("_time_ms"):
                found.append(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=one))
            elif field.type == FieldDescriptor.TYPE_ENUM:
                continue  # compared by the test of the words
            else:
                found.append(one)
    return found


@pytest.mark.parametrize(
    ("message", "decode"),
    [
        (charging_service_pb2.ReserveResponse, decode_charge.reserve),
        (charging_service_pb2.CommitResponse, decode_charge.commit),
        (charging_service_pb2.ReleaseResponse, decode_charge.release),
        (charging_service_pb2.DebitResponse, decode_charge.debit),
        (account_service_pb2.CreateAccountResponse, decode_account.create_account),
        (account_service_pb2.GetAccountResponse, decode_account.get_account),
        (account_service_pb2.AddSubscriberResponse, decode_account.add_subscriber),
        (account_service_pb2.LookupSubscriberResponse, decode_account.lookup_subscriber),
        (account_service_pb2.TopUpResponse, partial(decode_account.top_up, Unit.COUNT)),
        (account_service_pb2.ListChargingEventsResponse, decode_event.charging_event_page),
        (spending_cap_service_pb2.SetSpendingCapResponse, decode_account.set_spending_cap),
        (spending_cap_service_pb2.ListSpendingCapsResponse, decode_account.list_spending_caps),
    ],
)
def test_no_field_of_an_answer_is_lost(message: Any, decode: Any) -> None:
    full = message()
    fill(full, [0])

    found = leaves(decode(full))

    missing = [leaf for leaf in wire_leaves(full) if leaf not in found]
    assert not missing
    assert not any(isinstance(leaf, float) for leaf in found)


def test_an_empty_answer_reads_as_nothing_granted() -> None:
    grant = decode_charge.reserve(charging_service_pb2.ReserveResponse())

    assert grant.outcome is Outcome.UNSPECIFIED
    assert not grant.granted
    assert (grant.validity_time, grant.cap, grant.unit, grant.final_unit_action) == (None,) * 4


def test_a_decision_of_a_newer_service_is_no_grant() -> None:
    message = charging_service_pb2.ReserveResponse()
    message.grant.outcome = types_pb2.Outcome.ValueType(99)

    assert decode_charge.reserve(message).outcome is Outcome.UNSPECIFIED


def test_the_limits_of_int64_pass_exactly() -> None:
    for figure in (0, 2**53 - 1, 2**53 + 1, 2**63 - 1, -(2**63)):
        operation = charging.commit(NAME, figure)
        assert operation.request.used[0].units == figure  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [1.0, True, "1", None, 2**63, -(2**63) - 1])
def test_only_an_int_is_a_figure(wrong: Any) -> None:
    with pytest.raises(UsageError):
        charging.commit(NAME, [UsedSegment(wrong)])
    if wrong is not None:
        with pytest.raises(UsageError):
            charging.commit(NAME, 0, next_grant=NextGrant(wrong))


def test_a_next_grant_without_a_figure_leaves_it_to_the_tariff() -> None:
    request: Any = charging.commit(NAME, 0, next_grant=NextGrant()).request
    assert not request.next_grant.HasField("requested_units")


def test_times_are_exact_in_any_zone_and_before_1970() -> None:
    when = datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    stamp = encode.timestamp("t", when)
    assert stamp.ToDatetime(UTC) == when
    assert stamp.nanos == 1000

    early = encode.timestamp("t", datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    assert (early.seconds, early.nanos) == (-1, 999_999_000)


@pytest.mark.parametrize(
    ("span", "seconds", "nanos"),
    [
        (timedelta(seconds=90, microseconds=5), 90, 5000),
        (timedelta(days=2), 172_800, 0),
        (timedelta(seconds=-1, microseconds=-5), -1, -5000),
        (timedelta(0), 0, 0),
    ],
)
def test_spans_are_exact(span: timedelta, seconds: int, nanos: int) -> None:
    assert encode.optional_duration(span) == Duration(seconds=seconds, nanos=nanos)


def test_the_rest_of_a_commit_is_said_once() -> None:
    with pytest.raises(UsageError):
        charging.commit(NAME, 1, keep=True, next_grant=5)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"micros": 1, "units": 1, "unit": Unit.OCTETS},
        {"units": 1},
        {"micros": 1, "unit": Unit.OCTETS, "currency": "EUR"},
        {"units": 1, "unit": Unit.OCTETS, "currency": "EUR"},
    ],
)
def test_a_top_up_credits_money_or_units(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        account.top_up("alice", payment_reference="p", **wrong)


def test_a_plain_top_up_names_no_bucket() -> None:
    plain: Any = account.top_up("alice", payment_reference="p", micros=1, currency="EUR").request
    zero: Any = account.top_up(
        "alice", payment_reference="p", micros=1, currency="EUR", priority=0
    ).request

    assert not plain.HasField("bucket")
    assert zero.bucket.HasField("priority")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"limit_micros": 1, "limit_units": 1, "unit": Unit.OCTETS},
        {"limit_units": 1},
        {"limit_micros": 1, "service_id": "data", "zone": "eu"},
        {"limit_micros": 1, "holder": CapHolder()},
        {"limit_micros": 1, "holder": CapHolder(subscriber_id="s", group_id="g")},
    ],
)
def test_a_cap_has_one_limit_one_scope_and_one_holder(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        spending_cap.set_spending_cap("alice", "c", period=Period.DAY, **wrong)


def test_a_cap_of_nothing_is_sent_as_such() -> None:
    request: Any = spending_cap.set_spending_cap(
        "alice", "c", period=Period.DAY, limit_micros=0
    ).request

    assert request.cap.WhichOneof("limit") == "limit_micros"


def test_each_identity_has_its_field() -> None:
    for identity, name in (
        (Identity.msisdn("4915112345678"), "msisdn"),
        (Identity.imsi("262011234567890"), "imsi"),
        (Identity.iccid("8949020000000000000"), "iccid"),
    ):
        assert encode.identity(identity).WhichOneof("identity") == name


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    ours = methods(Client)
    assert methods(AsyncClient) == ours
    assert {"reserve", "commit", "release", "debit", "list_charging_events"} <= set(ours)
    assert {"request_id", "request_time", "timeout_s"} <= set(ours["commit"])
    assert inspect.signature(Client.commit).return_annotation is sdk.CommitResult


def test_all_that_is_exported_exists() -> None:
    assert sorted(sdk.__all__) == sdk.__all__ or len(set(sdk.__all__)) == len(sdk.__all__)
    assert all(hasattr(sdk, name) for name in sdk.__all__)


def test_a_name_that_no_operation_knows_is_no_silent_default() -> None:
    mistaken: Any = {"request_ID": "r", "identity": "49"}

    with pytest.raises(TypeError, match="unexpected keyword arguments: identity, request_ID"):
        charging.release("tenants/main/accounts/a/reservations/r", **mistaken)
