"""One connection to the store: requests out, replies in, in order.

redis-py makes the connection (TLS, AUTH, database); once it stands, its transport answers to the
class below. redis-py's own way of reading takes a coroutine, a time-out and a task per reply or
batch: 44 us of CPU per command in batches of 4, against 8 us here (docs/decisions/0006).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Self, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

Reply: TypeAlias = (
    bytes | int | list["Reply"] | dict[bytes, bytes] | set[bytes] | ResponseError | None
)
Waiting: TypeAlias = asyncio.Future[Reply]

# A store that gives no further reply for so long is taken for lost.
SILENCE_MAX_S: Final = 5.0
_MORE_TO_COME: Final = object()


class StoreLostError(Exception):
    """The connection broke: what was sent may or may not have run."""


class Link(asyncio.Protocol):
    """A connection that carries one batch at a time; it ends with the first fault.

    on_idle: called when a batch is answered. on_end: called once, when a fault has ended it.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        on_idle: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        # These members, and _close below, are redis-py's own; nothing public leads to them.
        parser, writer = connection._parser, connection._writer  # noqa: SLF001
        assert writer is not None, "the connection is not made"
        transport = cast("asyncio.Transport", writer.transport)
        self._connection = connection
        self._transport = transport
        self._reader = hiredis.Reader(replyError=parser.parse_error, notEnoughData=_MORE_TO_COME)
        self._on_idle = on_idle
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._waiting: Sequence[Waiting] = ()
        self._answered = 0
        self._answered_before = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        transport.set_protocol(self)

    @classmethod
    async def open(
        cls,
        pool: ConnectionPool,
        on_idle: Callable[[], None],
        on_end: Callable[[], None],
    ) -> Self:
        """Connect. Raises RedisError, OSError."""
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        return cls(connection, on_idle, on_end)

    @property
    def busy(self) -> bool:
        """Whether a batch is on its way."""
        return bool(self._waiting)

    def exchange(self, batch: bytes, waiting: Sequence[Waiting]) -> None:
        """Send a batch; each future gets its reply. Only when not busy."""
        assert not self._waiting, "a batch is on its way"
        self._waiting = waiting
        self._answered = self._answered_before = 0
        self._timer = self._loop.call_later(SILENCE_MAX_S, self._look_for_progress)
        self._transport.write(batch)

    def data_received(self, data: bytes) -> None:
        """Hand out the replies that are complete."""
        reader, waiting, answered = self._reader, self._waiting, self._answered
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _MORE_TO_COME:
                future = waiting[answered]
                answered += 1
                if future.done():  # its caller has left
                    continue
                if isinstance(reply, RedisConnectionError):  # loading, or not let in
                    future.set_exception(StoreLostError(type(reply).__name__))
                else:
                    future.set_result(reply)
        except (hiredis.HiredisError, IndexError) as error:  # no reply of this protocol
            self._answered = answered
            self._end(error)
            return
        self._answered = answered
        if answered == len(waiting):
            self._waiting = ()
            if self._timer is not None:
                self._timer.cancel()
            self._on_idle()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell every caller that is left."""
        self._end(error or ConnectionResetError())

    def close(self) -> None:
        """End in good order; no batch may be on its way. on_end is not called."""
        assert not self._waiting, "a batch is on its way"
        self._disconnect()

    def _look_for_progress(self) -> None:
        if self._answered == self._answered_before:
            self._end(TimeoutError())
            return
        self._answered_before = self._answered
        self._timer = self._loop.call_later(SILENCE_MAX_S, self._look_for_progress)

    def _end(self, error: Exception) -> None:
        if self._ended:
            return
        self._disconnect()
        for future in self._waiting[self._answered :]:
            if not future.done():
                future.set_exception(StoreLostError(type(error).__name__))
        self._waiting = ()
        self._on_end()

    def _disconnect(self) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        # The public way is a coroutine.
        self._connection._close()  # type: ignore[no-untyped-call]  # noqa: SLF001
