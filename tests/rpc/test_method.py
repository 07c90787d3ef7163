"""The wrapper of a unary handler, seen from the caller, the log and the metrics."""

import asyncio
import time
from typing import Any

import grpc
import pytest

from ocs.domain.answer import Reason
from ocs.limits import DEADLINE_MAX_MS
from ocs.rpc.call import CallInfo
from ocs.rpc.method import CallHost, RpcService, UnaryMethod
from ocs.rpc.validate import VIOLATIONS_MAX
from ocs.service.errors import ServiceError
from ocs.telemetry.metrics import Metrics
from ocs.v1 import charging_service_pb2 as pb
from tests.rpc.support import failing, granted, refusal, request, running, unasked

INVALID = grpc.StatusCode.INVALID_ARGUMENT
SECRET = "redis://:hunter2@store:6379"  # noqa: S105 - must never be seen again


def varint_field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3]) + payload


async def test_a_call_is_answered_and_described() -> None:
    seen: list[CallInfo] = []

    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        seen.append(call)
        return await granted(call, asked)

    async with running(reserve) as server:
        before_ms = time.time_ns() // 1_000_000
        reply = await server.stub.Reserve(request(), timeout=3, metadata=[("x-ocs-actor", "root")])
        after_ms = time.time_ns() // 1_000_000

    assert reply.grant.granted_units == 1024
    (call,) = seen
    assert call.method == "ocs.v1.ChargingService/Reserve"
    assert (call.tenant, call.actor) == ("main", "anonymous")  # the metadata is not believed
    assert (call.request_id, call.account_id) == ("r-1", "a-1")
    assert before_ms <= call.now_ms <= after_ms
    # On the wire a timeout has few digits: gRPC rounds it up a little.
    assert call.now_ms + 1_000 < call.deadline_ms <= after_ms + 3_100


async def deadline_of(**options: Any) -> int:
    """How long a handler may take, milliseconds."""
    found: list[int] = []

    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        found.append(call.deadline_ms - call.now_ms)
        return await granted(call, asked)

    async with running(reserve) as server:
        await server.stub.Reserve(request(), **options)
    return found[0]


async def test_a_call_without_a_deadline_gets_one() -> None:
    assert 2_000 <= await deadline_of() < 3_000


async def test_no_call_is_worked_on_for_hours() -> None:
    assert DEADLINE_MAX_MS <= await deadline_of(timeout=86_400) < DEADLINE_MAX_MS + 1_000


class ShortContext:
    """What the wrapper asks of grpc; a real caller with so short a deadline has already left."""

    def __init__(self, remaining_s: float) -> None:
        self.remaining_s = remaining_s
        self.status: Any = None

    async def read(self) -> bytes:
        return request().SerializeToString()

    def time_remaining(self) -> float:
        return self.remaining_s

    async def abort_with_status(self, status: Any) -> None:
        self.status = status
        raise grpc.aio.AbortError


@pytest.mark.parametrize(("remaining_s", "started"), [(0, 0), (0.0049, 0), (0.0051, 1)])
async def test_too_short_a_deadline_starts_nothing(remaining_s: float, started: int) -> None:
    calls: list[CallInfo] = []

    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        calls.append(call)
        return await granted(call, asked)

    method = UnaryMethod(
        pb.DESCRIPTOR.services_by_name["ChargingService"].methods_by_name["Reserve"],
        reserve,
        request_bytes_max=1024,
        host=CallHost(Metrics(), 10),
    )
    context: Any = ShortContext(remaining_s)
    if started:
        await method.handle(None, context)
    else:
        with pytest.raises(grpc.aio.AbortError):
            await method.handle(None, context)
        assert context.status.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert b"DEADLINE_TOO_SHORT" in context.status.trailing_metadata[0][1]

    assert len(calls) == started


