"""The archiver: brings the journal into the archive, and lets the store let go of it.

Of all processes on a store one archives, under a lease whose epoch the store checks at every step:
who lost it can confirm and trim nothing. What is confirmed is on disk; what goes from the store was
confirmed, lies some minutes back, and was read back from the archive.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from ocs.domain.position import parse_position, spell_position
from ocs.limits import ARCHIVE_BEHIND_MS, ARCHIVE_LEASE_MS, JOURNAL_KEPT_MS
from ocs.ports import (
    ArchiveError,
    ArchiveMark,
    Journal,
    JournalRun,
    StaleEpochError,
    StoreUnavailableError,
)
from ocs.service.journal_room import JournalRoom
from ocs.telemetry.metrics import ArchiveCounts

STEP_PAUSE_S: Final = 2.0
# So many at once: some thousand entries, which are a few ms of work for a thread.
_PARTITIONS_PER_READ: Final = 16
_HOUR_MS: Final = 3_600_000

T = TypeVar("T")


class ArchiveControl(Protocol):
    """Who archives, and how far; see ocs.store.archiving."""

    partition_count: int

    async def lease(self, known_epoch: int | None) -> tuple[int, int]:
        """Take or renew the lease; return the epoch, 0 if it is another's, and the store's clock.

        known_epoch: to begin, under an epoch of its own, the greatest that the archive has.
        """

    async def begin(self, epoch: int) -> dict[int, ArchiveMark]:
        """Refuse every older epoch from now on; return how far each partition is archived."""

    async def settle(
        self, epoch: int, positions: Mapping[int, tuple[str, str]]
    ) -> dict[int, tuple[ArchiveMark, int]]:
        """Confirm positions and trim before others, empty for neither; return marks, entries gone.

        Raises StaleEpochError.
        """


class Draft(Protocol):
    """What the next segment will have."""

    byte_count: int
    entry_count: int

    @property
    def ends(self) -> dict[int, str]:
        """Up to which position it goes, in each partition that it has entries of."""


D = TypeVar("D", bound=Draft)


class Files(Protocol[D]):
    """The archive's directory; see ocs.archive.files. Raises ArchiveError from every method."""

    async def newest_epoch(self) -> int:
        """The greatest epoch that wrote here; 0 if none did."""

    async def take(self, marks: Mapping[int, ArchiveMark]) -> tuple[dict[int, str], list[str]]:
        """Begin; return behind which positions to go on, and what has to be written again."""

    def draft(self) -> D:
        """An empty draft."""

    async def collect(self, draft: D, runs: list[tuple[str, JournalRun]]) -> None:
        """Add runs to a draft, each with the position that it follows."""

    async def write(self, draft: D, epoch: int) -> None:
        """Write a draft's segment; it is on disk when this returns."""

    async def prove(self, marks: Mapping[int, ArchiveMark], trims: Mapping[int, str]) -> None:
        """Read back what lies between each partition's `trimmed` and another position."""

    async def merge(self, before_ms: int) -> int:
        """Merge the segments of hours and days before a time; return how many went into others."""


@dataclass(frozen=True, slots=True)
class ArchivePace:
    """How often, how much, and how far behind. behind_ms: younger entries are not archived yet.

    kept_ms: what is archived stays in the store for so long.
    """

    interval_s: float
    segment_bytes: int
    behind_ms: int = ARCHIVE_BEHIND_MS
    kept_ms: int = JOURNAL_KEPT_MS


