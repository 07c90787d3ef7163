"""Health: liveness and readiness apart, watches that end in a drain, strangers that cannot hold it.

Not the stock servicer: that keeps a lock while it writes to a watcher, so one that does not read
would keep everybody from ever hearing of a change, this process's own drain included.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import SERVICE_NAME

from ocs.rpc.message import Arrivals
from ocs.service.errors import ServiceError

# The empty name is what a probe asks for by default: may this process be given calls?
READINESS: Final = ("", "ocs.readiness")
LIVENESS: Final = "ocs.liveness"
# A watch asks for no credential and lasts: unbounded, strangers could take every call's place.
WATCHES_MAX: Final = 64

_Context = grpc.aio.ServicerContext[Any, Any]
_Status = health_pb2.HealthCheckResponse


class Health:
    """Liveness holds while the process answers; readiness is what `set_ready` last said."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {LIVENESS: _Status.SERVING}
        self._statuses.update(dict.fromkeys(READINESS, _Status.NOT_SERVING))
        # Of each watch: set when there may be something new to say.
        self._watches: dict[asyncio.Task[Any], asyncio.Event] = {}
        self._draining = False
        self._arrivals = Arrivals()

    def set_ready(self, *, ready: bool) -> None:
        """Say whether calls may be sent here. Once draining, a process is never ready again."""
        serving = ready and not self._draining
        status = _Status.SERVING if serving else _Status.NOT_SERVING
        self._statuses.update(dict.fromkeys(READINESS, status))
        for changed in self._watches.values():
            changed.set()

    def drain(self) -> None:
        """Be unready from now on."""
        self._draining = True
        self.set_ready(ready=False)

    def end_watches(self) -> None:
        """End every open watch; one alone would hold the server's stop for its whole grace."""
        for watch in self._watches:
            watch.cancel()

    def handler(self) -> grpc.GenericRpcHandler:
        """The methods; also for a further server."""
        render = _Status.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "Check": grpc.stream_unary_rpc_method_handler(
                    self._check, response_serializer=render
                ),
                "Watch": grpc.stream_stream_rpc_method_handler(
                    self._watch, response_serializer=render
                ),
            },
        )

    async def _check(self, _: object, context: _Context) -> health_pb2.HealthCheckResponse:
        """Answer with the status now."""
        status = self._statuses.get(await self._asked(context))
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown name")
        return _response(status)

    async def _watch(self, _: object, context: _Context) -> None:
        """Send the status now and at each change, until the caller leaves or the drain ends."""
        if len(self._watches) >= WATCHES_MAX:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watches")
        watch = asyncio.current_task()
        assert watch is not None
        changed = self._watches[watch] = asyncio.Event()
        try:
            name, said = await self._asked(context), None
            while True:
                changed.clear()
                status = self._statuses.get(name, _Status.SERVICE_UNKNOWN)
                if status != said:
                    await context.write(_response(status))
                    said = status
                await changed.wait()
        except asyncio.CancelledError:
            if not self._draining:
                raise
        finally:
            del self._watches[watch]

    async def _asked(self, context: _Context) -> str:
        """The name that is asked for; a call that does not say it properly is ended."""
        try:
            message = await self._arrivals.first(context)
            request = health_pb2.HealthCheckRequest.FromString(message)
        except (ServiceError, DecodeError):
            await _malformed(context)
        name: str = request.service
        return name


async def _malformed(context: _Context) -> NoReturn:
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "must be one well-formed message")
    raise AssertionError


_RESPONSES: Final[Mapping[int, health_pb2.HealthCheckResponse]] = MappingProxyType(
    {status: _Status(status=status) for status in _Status.ServingStatus.values()}
)


def _response(status: int) -> health_pb2.HealthCheckResponse:
    return _RESPONSES[status]
