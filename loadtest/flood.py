"""A caller that costs little: gRPC over frames by hand, so that one process can outrun the service.

grpc's own client spends on a call what the server does. This one spends a tenth, and keeps to what
the server allows: streams at once, and bytes to be taken.
"""

import asyncio
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, cast

from loadtest.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_DEFAULT,
    WINDOW_UPDATE,
    Frame,
    call_headers,
    frame,
    message,
    settings_payload,
    take_frames,
)

# Of how a call ended: the number of its grpc-status, or one of these.
OK: Final = "0"
RESOURCE_EXHAUSTED: Final = "8"
UNANSWERED: Final = "unanswered"
NOT_SENT: Final = "not sent"

_WINDOW: Final = 2**30
# grpc's own setting: trailers whose name ends in -bin come as they are, not in base64.
_TRUE_BINARY: Final = 0xFE03
# Without a table of its own the server spells headers out; grpc does not compress these two.
_GREETING: Final = (
    PREFACE
    + frame(
        SETTINGS,
        payload=settings_payload(
            [(HEADER_TABLE_SIZE, 0), (INITIAL_WINDOW_SIZE, _WINDOW), (_TRUE_BINARY, 1)]
        ),
    )
    + frame(WINDOW_UPDATE, payload=_WINDOW.to_bytes(4, "big"))
)
_STATUS: Final = re.compile(rb"grpc-status[\x01\x02](\d{1,2})")

_TICK_S: Final = 0.001

_FRAME_BYTES_MAX: Final = 16_384

# Told once for each call: how it ended, the message of the answer and the trailers as they came
# (both empty if none).
Done = Callable[[str, bytes, bytes], None]


