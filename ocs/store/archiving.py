"""The archiver's view of the store: who archives, and how far it is confirmed and trimmed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Final

from ocs.domain.answer import Reason
from ocs.limits import DEADLINE_DEFAULT_MS
from ocs.ports import ArchiveMark, StaleEpochError, StoreUnavailableError
from ocs.store import keys
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Argument, Pipeline

_STALE: Final = b"!STALE_EPOCH"
_NONE: Final = "-"


class ValkeyArchiving:
    """One owner name per process. Raises StoreUnavailableError from every method.

    pipeline: one of the archiver's own, so that no charge waits behind its scripts.
    """

    partition_count = keys.PARTITION_COUNT

    def __init__(self, ledger: ValkeyLedger, pipeline: Pipeline, now_ms: Callable[[], int]) -> None:
        self._ledger = ledger
        self._pipeline = pipeline
        self._now_ms = now_ms
        self._owner = token_hex(8)

    async def lease(self, known_epoch: int | None) -> tuple[int, int]:
        """Take or renew the archiver's lease; return its epoch, and the store's clock.

        Epoch 0: another process has it. known_epoch: to begin, the greatest that the archive has.
        """
        clock = self._ledger.test_clock
        argv = ["" if clock is None else str(clock()), self._owner]
        argv.append("" if known_epoch is None else str(known_epoch))
        reply = await self._call("lease_archiver", [keys.archiver_key()], argv)
        epoch, store_ms = map(int, reply.split())
        return epoch, store_ms

    async def begin(self, epoch: int) -> dict[int, ArchiveMark]:
        """Refuse every older epoch from now on; return how far each partition is archived."""
        settled = await self.settle(epoch, dict.fromkeys(range(self.partition_count), ("", "")))
        return {partition: mark for partition, (mark, _) in settled.items()}

    async def settle(
        self, epoch: int, positions: Mapping[int, tuple[str, str]]
    ) -> dict[int, tuple[ArchiveMark, int]]:
        """Confirm up to where partitions are archived, and trim; empty: no change.

        positions: archived, and before which to trim. Returns the marks and how many entries went.
        Raises StaleEpochError if a later archiver has begun.
        """
        replies = await asyncio.gather(
            *(self._settle(epoch, partition, *both) for partition, both in positions.items())
        )
        return dict(zip(positions, replies, strict=True))

    async def _settle(
        self, epoch: int, partition: int, position: str, trim: str
    ) -> tuple[ArchiveMark, int]:
        script_keys = [keys.archive_key(partition), keys.journal_key(partition)]
        reply = await self._call("trim_journal", script_keys, [str(epoch), position, trim])
        if reply == _STALE:
            raise StaleEpochError
        archived, trimmed, removed = reply.decode().split(" ")
        return ArchiveMark(_undash(archived), _undash(trimmed)), int(removed)

    async def _call(self, name: str, script_keys: Sequence[str], argv: Sequence[Argument]) -> bytes:
        deadline_ms = self._now_ms() + DEADLINE_DEFAULT_MS
        reply = await self._ledger.call(self._pipeline, name, script_keys, argv, deadline_ms)
        if isinstance(reply, Reason):
            raise StoreUnavailableError(reply)
        return reply


def _undash(position: str) -> str:
    return "" if position == _NONE else position
