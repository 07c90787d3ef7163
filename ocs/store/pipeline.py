"""Batches: while one is in flight on a connection, arrivals queue for the next.

One connection carries its commands in the order they were sent, so one account's calls, which
always use the same connection, run in order. A lost connection fails every call of its batch with
an unknown outcome; nothing is sent again here, because only the caller knows whether it may.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Argument: TypeAlias = str | bytes | int
Reply: TypeAlias = (
    bytes | int | list["Reply"] | dict[bytes, bytes] | set[bytes] | ResponseError | None
)

BATCH_MAX = 256


class StoreLostError(Exception):
    """The connection broke: what was sent may or may not have run."""


class Pipeline:
    """One connection and its queue. Use from one event loop only."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: AbstractConnection | None = None
        self._queue: deque[tuple[Sequence[Argument], asyncio.Future[Reply]]] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self.batch_count = 0
        self.command_count = 0
        self.lost_count = 0

    def send(self, *command: Argument) -> asyncio.Future[Reply]:
        """Queue a command.

        The future gets the reply, a ResponseError as a value if the store refused it, or
        StoreLostError. Cancelling it does not take the command back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._queue.append((command, future))
        if self._flushing is None:
            self._flushing = loop.create_task(self._flush())
        return future

    async def close(self) -> None:
        """Finish what is queued and close the connection."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self._drop()

    async def _flush(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
                await self._run(batch)
        finally:
            self._flushing = None

    async def _run(self, batch: list[tuple[Sequence[Argument], asyncio.Future[Reply]]]) -> None:
        answered = 0
        try:
            connection = await self._connect()
            commands = [command for command, _ in batch]
            await connection.send_packed_command(connection.pack_commands(commands))
            for _, future in batch:
                try:
                    reply = await connection.read_response()
                except ResponseError as error:
                    reply = error
                answered += 1
                if not future.done():
                    future.set_result(reply)
        except (RedisError, OSError, asyncio.IncompleteReadError) as error:
            self.lost_count += 1
            await self._drop()
            for _, future in batch[answered:]:
                if not future.done():
                    future.set_exception(StoreLostError(type(error).__name__))
        except asyncio.CancelledError:
            await self._drop()
            for _, future in batch[answered:]:
                future.cancel()
            raise
        self.batch_count += 1
        self.command_count += len(batch)

    async def _connect(self) -> AbstractConnection:
        if self._connection is None:
            self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        if not self._connection.is_connected:
            await self._connection.connect()
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.disconnect(nowait=True)
            except (RedisConnectionError, RedisTimeoutError, OSError):
                # Already broken: the socket is gone, which is what was wanted.
                return
