"""A real server around tiny handlers, and what a caller sees of it."""

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ocs import limits
from ocs.rpc.call import CallInfo
from ocs.rpc.charge_stream import ChargeStreamMethod
from ocs.rpc.method import CallHost, RpcService
from ocs.rpc.server import RpcOptions, RpcServer
from ocs.service.requests import Payer
from ocs.telemetry.logging import LogLevel, configure_logging
from ocs.telemetry.metrics import Metrics
from ocs.v1 import charging_service_pb2 as pb
from ocs.v1 import charging_service_pb2_grpc as pb_grpc
from ocs.v1 import types_pb2

SERVICE = "ocs.v1.ChargingService"
Reserve = Callable[[CallInfo, pb.ReserveRequest], Awaitable[pb.ReserveResponse]]


async def unasked(call: CallInfo, request: Message) -> Message:
    """The handler of a method that a test does not call."""
    raise AssertionError(f"{call.method} was called with {request}")


async def granted(call: CallInfo, request: pb.ReserveRequest) -> pb.ReserveResponse:
    """Grant what is asked."""
    call.outcome = "GRANTED"
    return pb.ReserveResponse(grant=types_pb2.Grant(granted_units=request.requested_units))


def failing(error: BaseException) -> Reserve:
    """A handler that raises."""

    async def reserve(_: CallInfo, __: pb.ReserveRequest) -> pb.ReserveResponse:
        raise error

    return reserve


async def account_of_line(_: str, payer: Payer) -> str:
    """The account of a line has the line's number."""
    assert payer.identity is not None
    return payer.identity[1]


def service(reserve: Reserve = granted) -> RpcService:
    descriptor = pb.DESCRIPTOR.services_by_name["ChargingService"]
    handlers = dict.fromkeys(descriptor.methods_by_name, unasked) | {"Reserve": reserve}
    del handlers["ChargeStream"]

    def charge_stream(method: MethodDescriptor, host: CallHost) -> ChargeStreamMethod:
        return ChargeStreamMethod(method, host, handlers, account_of_line)

    return RpcService(
        descriptor,
        handlers,
        request_bytes_max=limits.UNARY_CHARGING_BYTES_MAX,
        streams={"ChargeStream": charge_stream},
    )


def request(**changes: Any) -> pb.ReserveRequest:
    made = pb.ReserveRequest(
        request_id="r-1", account_id="a-1", service_id="data", requested_units=1024
    )
    made.request_time.FromMilliseconds(1_795_000_000_000)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@dataclass(frozen=True, slots=True)
class Running:
    """A server, a channel to it, its counts and its log."""

    server: RpcServer
    channel: grpc.aio.Channel
    metrics: Metrics
    log: io.BytesIO = field(repr=False)

    @property
    def stub(self) -> "pb_grpc.ChargingServiceAsyncStub":
        return pb_grpc.ChargingServiceStub(self.channel)

    async def reserve_bytes(self, wire: bytes) -> bytes:
        """Send bytes that need not be a message."""
        send: Any = self.channel.unary_unary(f"/{SERVICE}/Reserve")
        reply: bytes = await send(wire, timeout=5)
        return reply

    def lines(self, event: str = "rpc") -> list[dict[str, Any]]:
        """The log so far."""
        found = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in found if line["event"] == event]


@asynccontextmanager
async def running(
    reserve: Reserve = granted, *, level: LogLevel = "info", **options: Any
) -> AsyncIterator[Running]:
    log, metrics = io.BytesIO(), Metrics()
    configure_logging(level=level, stream=log)
    server = RpcServer(
        RpcOptions(**{"port": 0, "drain_probe_s": 0, "drain_grace_s": 5} | options),
        [service(reserve)],
        metrics,
    )
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        try:
            yield Running(server, channel, metrics, log)
        finally:
            await server.stop()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status with its details taken apart."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: dict[str, str]
    violations: dict[str, str]
    retry_ms: int


async def refusal(call: Awaitable[object]) -> Refusal:
    """What a call that must fail is refused with."""
    try:
        reply = await call
    except grpc.aio.AioRpcError as error:
        return taken_apart(error)
    raise AssertionError(f"answered {reply!r}")


def taken_apart(error: grpc.aio.AioRpcError) -> Refusal:
    status = rpc_status.from_call(error)
    assert status is not None, error
    assert status.message == error.details()
    info, broken, retry = (
        _detail(status.details, kind)
        for kind in (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
    )
    assert info.domain == "ocs.v1"
    return Refusal(
        code=error.code(),
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations={each.field: each.description for each in broken.field_violations},
        retry_ms=retry.retry_delay.ToMilliseconds(),
    )


def _detail(details: Iterable[Any], message: Any) -> Any:
    """The one detail of a type, or an empty one."""
    found = [detail for detail in details if detail.Is(message.DESCRIPTOR)]
    assert len(found) <= 1
    for detail in found:
        detail.Unpack(message)
    return message
