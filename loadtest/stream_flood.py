"""Batches on charge streams at a rate of the caller's own, and how each of their items ended."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

from loadtest.echo import SERVICE
from loadtest.flood import NOT_SENT, UNANSWERED, Tally
from ocs.v1 import charging_service_pb2 as pb

BATCH_ITEMS: Final = 100
_TICK_S: Final = 0.002
_ITEMS: Final = pb.ChargeStreamRequest.DESCRIPTOR.fields_by_name["items"].number
_DEBIT: Final = pb.ChargeItem.DESCRIPTOR.fields_by_name["debit"].number
_LENGTH_DELIMITED: Final = 2

Make = Callable[[], bytes]


def _field(number: int, payload: bytes) -> bytes:
    """Spell a field that holds a message of less than 16 KiB, without an object per item."""
    length = len(payload)
    head = bytes((number << 3 | _LENGTH_DELIMITED,))
    if length < 0x80:  # noqa: PLR2004 - seven bits a byte
        return head + bytes((length,)) + payload
    return head + bytes((length & 0x7F | 0x80, length >> 7)) + payload


class _Stream:
    """One stream: what waits to be sent on it, and who is told of the answers."""

    def __init__(self, call: Any, timeout_s: float) -> None:
        self._call = call
        self._timeout_s = timeout_s
        self._clock = asyncio.get_running_loop().time
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._due = asyncio.Event()
        self._told: Callable[[str, int], None] = lambda _, __: None
        self._under_way = 0

    def tell(self, told: Callable[[str, int], None]) -> None:
        """Say who is told how many items ended how."""
        self._told = told

    def put(self, wire: bytes) -> None:
        """Send a debit as soon as the service reads it; NOT_SENT after the time-out."""
        self._waiting.append((self._clock() + self._timeout_s, wire))
        self._due.set()

    async def write(self) -> None:
        """Put what waits into batches."""
        while True:
            await self._due.wait()
            self._due.clear()
            while self._waiting:
                now_s, late_count = self._clock(), 0
                wires: list[bytes] = []
                while self._waiting and len(wires) < BATCH_ITEMS:
                    until_s, wire = self._waiting.popleft()
                    if until_s > now_s:
                        wires.append(_field(_ITEMS, _field(_DEBIT, wire)))
                    else:
                        late_count += 1
                if late_count:
                    self._told(NOT_SENT, late_count)
                if wires:
                    self._under_way += len(wires)
                    # Its name says how many it has, for when it is refused as a whole.
                    head = pb.ChargeStreamRequest(
                        batch_id=str(len(wires)), timeout_ms=int(self._timeout_s * 1000)
                    )
                    await self._call.write(head.SerializeToString() + b"".join(wires))

    async def read(self) -> None:
        """Take the answers; what has none when the stream ends stays unanswered."""
        while isinstance(reply := await self._call.read(), bytes):
            response = pb.ChargeStreamResponse.FromString(reply)
            count = int(response.batch_id)
            self._under_way -= count
            ended = Counter(str(answer.error.code) for answer in response.answers)
            if not response.answers:
                ended[str(response.status.code)] = count
            for status, items in ended.items():
                self._told(status, items)
        self._told(UNANSWERED, self._under_way)


class StreamFlood:
    """Debits over some streams; the same face as Flood."""

    def __init__(self, streams: list[_Stream]) -> None:
        self._streams = streams
        self.clock = asyncio.get_running_loop().time

    async def callers(self, count: int, seconds: float, make: Make) -> Tally:
        """Keep so many items under way, each followed by another when it is answered."""
        tally = Tally(self.clock(), seconds)
        over = asyncio.Event()

        def telling(stream: _Stream) -> Callable[[str, int], None]:
            def told(status: str, items: int) -> None:
                _add(tally, status, items, self.clock())
                if self.clock() < tally.until_s:
                    tally.sent += items
                    for _ in range(items):
                        stream.put(make())
                elif tally.complete:
                    over.set()

            return told

        for stream in self._streams:
            stream.tell(telling(stream))
        tally.sent += count
        for number in range(count):
            self._streams[number % len(self._streams)].put(make())
        await over.wait()
        return tally

    async def arrivals(self, rate: float, seconds: float, make: Make) -> Tally:
        """Send so many a second, whatever the service does; wait until all have ended."""
        tally, turn, over = Tally(self.clock(), seconds), 0, asyncio.Event()

        def told(status: str, items: int) -> None:
            _add(tally, status, items, self.clock())
            if self.clock() >= tally.until_s and tally.complete:
                over.set()

        for stream in self._streams:
            stream.tell(told)
        while (now_s := self.clock()) < tally.until_s:
            due = int((now_s - tally.began_s) * rate) - tally.sent
            tally.sent += due
            # One stream at a time, so that batches fill.
            turn = (turn + 1) % len(self._streams)
            for _ in range(due):
                self._streams[turn].put(make())
            await asyncio.sleep(_TICK_S)
        if not tally.complete:
            await over.wait()
        return tally


def _add(tally: Tally, status: str, items: int, now_s: float) -> None:
    for _ in range(items):
        tally.add(status, now_s)


@asynccontextmanager
async def stream_flood(
    address: str, *, connection_count: int, timeout_s: float
) -> AsyncIterator[StreamFlood]:
    """Open a stream on each of some connections."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [
        grpc.aio.insecure_channel(address, options=options) for _ in range(connection_count)
    ]
    streams, tasks = [], []
    for channel in channels:
        call: Any = channel.stream_stream(f"/{SERVICE}/ChargeStream")
        stream = _Stream(call(), timeout_s)
        streams.append(stream)
        tasks += [asyncio.create_task(stream.write()), asyncio.create_task(stream.read())]
    try:
        yield StreamFlood(streams)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in channels:
            await channel.close()
