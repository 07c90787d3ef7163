"""HTTP/2 by hand (RFC 9113), as much as it takes to misbehave: frames, and headers spelled plainly.

gRPC's own client behaves, so it cannot show what the server does to one that does not.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 0x3, 0x4
NO_ERROR, ENHANCE_YOUR_CALM = 0x0, 0xB
CANCEL: Final = 0x8


class Frame(NamedTuple):
    """One frame as it arrived."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def goaway_code(self) -> int:
        """Why the other side leaves; of a GOAWAY."""
        code: int = struct.unpack(">I", self.payload[4:8])[0]
        return code

    def settings(self) -> dict[int, int]:
        """What the other side wants; of a SETTINGS."""
        return dict(struct.iter_unpack(">HI", self.payload))


@dataclass(slots=True)
class RawConnection:
    """One TCP connection that says what it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> Self:
        """Put a frame into the socket's buffer."""
        head = len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream)
        self.writer.write(head + payload)
        return self

    def greet(self, *, window: int | None = None) -> Self:
        """Say what every client says first. window: bytes of each answer that are taken."""
        self.writer.write(PREFACE)
        payload = b"" if window is None else struct.pack(">HI", INITIAL_WINDOW_SIZE, window)
        return self.send(SETTINGS, payload=payload)

    def call(self, stream: int, path: str, *, ends: bool = False, more: bytes = b"") -> Self:
        """Open a gRPC call; its message is for `message`."""
        fields = [
            (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()),
            (b":authority", b"localhost"), (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
        ]  # fmt: skip
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return self.send(HEADERS, flags, stream, header_block(fields) + more)

    def message(self, stream: int, wire: bytes) -> Self:
        """Send a call's one message."""
        return self.send(DATA, END_STREAM, stream, b"\0" + struct.pack(">I", len(wire)) + wire)

    async def frames(self, *, acknowledging: bool = True) -> AsyncIterator[Frame]:
        """What arrives, until the other side closes; settings and pings are acknowledged."""
        while True:
            try:
                head = await self.reader.readexactly(HEAD_BYTES)
                payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            if acknowledging and kind in (SETTINGS, PING) and not flags & ACK:
                self.send(kind, ACK, 0, payload if kind == PING else b"")
            yield Frame(kind, flags, stream & 0x7FFFFFFF, payload)

    async def until(self, kind: int) -> Frame | None:
        """The next frame of a kind; None if the connection ends before."""
        async for frame in self.frames():
            if frame.kind == kind and not (kind in (SETTINGS, PING) and frame.flags & ACK):
                return frame
        return None


def header_block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Spell headers as HPACK literals that are neither indexed nor compressed (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)


def _text(text: bytes) -> bytes:
    size = len(text)
    if size < 127:
        return bytes([size]) + text
    rest, coded = size - 127, bytearray([127])
    while rest >= 128:
        coded.append(rest % 128 + 128)
        rest //= 128
    return bytes([*coded, rest]) + text


@asynccontextmanager
async def raw_connection(address: str) -> AsyncIterator[RawConnection]:
    """Connect to host:port; nothing is said yet."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()