class Connection(asyncio.Protocol):
    """One connection; use from its loop only."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._open: dict[int, tuple[Done, bytearray]] = {}
        # By when it is too late to send, then what.
        self._waiting: deque[tuple[float, bytes, bytes, Done]] = deque()
        self._clock = asyncio.get_running_loop().time
        self._next_stream = 1
        self._streams_max = 0
        self._window = WINDOW_DEFAULT

    def call(self, headers: bytes, wire: bytes, timeout_s: float, done: Done) -> None:
        """Make a call, as soon as the server allows one more; NOT_SENT after the time-out."""
        self._waiting.append((self._clock() + timeout_s, headers, message(wire), done))
        self._send()

    def give_up(self) -> None:
        """End the calls that have waited too long to be sent."""
        while self._waiting and self._waiting[0][0] <= self._clock():
            self._waiting.popleft()[-1](NOT_SENT, b"", b"")

    def _send(self) -> None:
        waiting, parts = self._waiting, []
        while waiting and len(self._open) < self._streams_max:
            _, headers, body, done = waiting[0]
            if len(body) > self._window:
                break
            waiting.popleft()
            stream, self._next_stream = self._next_stream, self._next_stream + 2
            self._window -= len(body)
            self._open[stream] = done, bytearray()
            parts.append(frame(HEADERS, END_HEADERS, stream, headers))
            for at in range(0, len(body), _FRAME_BYTES_MAX):
                part = body[at : at + _FRAME_BYTES_MAX]
                last = END_STREAM if at + _FRAME_BYTES_MAX >= len(body) else 0
                parts.append(frame(DATA, last, stream, part))
        if parts and self._transport is not None:
            self._transport.write(b"".join(parts))

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        # uvloop's is one without being derived from it.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data
        for arrived in take_frames(self._buffer):
            self._take(arrived)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """End what is open."""
        for done, _ in self._open.values():
            done(UNANSWERED, b"", b"")
        for *_, done in self._waiting:
            done(NOT_SENT, b"", b"")
        self._open, self._waiting = {}, deque()
        self.ended.set()
        self.ready.set()

    def _take(self, arrived: Frame) -> None:
        kind, flags, stream, payload = arrived
        found = self._open.get(stream)
        if kind == DATA and found is not None:
            found[1].extend(payload)
        elif kind == HEADERS and flags & END_STREAM and found is not None:
            del self._open[stream]
            status = _STATUS.search(payload)
            ended = status[1].decode() if status else UNANSWERED
            found[0](ended, bytes(found[1][5:]), payload)
        elif kind == RST_STREAM and found is not None:
            del self._open[stream]
            found[0](f"reset {int.from_bytes(payload, 'big')}", b"", b"")
        elif kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self._streams_max = arrived.settings().get(MAX_CONCURRENT_STREAMS, 2**31)
            self._write(frame(SETTINGS, ACK))
            self.ready.set()
        elif kind == PING and not flags & ACK:
            self._write(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self._streams_max = 0

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def close(self) -> None:
        """Leave."""
        assert self._transport is not None
        self._transport.close()


class Flood:
    """Calls of one method over some connections."""

    def __init__(self, connections: Sequence[Connection], path: str, timeout_s: float) -> None:
        self._connections = connections
        timeout = f"{int(timeout_s * 1000)}m".encode()
        self._headers = call_headers(path, (b"grpc-timeout", timeout))
        self._timeout_s = timeout_s
        self._count = 0
        self.clock = asyncio.get_running_loop().time

    def send(self, wire: bytes, done: Done) -> None:
        """Make a call on the next connection in turn."""
        self._count += 1
        connection = self._connections[self._count % len(self._connections)]
        connection.call(self._headers, wire, self._timeout_s, done)

    async def callers(self, count: int, seconds: float, make: Callable[[], bytes]) -> "Tally":
        """Let so many callers send as fast as they are answered."""
        tally = Tally(self.clock(), seconds)
        over = asyncio.Event()

        def done(status: str, _: bytes, __: bytes) -> None:
            tally.add(status, self.clock())
            if self.clock() < tally.until_s:
                tally.sent += 1
                self.send(make(), done)
            elif tally.complete:
                over.set()

        for _ in range(count):
            tally.sent += 1
            self.send(make(), done)
        await over.wait()
        return tally

    async def arrivals(self, rate: float, seconds: float, make: Callable[[], bytes]) -> "Tally":
        """Send so many a second, whatever the service does; wait until all have ended."""
        tally = Tally(self.clock(), seconds)

        def done(status: str, _: bytes, __: bytes) -> None:
            tally.add(status, self.clock())

        while (now_s := self.clock()) < tally.until_s:
            due = int((now_s - tally.began_s) * rate) - tally.sent
            for _ in range(due):
                tally.sent += 1
                self.send(make(), done)
            await asyncio.sleep(_TICK_S)
            self._give_up()
        while not tally.complete:
            await asyncio.sleep(_TICK_S)
            self._give_up()
        return tally

    def _give_up(self) -> None:
        for connection in self._connections:
            connection.give_up()


class Tally:
    """How the calls of one run ended; only what was answered within its time counts as goodput."""

    def __init__(self, began_s: float, seconds: float) -> None:
        self.began_s = began_s
        self.until_s = began_s + seconds
        self.sent = 0
        self.by_status: Counter[str] = Counter()
        self._in_time = 0

    def add(self, status: str, now_s: float) -> None:
        """Count an answer."""
        self.by_status[status] += 1
        self._in_time += status == OK and now_s < self.until_s

    @property
    def complete(self) -> bool:
        """Whether every call has ended."""
        return self.by_status.total() == self.sent

    @property
    def goodput(self) -> float:
        """Calls a second that were answered OK."""
        return self._in_time / (self.until_s - self.began_s)


@asynccontextmanager
async def connected(address: str, count: int) -> AsyncIterator[list[Connection]]:
    """Connect to a server."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        connections = []
        for _ in range(count):
            _, connection = await loop.create_connection(Connection, host, int(port))
            stack.callback(connection.close)
            connections.append(connection)
        for connection in connections:
            await connection.ready.wait()
        yield connections


@asynccontextmanager
async def flood(
    address: str, path: str, *, connection_count: int, timeout_s: float
) -> AsyncIterator[Flood]:
    """Connect to a server, to call one method."""
    async with connected(address, connection_count) as connections:
        yield Flood(connections, path, timeout_s)
