"""The one wrapper around every unary handler.

Order: caller, load, message, size, parse, rules, deadline, handler. Whatever goes wrong, the caller
gets a status of the table in errors.py and no text of an exception. Bytes are parsed here, not by
grpc: its own decoder would answer UNKNOWN with the parser's text.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar, cast

import grpc
import structlog
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from ocs import limits
from ocs.domain.answer import Reason
from ocs.rpc import errors
from ocs.rpc.call import CallInfo
from ocs.rpc.errors import RefusedError
from ocs.rpc.failure import told
from ocs.rpc.identity import Context, Gate, OpenGate
from ocs.rpc.message import Arrivals
from ocs.rpc.roles import roles_for
from ocs.rpc.streams import Streams
from ocs.rpc.validate import compile_rules, violations
from ocs.service.errors import ServiceError
from ocs.telemetry.metrics import Metrics

Handler = Callable[[CallInfo, Any], Awaitable[Message]]
MessageT = TypeVar("MessageT", bound=Message)

LOGGED_ID_CHARACTERS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class CallHost:
    """What all methods of a process share.

    calls_in_flight_max: above it calls are refused. gate: tells who calls. arrivals: calls whose
    message is still to come. streams: those that are open.
    """

    metrics: Metrics
    calls_in_flight_max: int
    gate: Gate = field(default_factory=OpenGate)
    arrivals: Arrivals = field(default_factory=Arrivals)
    streams: Streams = field(default_factory=Streams)


_SHED: Final = errors.status_of(errors.OVERLOADED, metadata={})


class UnaryMethod:
    """One method of a service: its message types, its bound, its handler and its counts."""

    def __init__(
        self,
        method: MethodDescriptor,
        handler: Handler,
        *,
        request_bytes_max: int,
        host: CallHost,
        upload: bool = False,
    ) -> None:
        """upload: the caller streams its request, in pieces that make one message."""
        request_class = message_factory.GetMessageClass(method.input_type)
        compile_rules(request_class())
        self.name = f"{method.containing_service.full_name}/{method.name}"
        self._operation = method.name
        self._parse: Callable[[bytes], Any] = request_class.FromString
        self._has_request_id = "request_id" in method.input_type.fields_by_name
        self._has_account_id = "account_id" in method.input_type.fields_by_name
        self._handler = handler
        self._request_bytes_max = request_bytes_max
        self._calls_in_flight_max = host.calls_in_flight_max
        self._identify = host.gate.identify
        self._message: Callable[[Context], Awaitable[bytes]] = (
            partial(host.arrivals.joined, bytes_max=request_bytes_max)
            if upload
            else host.arrivals.first
        )
        self._roles = roles_for(self.name)
        self._metrics = host.metrics
        self._shed_calls = host.metrics.durations(self.name, "RESOURCE_EXHAUSTED")
        self._ok = host.metrics.durations(self.name, "OK")
        # Bound once: the lazy logger would look its configuration up on every line.
        self._log = structlog.get_logger().bind()

    async def handle(self, _: object, context: Context) -> bytes:
        """Serve one call; the only coroutine between grpc and the handler."""
        if self._metrics.calls_in_flight >= self._calls_in_flight_max:
            return await self._shed(context)
        started = time.perf_counter()
        now_ms = time.time_ns() // 1_000_000
        call = CallInfo(self.name, "", "", now_ms, now_ms)
        metrics = self._metrics
        metrics.calls_in_flight += 1
        try:
            self._admit(call, context)
            request = self._accept(await self._message(context), call)
            self._set_deadline(call, context)
            reply = (await self._handler(call, request)).SerializeToString()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the caller left, or the drain is over
                self._finish(call, started, "CANCELLED", "")
                raise
            # Something inside gave up a future; without a status the caller would wait for ever.
            reason, status = told(error, call.method)
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            reason, status = told(error, call.method)
        else:
            self._finish_ok(call, time.perf_counter() - started)
            return reply
        finally:
            metrics.calls_in_flight -= 1
        self._finish(call, started, errors.FAILURES[reason].code.name, reason)
        return await context.abort_with_status(errors.call_status(status))

    def _admit(self, call: CallInfo, context: Context) -> None:
        """Learn who calls; raises RefusedError if not known, not for this method, or too many."""
        caller = self._identify(context, call.now_ms)
        call.tenant, call.actor = caller.tenant, caller.actor
        if self._roles.isdisjoint(caller.roles):
            raise RefusedError(errors.ROLE_MISSING)

    async def _shed(self, context: Context) -> bytes:
        """Refuse a call that is one too many, for as little as can be: no line, nothing made."""
        self._shed_calls.record(0.0)
        return await context.abort_with_status(_SHED)

    def _accept(self, wire: bytes, call: CallInfo) -> Any:
        """Parse and validate; raises what the caller is to be told."""
        request = _parsed(wire, self._parse, self._request_bytes_max)
        if self._has_request_id:
            call.request_id = request.request_id
        if self._has_account_id:
            call.account_id = request.account_id
        return _valid(request)

    @staticmethod
    def _set_deadline(call: CallInfo, context: Context) -> None:
        """Turn the time that is left into a deadline; raises if it is too short to start."""
        # None without a deadline, which the stub does not say.
        remaining_s = cast("float | None", context.time_remaining())
        if remaining_s is None:
            remaining_ms = limits.DEADLINE_DEFAULT_MS
        else:
            remaining_ms = int(min(remaining_s * 1000, limits.DEADLINE_MAX_MS))
        if remaining_ms < limits.DEADLINE_FLOOR_MS:
            raise ServiceError(Reason.DEADLINE_TOO_SHORT)
        call.deadline_ms = time.time_ns() // 1_000_000 + remaining_ms

    def _finish_ok(self, call: CallInfo, seconds: float) -> None:
        """Count and write the canonical line of an answered call."""
        self._ok.record(seconds)
        if call.outcome:
            count_decision(self._metrics, self._operation, call)
        self._log.info(
            "rpc",
            method=call.method,
            code="OK",
            outcome=call.outcome,
            duration_ms=round(seconds * 1000, 3),
            tenant=call.tenant,
            actor=call.actor,
            account=call.account_id,
            request_id=call.request_id,
            replayed=call.replayed,
        )

    def _finish(self, call: CallInfo, started: float, code: str, reason: str) -> None:
        """Count and write the canonical line of a call that failed."""
        seconds = time.perf_counter() - started
        self._metrics.durations(self.name, code).record(seconds)
        self._log.info(
            "rpc",
            method=call.method,
            code=code,
            reason=reason,
            duration_ms=round(seconds * 1000, 3),
            tenant=call.tenant,
            actor=call.actor,
            # Not yet validated, perhaps: bounded here, escaped by JSON.
            account=call.account_id[:LOGGED_ID_CHARACTERS_MAX],
            request_id=call.request_id[:LOGGED_ID_CHARACTERS_MAX],
            replayed=call.replayed,
        )


def accepted(wire: bytes, parse: Callable[[bytes], MessageT], bytes_max: int) -> MessageT:
    """Parse and validate a message of at most bytes_max. Raises ServiceError."""
    return _valid(_parsed(wire, parse, bytes_max))


def _parsed(wire: bytes, parse: Callable[[bytes], MessageT], bytes_max: int) -> MessageT:
    if len(wire) > bytes_max:
        rule = f"must be at most {bytes_max} bytes"
        raise ServiceError(Reason.INVALID_FIELD, violations=[("", rule)])
    try:
        return parse(wire)
    except Exception:  # noqa: BLE001 - wire, UTF-8, depth: the parser's text stays inside
        rule = "must be a well-formed message"
        raise ServiceError(Reason.INVALID_FIELD, violations=[("", rule)]) from None


def _valid(request: MessageT) -> MessageT:
    broken = violations(request)
    if broken:
        raise ServiceError(Reason.INVALID_FIELD, violations=broken)
    return request


def count_decision(metrics: Metrics, operation: str, call: CallInfo) -> None:
    """Count what a charge decided and, unless it was decided before, its money."""
    metrics.count_outcome(operation, call.outcome, replayed=call.replayed)
    if not call.replayed and (call.charged_micros or call.uncollected_micros):
        metrics.count_micros(call.currency, call.charged_micros, call.uncollected_micros)


class StreamMethod(Protocol):
    """Serves a stream of a method."""

    async def handle(self, messages: object, context: Context) -> None:
        """Serve one stream to its end."""
        ...


StreamMaker = Callable[[MethodDescriptor, CallHost], StreamMethod]


@dataclass(frozen=True, slots=True)
class RpcService:
    """A service of the contract and its handlers, one for each method of the descriptor.

    handlers: of unary methods. streams: of methods whose both sides are streams. uploads: bytes at
    most of the methods whose request comes in pieces.
    """

    descriptor: ServiceDescriptor
    handlers: Mapping[str, Handler]
    request_bytes_max: int = limits.RECEIVE_BYTES_MAX
    streams: Mapping[str, StreamMaker] = field(default_factory=dict)
    uploads: Mapping[str, int] = field(default_factory=dict)

    def generic_handler(self, host: CallHost) -> grpc.GenericRpcHandler:
        """Wrap every handler. Raises ValueError if handlers and contract differ."""
        methods: Sequence[MethodDescriptor] = self.descriptor.methods
        names = {method.name for method in methods}
        handled = {*self.handlers, *self.streams}
        if names != handled:
            different = ", ".join(sorted(names ^ handled))
            raise ValueError(
                f"{self.descriptor.full_name}: handlers and methods differ: {different}"
            )
        wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            # The same on the wire; but a stream's messages are asked for by the handler.
            method.name: grpc.stream_unary_rpc_method_handler(
                UnaryMethod(
                    method,
                    self.handlers[method.name],
                    request_bytes_max=self.uploads.get(method.name, self.request_bytes_max),
                    host=host,
                    upload=method.name in self.uploads,
                ).handle
            )
            for method in methods
            if method.name in self.handlers
        }
        for name, make in self.streams.items():
            stream = make(self.descriptor.methods_by_name[name], host)
            wrapped[name] = grpc.stream_stream_rpc_method_handler(stream.handle)
        return grpc.method_handlers_generic_handler(self.descriptor.full_name, wrapped)
