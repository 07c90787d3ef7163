"""Batches: while one is in flight on a connection, arrivals queue for the next.

One connection carries its commands in the order they were sent, so one account's calls, which
always use the same connection, run in order. A lost connection fails every call of its batch with
an unknown outcome; nothing is sent again here, because only the caller knows whether it may.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias

import hiredis
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from ocs.store.link import Link, Reply, StoreLostError, Waiting

__all__ = ["Argument", "Pipeline", "Reply", "StoreLostError"]

Argument: TypeAlias = str | bytes | int

BATCH_MAX: Final = 256


class Pipeline:
    """One connection and its queue. Use from one event loop only."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._link: Link | None = None
        self._commands: list[bytes] = []
        self._waiting: list[Waiting] = []
        self._woken = False
        self._connecting: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self.batch_count = 0
        self.command_count = 0
        self.lost_count = 0

    def send(self, *command: Argument) -> Waiting:
        """Queue a command.

        The future gets the reply, a ResponseError as a value if the store refused it, or
        StoreLostError. Cancelling it does not take the command back.
        """
        loop = asyncio.get_running_loop()
        future: Waiting = loop.create_future()
        self._commands.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # any length
        self._waiting.append(future)
        if not self._woken:
            # Once per turn of the loop, so that all calls of the turn go together.
            self._woken = True
            loop.call_soon(self._flush)
        return future

    async def close(self) -> None:
        """Finish what is queued and close the connection."""
        if self._waiting or self._connecting or (self._link is not None and self._link.busy):
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        if self._link is not None:
            self._link.close()
            self._link = None

    def _flush(self) -> None:
        """Send what is queued, unless a batch is on its way."""
        self._woken = False
        link, count = self._link, len(self._waiting)
        if link is not None and link.busy:
            return
        if count == 0:
            if self._drained is not None and not self._drained.done():
                self._drained.set_result(None)
            return
        if link is None:
            if self._connecting is None:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
            return
        commands, waiting = self._commands, self._waiting
        self._commands, self._waiting = commands[BATCH_MAX:], waiting[BATCH_MAX:]
        self.batch_count += 1
        self.command_count += min(count, BATCH_MAX)
        link.exchange(b"".join(commands[:BATCH_MAX]), waiting[:BATCH_MAX])

    async def _connect(self) -> None:
        try:
            self._link = await Link.open(self._pool, self._flush, self._on_end)
        except (RedisError, OSError) as error:
            self._fail(type(error).__name__)
        finally:
            self._connecting = None
            if self._link is None:  # for whatever reason: no caller may wait for ever
                self._fail("not connected")
        self._flush()

    def _on_end(self) -> None:
        self._link = None
        self.lost_count += 1
        self._flush()

    def _fail(self, text: str) -> None:
        waiting, self._commands, self._waiting = self._waiting, [], []
        for future in waiting:
            if not future.done():
                future.set_exception(StoreLostError(text))


def counts_of(pipelines: Sequence[Pipeline]) -> tuple[int, int, int]:
    """Return round trips, commands and lost connections of all of them together."""
    return (
        sum(pipeline.batch_count for pipeline in pipelines),
        sum(pipeline.command_count for pipeline in pipelines),
        sum(pipeline.lost_count for pipeline in pipelines),
    )