@pytest.mark.parametrize(
    "wire",
    [
        b"\xff",
        b"\x0a\xff\xff\xff\xff\x0fabc",  # longer than the message
        b"\x0a\x03\xff\xfe\xfd",  # request_id that is no UTF-8
        varint_field(7, b"\xff" * 10 + b"\x01"),  # a varint of 11 bytes
        b"\x0b" * 200,  # groups within groups
    ],
)
async def test_bytes_that_are_no_message_are_refused_without_parser_text(wire: bytes) -> None:
    async with running(unasked) as server:  # type: ignore[arg-type] # never called
        refused = await refusal(server.reserve_bytes(wire))

    assert (refused.code, refused.reason) == (INVALID, "INVALID_FIELD")
    assert refused.message == "a field breaks a rule"
    assert refused.violations == {"": "must be a well-formed message"}


async def test_unknown_fields_do_no_harm() -> None:
    unknown = b"\xf8\x07\x01" * 10_000  # field 127

    async with running() as server:
        reply = await server.reserve_bytes(request().SerializeToString() + unknown)

    assert pb.ReserveResponse.FromString(reply).grant.granted_units == 1024


async def test_a_message_over_the_bound_of_the_method_is_refused() -> None:
    largest = request().SerializeToString()
    largest += b"\xf8\x07\x01" * ((65_536 - len(largest)) // 3)

    async with running() as server:
        await server.reserve_bytes(largest)
        refused = await refusal(server.reserve_bytes(largest + b"\xf8\x07\x01"))
        with pytest.raises(grpc.aio.AioRpcError) as beyond_transport:
            await server.reserve_bytes(largest * 17)

    assert (refused.code, refused.violations) == (INVALID, {"": "must be at most 65536 bytes"})
    assert beyond_transport.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "r\n"}, "request_id"),
        ({"request_id": "x" * 129}, "request_id"),
        ({"account_id": "u}x"}, "account_id"),
        ({"requested_units": 0}, "requested_units"),
        ({"requested_units": -(2**63)}, "requested_units"),
        ({"requested_units": 2**53}, "requested_units"),
        ({"unit": 99}, "unit"),
    ],
)
async def test_a_broken_rule_is_named_by_field(changes: dict[str, Any], path: str) -> None:
    async with running(unasked) as server:  # type: ignore[arg-type] # never called
        refused = await refusal(server.stub.Reserve(request(**changes)))

    assert (refused.code, refused.reason) == (INVALID, "INVALID_FIELD")
    assert set(refused.violations) == {path}
    assert refused.violations[path]


async def test_a_field_that_is_not_there_is_missed() -> None:
    wrong_type = request()
    wrong_type.ClearField("request_time")
    wire = wrong_type.SerializeToString() + b"\x10\x05"  # field 2 as a varint, not as a message

    async with running(unasked) as server:  # type: ignore[arg-type] # never called
        refused = await refusal(server.reserve_bytes(wire))

    assert refused.violations == {"request_time": "value is required"}


async def test_all_ones_are_minus_one() -> None:
    wire = request().SerializeToString() + varint_field(7, b"\xff" * 9 + b"\x01")

    async with running(unasked) as server:  # type: ignore[arg-type] # never called
        refused = await refusal(server.reserve_bytes(wire))

    assert set(refused.violations) == {"requested_units"}


async def test_the_path_of_a_rule_leads_into_lists() -> None:
    commit_request = pb.CommitRequest(
        request_id="r",
        reservation="tenants/main/accounts/a/reservations/r",
        used=[pb.UsedSegment(units=1), pb.UsedSegment()] + [pb.UsedSegment(units=-1)] * 100,
        keep=pb.KeepReservation(),
    )
    async with running() as server:
        refused = await refusal(server.stub.Commit(commit_request))

    assert refused.violations["used[1].units"] == "value is required"
    assert refused.violations["request_time"] == "value is required"
    assert len(refused.violations) == VIOLATIONS_MAX


async def fails_with(error: BaseException) -> Any:
    async with running(failing(error)) as server:
        return await refusal(server.stub.Reserve(request()))


