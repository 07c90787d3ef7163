"""A client that does what it is told to on one HTTP/2 connection, also what no client should.

gRPC's own client behaves, so it cannot show what the server does to one that does not.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from loadtest.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PREFACE,
    SETTINGS,
    Frame,
    call_headers,
    frame,
    message,
    settings_payload,
    take_frames,
)

READ_BYTES = 65_536


@dataclass(slots=True)
class RawConnection:
    """One TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _buffer: bytearray = field(default_factory=bytearray)
    _arrived: deque[Frame] = field(default_factory=deque)

    def send(self, kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> Self:
        """Put a frame into the socket's buffer."""
        self.writer.write(frame(kind, flags, stream, payload))
        return self

    def greet(self, *, window: int | None = None) -> Self:
        """Say what every client says first. window: bytes of each answer that are taken."""
        self.writer.write(PREFACE)
        wanted = () if window is None else ((INITIAL_WINDOW_SIZE, window),)
        return self.send(SETTINGS, payload=settings_payload(wanted))

    def call(self, stream: int, path: str, *, ends: bool = False, more: bytes = b"") -> Self:
        """Open a gRPC call; its message is for `message`. more: further headers, spelled."""
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return self.send(HEADERS, flags, stream, call_headers(path) + more)

    def message(self, stream: int, wire: bytes) -> Self:
        """Send a call's one message."""
        return self.send(DATA, END_STREAM, stream, message(wire))

    async def frames(self, *, acknowledging: bool = True) -> AsyncIterator[Frame]:
        """What arrives, until the other side closes; settings and pings are acknowledged."""
        while True:
            while self._arrived:
                found = self._arrived.popleft()
                if acknowledging and found.kind in (SETTINGS, PING) and not found.flags & ACK:
                    self.send(found.kind, ACK, 0, found.payload if found.kind == PING else b"")
                yield found
            try:
                data = await self.reader.read(READ_BYTES)
            except ConnectionError:
                return
            if not data:
                return
            self._buffer += data
            self._arrived += take_frames(self._buffer)

    async def until(self, kind: int) -> Frame | None:
        """The next frame of a kind; None if the connection ends before."""
        async for found in self.frames():
            if found.kind == kind and not (kind in (SETTINGS, PING) and found.flags & ACK):
                return found
        return None


@asynccontextmanager
async def raw_connection(address: str) -> AsyncIterator[RawConnection]:
    """Connect to host:port; nothing is said yet."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()
