"""Puts the archive together: who reads it, who writes it, and who watches the journal's size.

A part of the composition root, ocs.app.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ocs.archive.files import ArchiveFiles
from ocs.archive.reader import SegmentArchive
from ocs.jobs.archive import ArchiveJob, ArchivePace
from ocs.jobs.room import keep_measured
from ocs.service.journal_room import JournalRoom
from ocs.store.archiving import ValkeyArchiving
from ocs.store.connect import make_pool
from ocs.store.journal import ValkeyJournal
from ocs.store.journal_memory import ValkeyJournalMemory
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from ocs.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class ArchiveTerms:
    """directory: the archive's. memory_max_bytes: of the journal; None: a share of the store's."""

    directory: Path
    pace: ArchivePace
    memory_max_bytes: int | None


class Archiving:
    """An archive as its readers see it, and the journal's room."""

    def __init__(self, terms: ArchiveTerms, metrics: Metrics) -> None:
        self._terms = terms
        self._metrics = metrics
        self.archive = SegmentArchive(terms.directory)
        self.room = JournalRoom()

    @asynccontextmanager
    async def running(
        self,
        ledger: ValkeyLedger,
        store_url: str,
        now_ms: Callable[[], int],
        steady_ms: Callable[[], int],
    ) -> AsyncIterator[None]:
        """Archive and measure while the block runs, over a connection of their own."""
        self._metrics.watch_journal(lambda: (self.room.used_bytes, self.room.limit_bytes))
        pipeline = Pipeline(make_pool(store_url, 1))
        job = ArchiveJob(
            ValkeyJournal(pipeline),
            ValkeyArchiving(ledger, pipeline, now_ms),
            ArchiveFiles(self._terms.directory),
            pace=self._terms.pace,
            room=self.room,
            counts=self._metrics.watch_archive(),
            steady_ms=steady_ms,
        )
        memory, max_bytes = ValkeyJournalMemory(pipeline), self._terms.memory_max_bytes
        tasks = [
            asyncio.create_task(keep_measured(memory, self.room, max_bytes)),
            asyncio.create_task(job.run()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await pipeline.close()