class ArchiveJob(Generic[D]):
    """Archives until cancelled. steady_ms: a clock that is never set."""

    def __init__(
        self,
        journal: Journal,
        control: ArchiveControl,
        files: Files[D],
        *,
        pace: ArchivePace,
        room: JournalRoom,
        counts: ArchiveCounts,
        steady_ms: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._control = control
        self._files = files
        self._pace = pace
        self._room = room
        self._counts = counts
        self._steady_ms = steady_ms
        self._epoch = 0
        self._marks: dict[int, ArchiveMark] = {}
        self._read_to: dict[int, str] = {}
        self._draft = files.draft()
        self._wrote_ms = 0
        self._trim_again_ms = 0
        self._merged_hour = 0
        self._merging: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Archive until cancelled. What goes wrong is told and tried again at the next interval."""
        try:
            while True:
                pause_s = await self._try_step()
                await asyncio.sleep(pause_s)
        finally:
            if self._merging is not None:
                self._merging.cancel()

    async def _try_step(self) -> float:
        """Archive what there is; return how long to wait then, in seconds."""
        try:
            await self.step()
        except StaleEpochError:
            self._log.warning("journal archived by another process")
            self._stop()
        except StoreUnavailableError as error:
            self._counts.failures += 1
            self._log.error("journal not archived", reason=error.reason.value, fault=str(error))
            self._stop()
        else:
            return min(STEP_PAUSE_S, self._pace.interval_s)
        return self._pace.interval_s

    async def step(self) -> None:
        """Archive what there is. Raises ArchiveError, StoreUnavailableError, StaleEpochError."""
        while True:
            known_epoch = None if self._epoch else await self._files.newest_epoch()
            epoch, store_ms = await self._control.lease(known_epoch)
            if epoch == 0:
                self._stop()
                return
            if epoch != self._epoch:
                await self._begin(epoch)
            cutoff_ms = store_ms - self._pace.behind_ms
            is_full = await self._collect(cutoff_ms)
            if self._draft.entry_count == 0:
                self._counts.archived_to_ms = cutoff_ms
            elif is_full or self._is_due():
                await self._holding(self._files.write(self._draft, self._epoch))
                await self._confirm(cutoff_ms)
            if self._steady_ms() >= self._trim_again_ms or self._room.pressed:
                await self._trim(store_ms)
            if not is_full:
                break
        self._merge(store_ms)

    async def _begin(self, epoch: int) -> None:
        self._stop()
        marks = await self._control.begin(epoch)
        starts, faults = await self._holding_as(epoch, self._files.take(marks))
        for fault in faults:
            self._log.error("archive damaged, written again", fault=fault)
        self._marks, self._read_to = marks, starts
        self._epoch = epoch
        self._log.info("journal is archived by this process", epoch=epoch)

    def _stop(self) -> None:
        """Forget what was not confirmed; whoever begins reads it again."""
        self._epoch = 0
        self._draft = self._files.draft()
        self._wrote_ms = self._steady_ms()
        self._counts.archived_to_ms = None

    def _is_due(self) -> bool:
        return self._steady_ms() - self._wrote_ms >= self._pace.interval_s * 1000

    async def _collect(self, cutoff_ms: int) -> bool:
        """Read on up to a time; True if the draft is full before all is read."""
        for first in range(0, self._control.partition_count, _PARTITIONS_PER_READ):
            partitions = range(first, first + _PARTITIONS_PER_READ)
            at = {number: self._read_to[number] for number in partitions}
            while at:
                runs = await self._journal.read(at)
                taken, at = [], {}
                for run in runs:
                    older = _older(run, cutoff_ms)
                    if older.positions:
                        taken.append((self._read_to[run.partition], older))
                        self._read_to[run.partition] = older.positions[-1]
                    if len(older.positions) == len(run.positions):
                        at[run.partition] = older.positions[-1]
                if taken:
                    await self._files.collect(self._draft, taken)
                if self._draft.byte_count >= self._pace.segment_bytes:
                    return True
        return False

    async def _confirm(self, cutoff_ms: int) -> None:
        draft, self._draft = self._draft, self._files.draft()
        self._wrote_ms = self._steady_ms()
        ends = {number: (end, "") for number, end in draft.ends.items()}
        for number, (mark, _) in (await self._control.settle(self._epoch, ends)).items():
            self._marks[number] = mark
        self._counts.segments += 1
        self._counts.entries += draft.entry_count
        self._counts.archived_to_ms = cutoff_ms

    async def _trim(self, store_ms: int) -> None:
        """Let the store let go of what is archived and older, at once if room is short."""
        kept_ms = 0 if self._room.pressed else self._pace.kept_ms
        before = (max(0, store_ms - kept_ms), 0)
        trims = {}
        for number, mark in self._marks.items():
            target = min(before, parse_position(mark.archived))
            if parse_position(mark.trimmed) < target:
                trims[number] = spell_position(target)
        if not trims:
            return
        self._trim_again_ms = self._steady_ms() + int(self._pace.interval_s * 1000)
        try:
            await self._holding(self._files.prove(self._marks, trims))
        except ArchiveError as error:
            self._counts.failures += 1
            self._log.error("journal not trimmed", fault=str(error))
            # What is damaged and still in the store is written again.
            self._stop()
            return
        while trims:
            wanted = {number: ("", target) for number, target in trims.items()}
            settled = await self._control.settle(self._epoch, wanted)
            for number, (mark, removed) in settled.items():
                self._marks[number] = mark
                self._counts.trimmed += removed
                if removed == 0:
                    del trims[number]

    def _merge(self, store_ms: int) -> None:
        """Once an hour, beside what else is to be done."""
        hour = store_ms // _HOUR_MS
        if hour != self._merged_hour and (self._merging is None or self._merging.done()):
            self._merged_hour = hour
            self._merging = asyncio.create_task(self._merge_before(hour * _HOUR_MS))

    async def _merge_before(self, before_ms: int) -> None:
        try:
            count = await self._files.merge(before_ms)
        except ArchiveError as error:
            self._counts.failures += 1
            self._log.error("archive not merged", fault=str(error))
        else:
            if count:
                self._log.info("archive merged", segments=count)

    async def _holding(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a work, and keep the lease meanwhile."""
        return await self._holding_as(self._epoch, work)

    async def _holding_as(self, epoch: int, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=ARCHIVE_LEASE_MS / 3000))[0]:
                if (await self._control.lease(None))[0] != epoch:
                    raise StaleEpochError
        finally:
            task.cancel()  # of no effect once it is done
        return task.result()


def _older(run: JournalRun, cutoff_ms: int) -> JournalRun:
    """What of a run is of a time or older."""
    count = len(run.positions)
    while count and parse_position(run.positions[count - 1])[0] > cutoff_ms:
        count -= 1
    if count == len(run.positions):
        return run
    return JournalRun(run.partition, run.positions[:count], run.lines[:count], run.contexts[:count])
