"""The projector: follows the journal and folds it, batch after batch.

Reading the journal and folding overlap: while a thread folds one batch, the next one is read. All
state is in the tables, so that a projector that dies is started again and goes on.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import structlog

from ocs.domain.insights import AsOf
from ocs.domain.tariff import Tariff
from ocs.insights.batch import batch_of
from ocs.insights.reading import LineReader, ReadBatch
from ocs.insights.tables import Tables
from ocs.ports import (
    INSTALLATION,
    BookError,
    ContextReader,
    Journal,
    JournalMark,
    JournalRun,
    StoreUnavailableError,
    TariffStore,
)

# Between two looks at a journal that has nothing new: well below the second that the lag may be.
PAUSE_S: Final = 0.2
_RETRY_S: Final = 1.0
STEP_BACK_MS: Final = 600_000
# DuckDB folds a hundred thousand events for less than twice of what ten thousand cost.
_BATCH_ENTRIES: Final = 131_072

ResultT = TypeVar("ResultT")


class Projector:
    """Keeps the tables up with the journal. read_tariff: as in Tariffs."""

    def __init__(
        self,
        tables: Tables,
        journal: Journal,
        tariffs: TariffStore,
        *,
        read_contexts: ContextReader,
        read_tariff: Callable[[bytes], Tariff],
        steady_ms: Callable[[], int],
    ) -> None:
        self._tables = tables
        self._journal = journal
        self._tariffs = tariffs
        self._read_contexts = read_contexts
        self._read_tariff = read_tariff
        self._steady_ms = steady_ms
        self._lines = LineReader()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fold")
        self._log = structlog.get_logger()
        progress = tables.progress()
        self._generation = progress.generation
        # Whether all that was taken back has come again, or is lost.
        self._settled = False
        self._folding: asyncio.Task[None] | None = None
        # As of when the last batch that was read is whole, be it folded or not.
        self._whole_ms = progress.as_of_ms
        self._as_of = AsOf(progress.as_of_ms, 0)
        self._positions = self._kept_positions()
        # When the journal was read last; long ago before it ever was.
        self.step_ms = -(10**9)
        self.event_count = progress.event_count
        self.rewritten_count = progress.rewritten_count
        self.unreadable_count = progress.unreadable_count

    @property
    def as_of(self) -> AsOf:
        """Until when the tables are whole."""
        return self._as_of

    @property
    def generation(self) -> str:
        """Of the journal, as as_of has it; the tables may be a step ahead."""
        return self._generation

    async def run(self) -> None:
        """Follow until cancelled; a store that is away is waited for."""
        while True:
            try:
                caught_up = await self.step()
            except StoreUnavailableError as error:
                self._log.warning("journal not read", reason=error.reason.value)
                await asyncio.sleep(_RETRY_S)
            else:
                if caught_up:
                    await asyncio.sleep(PAUSE_S)

    async def step(self) -> bool:
        """Read what is new, as far as one batch goes, and fold it; say if that is all there was.

        If it is not, the batch is still being folded while the next one is read. Raises
        StoreUnavailableError; what was not read then is read later.
        """
        mark = await self._journal.mark()
        if mark.generation != self._generation:
            await self._folded()
            await self._begin(mark)
        runs, as_of_ms = await self._read(mark)
        self._whole_ms = as_of_ms
        batch = await asyncio.to_thread(self._batch_of, runs) if runs else None
        await self._folded()
        self._folding = asyncio.create_task(self._fold(batch, AsOf(as_of_ms, 0), mark))
        caught_up = as_of_ms >= mark.store_ms
        if caught_up:
            await self._folded()
        self.step_ms = self._steady_ms()
        return caught_up

    async def _read(self, mark: JournalMark) -> tuple[list[JournalRun], int]:
        """Read on in all partitions; return what there was, and until when that is all.

        A partition is read to its end, or so far that a batch is full.
        """
        found: dict[int, JournalRun] = {}
        positions = dict(self._positions)
        count, unread = 0, self._positions
        while unread:
            runs = await self._journal.read(unread)
            unread = {}
            for run in runs:
                if run.positions:
                    positions[run.partition] = run.positions[-1]
                    found[run.partition] = _joined(found.get(run.partition), run)
                if run.more:
                    unread[run.partition] = positions[run.partition]
            read_count = sum(len(run.positions) for run in runs)
            count += read_count
            if count >= _BATCH_ENTRIES or not read_count:
                break
        # Not before all of it is here: what a lost store cut short is read again.
        self._positions = positions
        # The last millisecond that was read may go on.
        behind = (int(position.partition("-")[0] or 0) for position in unread.values())
        # What was whole before stays so, wherever a partition stands.
        return list(found.values()), max(self._whole_ms, min([mark.store_ms, *behind]))

    def _batch_of(self, runs: list[JournalRun]) -> ReadBatch:
        return self._lines.read(batch_of(runs, self._read_contexts))

    async def _folded(self) -> None:
        """Wait for the batch that is being folded. Raises what that raised."""
        if self._folding is not None:
            folding, self._folding = self._folding, None
            try:
                await asyncio.shield(folding)
            except StoreUnavailableError:
                # A tariff could not be read: the batch is read again, and what came behind it.
                self._positions = await self._off(self._kept_positions)
                self._whole_ms = self._as_of.as_of_ms
                raise

    def _kept_positions(self) -> dict[int, str]:
        """Behind which entry of each partition the tables go on."""
        nothing = dict.fromkeys(range(self._journal.partition_count), "")
        return nothing | self._tables.positions()

    async def _begin(self, mark: JournalMark) -> None:
        """Step back: what was read last may have been lost, and other events written instead."""
        cut_ms = max(self._as_of.as_of_ms - STEP_BACK_MS, 0)
        # What is not kept any more cannot be read again, and was there for long.
        oldest = await self._journal.oldest()
        cuts = {part: max(cut_ms, int(at.partition("-")[0])) for part, at in oldest.items()}
        self._positions |= await self._off(self._tables.begin, mark.generation, cuts)
        self._generation = mark.generation
        self._settled = False
        self._whole_ms = cut_ms
        self._as_of = AsOf(cut_ms, mark.store_ms - cut_ms)
        self._log.info("journal of a new generation", generation=mark.generation, since_ms=cut_ms)

    async def _fold(self, batch: ReadBatch | None, as_of: AsOf, mark: JournalMark) -> None:
        if batch is not None:
            wanted = await self._off(self._tables.take, batch)
            for ref in sorted(wanted):
                await self._off(self._tables.keep_tariff, *ref, await self._tariff(*ref))
            await self._off(self._tables.fold, batch.positions, as_of.as_of_ms)
        if not self._settled and as_of.as_of_ms >= mark.store_ms:
            await self._off(self._tables.settle_rewritten)
            self._settled = True
        if batch is not None:
            progress = await self._off(self._tables.progress)
            self.event_count = progress.event_count
            self.rewritten_count = progress.rewritten_count
            self.unreadable_count = progress.unreadable_count
        self._as_of = AsOf(as_of.as_of_ms, max(mark.store_ms - as_of.as_of_ms, 0))

    async def _tariff(self, tenant: str, version: str) -> Tariff | None:
        """Read a version of the tenant's own book, or of the installation's; None: of neither."""
        for owner in (tenant, INSTALLATION):
            if any(one.version == version for one in await self._tariffs.versions(owner)):
                text = await self._tariffs.text(owner, version)
                try:
                    return await asyncio.to_thread(self._read_tariff, text)
                except BookError:
                    break
        self._log.warning("tariff not known: its costs stay unknown", version=version)
        return None

    async def _off(self, call: Callable[..., ResultT], *arguments: object) -> ResultT:
        """Run what blocks in the one thread that writes, to its end even if this is cancelled."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, call, *arguments))

    def close(self) -> None:
        """Wait for the thread to end what it does."""
        self._thread.shutdown(wait=True)


def _joined(before: JournalRun | None, run: JournalRun) -> JournalRun:
    """Put two runs of a partition together."""
    if before is None:
        return run
    before.positions.extend(run.positions)
    before.lines.extend(run.lines)
    before.contexts.extend(run.contexts)
    return before