async def test_a_failure_of_the_service_travels_with_its_facts() -> None:
    refused = await fails_with(
        ServiceError(
            Reason.RESERVATION_CLOSED, account_seq=17, metadata={"reservation": "accounts/a"}
        )
    )

    assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.reason == "RESERVATION_CLOSED"
    assert refused.metadata == {"account_seq": "17", "reservation": "accounts/a"}
    assert (refused.violations, refused.retry_ms) == ({}, 0)


async def test_a_busy_account_says_when_to_come_back() -> None:
    refused = await fails_with(ServiceError(Reason.STALE_PROFILE))

    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "ACCOUNT_BUSY")
    assert refused.retry_ms == 20


async def test_a_request_from_the_future_names_its_field() -> None:
    refused = await fails_with(ServiceError(Reason.REQUEST_TIME_AHEAD))

    assert (refused.code, refused.reason) == (INVALID, "INVALID_FIELD")
    assert set(refused.violations) == {"request_time"}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET),
        OSError(13, SECRET, "/etc/secret"),
        ValueError("\ud800 " + SECRET),
        asyncio.CancelledError(SECRET),  # somebody inside gave up a future; the caller did not
        ServiceError(Reason.INTERNAL, metadata={"broken": object()}),  # type: ignore[dict-item]
    ],
)
async def test_no_text_of_an_exception_leaves_the_process(error: BaseException) -> None:
    async with running(failing(error)) as server:
        refused = await refusal(server.stub.Reserve(request(), timeout=5))
        (logged,) = server.lines("rpc failed")
        (line,) = server.lines()

    assert (refused.code, refused.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert refused.message == "internal error"
    assert "hunter2" not in repr(refused)
    assert refused.metadata == {"correlation_id": logged["correlation_id"]}
    assert type(error).__name__ in logged["exception"] or "TypeError" in logged["exception"]
    assert (line["code"], line["reason"]) == ("INTERNAL", "INTERNAL")


async def test_an_answer_of_the_wrong_kind_is_our_fault() -> None:
    async def reserve(_: CallInfo, __: pb.ReserveRequest) -> Any:
        return None

    async with running(reserve) as server:
        refused = await refusal(server.stub.Reserve(request()))

    assert refused.reason == "INTERNAL"


async def test_a_caller_who_leaves_is_seen_and_forgotten() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def reserve(_: CallInfo, __: pb.ReserveRequest) -> pb.ReserveResponse:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError

    async with running(reserve) as server:
        call = server.stub.Reserve(request())
        await entered.wait()
        assert server.metrics.calls_in_flight == 1
        call.cancel()
        await left.wait()
        await server.server.stop()  # returns when no handler runs any more
        (line,) = server.lines()

    assert line["code"] == "CANCELLED"
    assert server.metrics.calls_in_flight == 0


async def test_more_calls_than_the_process_takes_are_shed_with_advice() -> None:
    entered, leave = asyncio.Semaphore(0), asyncio.Event()

    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        entered.release()
        await leave.wait()
        return await granted(call, asked)

    async with running(reserve, calls_in_flight_max=2) as server:
        calls = [server.stub.Reserve(request()) for _ in range(2)]
        for _ in calls:
            await entered.acquire()
        refused = await refusal(server.stub.Reserve(request()))
        leave.set()
        for call in calls:
            assert (await call).grant.granted_units == 1024
        await server.stub.Reserve(request())

    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (refused.reason, refused.retry_ms) == ("OVERLOADED", 50)


@pytest.mark.parametrize("names", [["Reserve"], ["Reserve", "Commit", "Release", "Debit", "Gift"]])
def test_handlers_and_contract_agree(names: list[str]) -> None:
    wrong = RpcService(
        pb.DESCRIPTOR.services_by_name["ChargingService"], dict.fromkeys(names, unasked)
    )

    with pytest.raises(ValueError, match="handlers and methods differ"):
        wrong.generic_handler(CallHost(Metrics(), 10))
