"""Methods that answer one request with many messages: what all their streams have in common."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

import structlog
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import status_pb2

from ocs import limits
from ocs.rpc import errors
from ocs.rpc.credentials import Caller
from ocs.rpc.errors import RefusedError
from ocs.rpc.failure import told
from ocs.rpc.identity import Context
from ocs.rpc.method import CallHost, accepted
from ocs.rpc.roles import roles_for
from ocs.rpc.validate import compile_rules

_OVERLOADED: Final = errors.status_message(errors.OVERLOADED, metadata={})


class AnswerStream(ABC):
    """One stream; `serve` is for the method to write."""

    def __init__(self, method: "AnswerStreamMethod", context: Context) -> None:
        self.method = method
        self.context = context
        self.ending = asyncio.Event()
        self.tenant = self.actor = ""

    @abstractmethod
    async def serve(self) -> None:
        """Answer until all is said. Raises RefusedError, ServiceError."""

    def logged(self) -> dict[str, object]:
        """What the log's line says of it, besides."""
        return {}

    def end(self) -> None:
        """Send no more."""
        self.ending.set()

    def caller(self) -> Caller:
        """Look who calls, now. Raises RefusedError if the method is closed to them."""
        found = self.method.host.gate.identify(self.context, time.time_ns() // 1_000_000)
        if self.method.roles.isdisjoint(found.roles):
            raise RefusedError(errors.ROLE_MISSING)
        self.tenant, self.actor = found.tenant, found.actor
        return found

    async def request(self) -> Any:
        """Wait for the request. Raises ServiceError if it is none."""
        wire = await self.method.host.arrivals.first(self.context)
        return accepted(wire, self.method.request_class.FromString, limits.RECEIVE_BYTES_MAX)

    async def send(self, message: Message) -> None:
        """Write a message, as fast as the caller reads. Raises RefusedError once this ends."""
        if self.ending.is_set():
            raise RefusedError(errors.SERVICE_STOPPING)
        await self.context.write(message.SerializeToString())


class AnswerStreamMethod:
    """The method: what its streams share. stream: makes one."""

    def __init__(
        self,
        method: MethodDescriptor,
        host: CallHost,
        *,
        stream: Callable[["AnswerStreamMethod", Context], AnswerStream],
    ) -> None:
        self.name = f"{method.containing_service.full_name}/{method.name}"
        self.host = host
        self.roles = roles_for(self.name)
        self.request_class = message_factory.GetMessageClass(method.input_type)
        compile_rules(self.request_class())
        self._stream = stream

    async def handle(self, _: object, context: Context) -> None:
        """Serve one stream until it is done, the caller leaves, or the process ends."""
        streams, stream = self.host.streams, self._stream(self, context)
        if streams.full:
            self.host.metrics.durations(self.name, "RESOURCE_EXHAUSTED").record(0.0)
            await context.abort_with_status(errors.call_status(_OVERLOADED))
        streams.add(stream)
        began_s, code = time.perf_counter(), "CANCELLED"
        status: status_pb2.Status | None = None
        try:
            await stream.serve()
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            reason, status = told(error, self.name)
            code = errors.FAILURES[reason].code.name
        else:
            code = "OK"
        finally:
            streams.remove(stream)
            seconds = time.perf_counter() - began_s
            self.host.metrics.durations(self.name, code).record(seconds)
            structlog.get_logger().info(
                "rpc stream",
                method=self.name,
                code=code,
                duration_ms=round(seconds * 1000, 3),
                tenant=stream.tenant,
                actor=stream.actor,
                **stream.logged(),
            )
        if status is not None:
            await context.abort_with_status(errors.call_status(status))
