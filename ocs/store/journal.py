"""The Journal port over Valkey's streams: all partitions at once, for those who follow them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from redis.exceptions import ResponseError

from ocs.ports import ArchiveMark, JournalMark, JournalRun, StoreUnavailableError
from ocs.store import keys
from ocs.store.pipeline import Argument, Pipeline, Reply, StoreLostError
from ocs.store.replies import fields_of, text_of, texts_of

# One command answers 2,048 entries at most, so that no charge waits for it longer than a few ms.
_STREAMS_PER_COMMAND: Final = 16
ENTRIES_PER_READ: Final = 128
_FROM_OLDEST: Final = "0-0"
_GENERATION: Final = "master_replid"
_FIELDS: Final = [b"e", b"c"]


class ValkeyJournal:
    """Reads over a connection of its own: its replies are large, and a charge must not wait behind.

    pipeline: for this journal alone.
    """

    partition_count = keys.PARTITION_COUNT

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def oldest(self) -> dict[int, str]:
        """Read the first entry's place of each partition."""
        found = await asyncio.gather(*map(self._oldest, range(self.partition_count)))
        return {partition: name for partition, name in enumerate(found) if name}

    async def _oldest(self, partition: int) -> str:
        reply = await self._send("XRANGE", keys.journal_key(partition), "-", "+", "COUNT", 1)
        entries = cast("list[tuple[bytes, Reply]]", reply)
        return entries[0][0].decode() if entries else ""

    async def read(self, after: Mapping[int, str]) -> list[JournalRun]:
        """Read on behind a position in each partition; at most ENTRIES_PER_READ of each."""
        partitions = list(after)
        runs: list[JournalRun] = []
        for first in range(0, len(partitions), _STREAMS_PER_COMMAND):
            some = partitions[first : first + _STREAMS_PER_COMMAND]
            runs += await self._read(some, [after[partition] or _FROM_OLDEST for partition in some])
        return runs

    async def marks(self, partitions: Iterable[int]) -> dict[int, ArchiveMark]:
        """Read how far partitions are archived, after what was sent before."""
        return await read_marks(self._pipeline, partitions)

    async def mark(self) -> JournalMark:
        """Read the store's clock, and the id of the history that its node writes."""
        said = text_of(await self._send("INFO", "replication"))
        lines = (line.partition(":") for line in said.splitlines())
        generation = next((value for name, _, value in lines if name == _GENERATION), "")
        seconds, micros = map(int, texts_of(await self._send("TIME")))
        return JournalMark(seconds * 1000 + micros // 1000, generation)

    async def _send(self, *command: Argument) -> Reply:
        try:
            reply = await asyncio.shield(self._pipeline.send(*command))
        except StoreLostError:
            raise StoreUnavailableError from None
        if isinstance(reply, ResponseError):
            raise StoreUnavailableError
        return reply

    async def _read(self, partitions: Sequence[int], after: Sequence[str]) -> list[JournalRun]:
        names = {keys.journal_key(partition).encode(): partition for partition in partitions}
        reply = await self._send("XREAD", "COUNT", ENTRIES_PER_READ, "STREAMS", *names, *after)
        return [_run(names[name], entries) for name, entries in _streams(reply)]


async def read_marks(pipeline: Pipeline, partitions: Iterable[int]) -> dict[int, ArchiveMark]:
    """Read how far partitions are archived. Raises StoreUnavailableError."""
    asked = list(partitions)
    sent = [pipeline.send("HGETALL", keys.archive_key(number)) for number in asked]
    try:
        replies = await asyncio.shield(asyncio.gather(*sent))
    except StoreLostError:
        raise StoreUnavailableError from None
    return {number: _mark(reply) for number, reply in zip(asked, replies, strict=True)}


def _mark(reply: Reply) -> ArchiveMark:
    if isinstance(reply, ResponseError):
        raise StoreUnavailableError
    found = fields_of(reply)
    return ArchiveMark(found.get("position", ""), found.get("trimmed", ""))


def _streams(reply: Reply) -> Iterable[tuple[bytes, Sequence[Reply]]]:
    """Name each stream that had something: a mapping under RESP3, a list of pairs before it."""
    if isinstance(reply, dict):
        return cast("dict[bytes, list[Reply]]", reply).items()
    assert reply is None or isinstance(reply, list), reply
    return cast("list[tuple[bytes, list[Reply]]]", reply or [])


def _run(partition: int, entries: Iterable[Reply]) -> JournalRun:
    run = JournalRun(partition, [], [], [])
    for entry in entries:
        name, flat = cast("tuple[bytes, list[bytes]]", entry)
        run.positions.append(name.decode())
        # `e` and `c` in the order that the scripts write; what somebody else wrote is no line.
        ours = flat[::2] == _FIELDS
        run.lines.append(flat[1] if ours else b"")
        run.contexts.append(flat[3] if ours else b"")
    return run._replace(more=len(run.positions) == ENTRIES_PER_READ)
