"""The archive as a service has it: who reads it, who watches the journal's size, who is started.

A part of the composition root, ocs.app. What archives is a process of its own, ocs.archiver_app.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocs.archive.reader import SegmentArchive
from ocs.companion import companion
from ocs.jobs.room import keep_measured
from ocs.service.journal_room import JournalRoom
from ocs.store.connect import make_pool
from ocs.store.journal_memory import ValkeyJournalMemory
from ocs.store.pipeline import Pipeline
from ocs.telemetry.metrics import ArchiveCountsHeard, Metrics

# Well before there is anything old enough to be archived, and after the calls that waited for a
# service to start have had the processor.
_AFTER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class ArchiveTerms:
    """directory: the archive's. memory_max_bytes: of the journal; None: a share of the store's.

    archiver: what the archiver is told of the service's settings, by variable.
    """

    directory: Path
    memory_max_bytes: int | None
    archiver: Mapping[str, str]


class Archiving:
    """An archive as its readers see it, and the journal's room."""

    def __init__(self, terms: ArchiveTerms, metrics: Metrics) -> None:
        self._terms = terms
        self._metrics = metrics
        self.archive = SegmentArchive(terms.directory)
        self.room = JournalRoom()

    @asynccontextmanager
    async def measuring(self, store_url: str) -> AsyncIterator[None]:
        """Measure the journal while the block runs, over a connection of its own."""
        self._metrics.watch_journal(lambda: (self.room.used_bytes, self.room.limit_bytes))
        pipeline = Pipeline(make_pool(store_url, 1))
        memory, max_bytes = ValkeyJournalMemory(pipeline), self._terms.memory_max_bytes
        task = asyncio.create_task(keep_measured(memory, self.room, max_bytes))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await pipeline.close()

    def archiver(self, store_url: str) -> AbstractAsyncContextManager[None]:
        """Keep an archiver running beside the block, and its counts in the metrics."""
        environment = {**self._terms.archiver, "OCS_STORE_URL": store_url}
        heard = ArchiveCountsHeard(self._metrics.watch_archive())
        return companion(["archiver"], environment, heard, after_s=_AFTER_S)
