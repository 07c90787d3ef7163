"""The gRPC server of one process: its bounds, its services, how it starts and how it stops."""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import grpc
from grpc_health.v1.health import SERVICE_NAME

from ocs import limits
from ocs.rpc.health import Health
from ocs.rpc.identity import Gate, OpenGate
from ocs.rpc.method import CallHost, RpcService
from ocs.rpc.reflection import Reflection
from ocs.rpc.tls import ServerTls, TlsError
from ocs.telemetry.metrics import Metrics

# The process sheds with a reason and RetryInfo first; grpc's own bound, which gives neither,
# stands behind it. The distance leaves room for health and reflection calls.
# Streams take no place of a call while nothing is sent on them.
_CALLS_BEYOND: Final = 256 + limits.STREAMS_MAX
_PROBES_MAX: Final = 64
# Out of reach: whoever is pending is about to be answered or shed.
_PENDING_MAX: Final = 1_000_000


ReflectionFor = Literal["loopback", "on", "off"]


class ListenError(Exception):
    """The server cannot, or must not, listen at the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcOptions:
    """How one process serves.

    host: a name or address; beyond loopback a gate and TLS are needed. port: 0 .. 65535, 0 = any
    free one. so_reuseport: several processes share the port on purpose. connections_max: open at
    once; more are closed at once. handshake_s: until a connection has said who it is (TLS, HTTP/2).
    connection_age_s, connection_idle_s: after which one is asked to leave; connection_grace_s: how
    long its calls may still take then. drain_probe_s: how long
    the process still serves after it said it is unready. drain_grace_s: how long running calls may
    take to end after that. gate: tells who calls. tls: None = clear text. reflection: whether the
    contract is told to whoever asks, `loopback` = only on this machine. probes: host and port
    where health alone is served, in clear text.
    """

    host: str = "127.0.0.1"
    port: int = 7707
    so_reuseport: bool = False
    calls_in_flight_max: int = 2048
    connections_max: int = 960
    handshake_s: float = 10.0
    connection_age_s: float = 3600.0
    connection_grace_s: float = 90.0
    connection_idle_s: float = 900.0
    drain_probe_s: float = 1.0
    drain_grace_s: float = 5.0
    gate: Gate = field(default_factory=OpenGate)
    tls: ServerTls | None = None
    reflection: ReflectionFor = "loopback"
    probes: tuple[str, int] | None = None


class RpcServer:
    """A server that is built, started and stopped once, on one event loop."""

    def __init__(
        self, options: RpcOptions, services: Sequence[RpcService], metrics: Metrics
    ) -> None:
        self._options = options
        self._services = services
        self._host = CallHost(metrics, options.calls_in_flight_max, options.gate)
        metrics.watch_streams(lambda: self._host.streams.count)
        self._health = Health()
        self._server: grpc.aio.Server | None = None
        self._probe_server: grpc.aio.Server | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._port = 0
        self._probe_port = 0

    @property
    def probe_port(self) -> int:
        """The port where health alone is served; 0 = none."""
        return self._probe_port

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before the start."""
        return self._port

    @property
    def address(self) -> str:
        """The target for clients: `host:port`."""
        return _target(self._options.host, self._port)

    async def start(self) -> None:
        """Listen and serve; live, but unready until `set_ready`. Raises ListenError."""
        options = self._options
        check_exposure(options)
        server = grpc.aio.server(
            options=_core_options(options, options.connections_max),
            maximum_concurrent_rpcs=options.calls_in_flight_max + _CALLS_BEYOND,
        )
        server.add_generic_rpc_handlers(
            [service.generic_handler(self._host) for service in self._services]
        )
        server.add_generic_rpc_handlers([self._health.handler()])
        self._reflect(server)
        self._port = _bind(server, options.host, options.port, options.tls)
        if options.probes is not None:
            await self._start_probes(*options.probes)
        await server.start()
        self._server = server

    async def _start_probes(self, host: str, port: int) -> None:
        """Serve health to those who speak no TLS; it says nothing that a stranger may not know."""
        server = grpc.aio.server(
            options=_core_options(self._options, _PROBES_MAX),
            maximum_concurrent_rpcs=_PROBES_MAX,
        )
        server.add_generic_rpc_handlers([self._health.handler()])
        self._probe_port = _bind(server, host, port, None)
        await server.start()
        self._probe_server = server

    def _reflect(self, server: grpc.aio.Server) -> None:
        """Tell the contract to who may know it; reflection asks for no credential."""
        chosen = self._options.reflection
        if chosen == "off" or (chosen == "loopback" and not is_loopback(self._options.host)):
            return
        names = [service.descriptor.full_name for service in self._services]
        server.add_generic_rpc_handlers([Reflection([*names, SERVICE_NAME]).handler()])

    def set_ready(self, *, ready: bool) -> None:
        """Say whether calls may be sent here; ignored once the server stops."""
        self._health.set_ready(ready=ready)

    async def stop(self) -> None:
        """Say unready, serve on for one probe period, refuse new calls, end the running ones.

        Returns when no handler runs any more; a second call waits for the first one.
        """
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        self._health.drain()
        if self._server is None:
            return
        await asyncio.sleep(self._options.drain_probe_s)
        self._health.end_watches()
        self._host.streams.end_all()
        await self._server.stop(self._options.drain_grace_s)
        if self._probe_server is not None:
            await self._probe_server.stop(None)


