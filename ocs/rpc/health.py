"""Health: the stock servicer, with liveness and readiness apart and watches that end in a drain."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import SERVICE_NAME, aio

# The empty name is what a probe asks for by default: may this process be given calls?
READINESS: Final = ("", "ocs.readiness")
LIVENESS: Final = "ocs.liveness"
# A watch asks for no credential and lasts: unbounded, strangers could take every call's place.
WATCHES_MAX: Final = 64

_Context = grpc.aio.ServicerContext[Any, Any]


class Health:
    """Liveness holds while the process answers; readiness is what `set_ready` last said."""

    def __init__(self) -> None:
        self._stock = aio.HealthServicer()
        self._watches: set[asyncio.Future[None]] = set()
        self._draining = False

    async def start(self, server: grpc.aio.Server) -> None:
        """Register with a server that is not started yet: live, not ready."""
        server.add_generic_rpc_handlers([self.handler()])
        await self._stock.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        await self.set_ready(ready=False)

    async def set_ready(self, *, ready: bool) -> None:
        """Say whether calls may be sent here. Once draining, a process is never ready again."""
        serving = ready and not self._draining
        response = health_pb2.HealthCheckResponse
        for name in READINESS:
            await self._stock.set(name, response.SERVING if serving else response.NOT_SERVING)

    async def drain(self) -> None:
        """Be unready from now on."""
        self._draining = True
        await self.set_ready(ready=False)

    def end_watches(self) -> None:
        """End every open watch; one alone would hold the server's stop for its whole grace."""
        for watch in self._watches:
            watch.cancel()

    async def _watch(self, request: health_pb2.HealthCheckRequest, context: _Context) -> None:
        """Send the status now and at each change, until the caller leaves or the drain ends."""
        if len(self._watches) >= WATCHES_MAX:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watches")
        watching: Awaitable[None] = self._stock.Watch(request, context)
        watch = asyncio.ensure_future(watching)
        self._watches.add(watch)
        try:
            await watch
        except asyncio.CancelledError:
            if not self._draining:
                raise
        finally:
            self._watches.discard(watch)

    def handler(self) -> grpc.GenericRpcHandler:
        """The methods, for a further server."""
        # Not List: the stock servicer has none, and what it inherits answers with a traceback.
        parse, render = (
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._stock.Check, parse, render),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch, parse, render),
            },
        )
