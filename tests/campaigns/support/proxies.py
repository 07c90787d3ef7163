"""Proxies that let every request through and lose replies, and nothing but replies.

A chosen request is forwarded, answered by whoever is behind, and its answer swallowed; then the
connection is cut. So the request has run, and its caller cannot know. Both protocols are read,
because only that tells when an answer is complete.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import hiredis

READ_BYTES: Final = 65_536
SHARE_LEAST: Final = 0.10

# HTTP/2 (RFC 9113): frames of 9 bytes and what they announce, behind the client's preface.
PREFACE_BYTES: Final = 24
HEAD_BYTES: Final = 9
TYPE_DATA, TYPE_HEADERS, TYPE_RST_STREAM = 0x0, 0x1, 0x3
FLAG_END_STREAM: Final = 0x1


@dataclass(slots=True)
class Loss:
    """Which replies are lost, and how many were. Losing stops when `active` is set to False."""

    share: float
    rng: random.Random
    active: bool = True
    call_count: int = 0
    lost_count: int = 0

    def takes(self) -> bool:
        """Count a call; say whether its reply is to be lost. At least every tenth is."""
        self.call_count += 1
        behind = self.lost_count < SHARE_LEAST * self.call_count
        return self.active and (behind or self.rng.random() < self.share)


class Link(Protocol):
    """One connection: takes what arrives; returns what goes on, and whether to cut after it."""

    def request(self, data: bytes) -> bytes:
        """Take what the caller sent; all of it goes on."""
        ...

    def reply(self, data: bytes) -> tuple[bytes, bool]:
        """Take what came back."""
        ...


@dataclass(slots=True)
class GrpcLink:
    """A gRPC connection: a call is a stream, its reply ends with the stream."""

    loss: Loss
    _to_server: bytearray = field(default_factory=bytearray)
    _to_client: bytearray = field(default_factory=bytearray)
    _preface_left: int = PREFACE_BYTES
    _taken: set[int] = field(default_factory=set)

    def request(self, data: bytes) -> bytes:
        """Choose among the calls that are complete now."""
        skipped = min(self._preface_left, len(data))
        self._preface_left -= skipped
        self._to_server += data[skipped:]
        for kind, flags, stream, _ in _frames(self._to_server):
            ends = kind in (TYPE_DATA, TYPE_HEADERS) and flags & FLAG_END_STREAM
            if ends and self.loss.takes():
                self._taken.add(stream)
        return data

    def reply(self, data: bytes) -> tuple[bytes, bool]:
        """Hold back frames of chosen calls; cut once one of them is answered."""
        self._to_client += data
        onward = bytearray()
        for kind, flags, stream, frame in _frames(self._to_client):
            if stream not in self._taken:
                onward += frame
            elif kind == TYPE_RST_STREAM or flags & FLAG_END_STREAM:
                self.loss.lost_count += 1
                return bytes(onward), True
        return bytes(onward), False


def _frames(buffer: bytearray) -> Iterator[tuple[int, int, int, bytes]]:
    """Take whole frames off a buffer: type, flags, stream, and the bytes of it."""
    while len(buffer) >= HEAD_BYTES:
        size = HEAD_BYTES + int.from_bytes(buffer[:3], "big")
        if len(buffer) < size:
            return
        frame = bytes(buffer[:size])
        del buffer[:size]
        yield frame[3], frame[4], int.from_bytes(frame[5:HEAD_BYTES], "big") & 0x7FFFFFFF, frame


@dataclass(slots=True)
class StoreLink:
    """A connection to the store: replies come in the order of the commands.

    A call is a script (FCALL). When one is chosen, everything that is unanswered by then loses its
    reply with it, as when a connection breaks under a batch.
    """

    loss: Loss
    _commands: Any = field(default_factory=hiredis.Reader)
    _replies: Any = field(default_factory=hiredis.Reader)
    _waiting: list[bool] = field(default_factory=list)
    _losing: bool = False

    def request(self, data: bytes) -> bytes:
        """Choose among the scripts of the batch."""
        self._commands.feed(data)
        while (command := self._commands.gets()) is not False:
            is_call = command[0].upper() == b"FCALL"
            self._waiting.append(is_call)
            if is_call:
                self._losing = self.loss.takes() or self._losing
        return data

    def reply(self, data: bytes) -> tuple[bytes, bool]:
        """Swallow a chosen batch; cut once all of it is answered."""
        self._replies.feed(data)
        while self._replies.gets() is not False:
            is_call = self._waiting.pop(0)
            if self._losing and is_call:
                self.loss.lost_count += 1
        if not self._losing:
            return data, False
        return b"", not self._waiting


class LossyProxy:
    """Connects each caller through to an address (host:port, or the path of a unix socket).

    stall_s: how long a caller waits in vain before the cut.
    """

    def __init__(
        self, upstream: str | Path, loss: Loss, link: Callable[[Loss], Link], stall_s: float = 0.0
    ) -> None:
        self.loss = loss
        self._stall_s = stall_s
        self._upstream = upstream
        self._link = link
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, path: Path | None = None) -> str:
        """Listen on a unix socket, or on a free port; return the path or host:port."""
        if path is not None:
            self._server = await asyncio.start_unix_server(self._accept, path)
            return str(path)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            # Whoever is behind may be gone: the caller then sees a cut, as without a proxy.
            with contextlib.suppress(OSError):
                await self._carry(reader, writer)
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._upstream, Path):
            behind = await asyncio.open_unix_connection(self._upstream)
        else:
            host, _, port = self._upstream.rpartition(":")
            behind = await asyncio.open_connection(host, int(port))
        link = self._link(self.loss)
        ways = [
            asyncio.create_task(
                _forward(reader, behind[1], lambda data: (link.request(data), False))
            ),
            asyncio.create_task(_forward(behind[0], writer, link.reply, self._stall_s)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            behind[1].transport.abort()


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    through: Callable[[bytes], tuple[bytes, bool]],
    stall_s: float = 0.0,
) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(READ_BYTES):
            onward, cut = through(data)
            if onward:
                writer.write(onward)
                await writer.drain()
            if cut:
                await asyncio.sleep(stall_s)
                return