def check_exposure(options: RpcOptions) -> None:
    """Let strangers reach nothing without a credential, nor read one. Raises ListenError."""
    if is_loopback(options.host):
        return
    if isinstance(options.gate, OpenGate):
        raise ListenError(
            f"listen: {options.host} is not a loopback address; calls carry no credentials while"
            " OCS_CREDENTIALS_PATH is unset, so only 127.0.0.0/8, ::1 and localhost are served"
        )
    if options.tls is None:
        raise ListenError(
            f"listen: {options.host} is not a loopback address; tokens would travel in clear text."
            " Set OCS_TLS_CERTIFICATE_PATH and OCS_TLS_KEY_PATH, or listen on loopback behind"
            " something that speaks TLS"
        )


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches a host name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name; where it leads is not ours to guess
        return False


def _bind(server: grpc.aio.Server, host: str, port: int, tls: ServerTls | None) -> int:
    """Take an address; return the port. Raises ListenError."""
    target = _target(host, port)
    try:
        if tls is None:
            return server.add_insecure_port(target)
        return server.add_secure_port(target, tls.credentials())
    except TlsError as error:
        raise ListenError(str(error)) from None
    except RuntimeError:
        raise ListenError(
            f"listen: {target} cannot be bound; does another process listen there?"
        ) from None


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _core_options(options: RpcOptions, connections_max: int) -> list[tuple[str, int]]:
    """Every bound of the transport, none left to a default."""
    return [
        ("grpc.so_reuseport", int(options.so_reuseport)),
        # Who connects and says nothing is sent away, and so is one connection too many.
        ("grpc.server_handshake_timeout_ms", int(options.handshake_s * 1000)),
        ("grpc.max_allowed_incoming_connections", connections_max),
        # A connection is asked to leave when it is old, which spreads callers over processes that
        # came later, and one that has made no call for a while is given up. Calls go on for longer
        # than the longest deadline; grpc's clients connect again by themselves.
        ("grpc.max_connection_age_ms", int(options.connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", int(options.connection_grace_s * 1000)),
        ("grpc.max_connection_idle_ms", int(options.connection_idle_s * 1000)),
        ("grpc.max_receive_message_length", limits.RECEIVE_BYTES_MAX),
        ("grpc.max_send_message_length", 4 * limits.RECEIVE_BYTES_MAX),
        # Request metadata: above the first some calls are refused, above the second all.
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.absolute_max_metadata_size", 16 * 1024),
        # Calls per connection; clients queue the rest themselves. It keeps a flood from piling up
        # here: at 5 times the peak 1000 made nearly all answers late (decision 0034). The guard
        # of overload_protection would count calls that
        # the client has seen end, and reset new ones without a reason (measured: 8 % of 1,100).
        ("grpc.max_concurrent_streams", 100),
        ("grpc.http.overload_protection", 0),
        # Above 1000 calls that no handler has taken up yet grpc would cancel some, which nobody
        # resends; the bounds of the process refuse with a reason instead.
        ("grpc.server.max_pending_requests", _PENDING_MAX),
        ("grpc.server.max_pending_requests_hard_limit", _PENDING_MAX),
        # A gateway that keeps an idle connection may ping every 10 s; one that died is found out.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
