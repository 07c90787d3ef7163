"""What an archiver does with an archive's directory; in threads, so that no charge waits."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from ocs.archive.catalogue import Catalogue
from ocs.archive.coverage import Coverage
from ocs.archive.draft import SegmentDraft
from ocs.archive.merging import merge
from ocs.archive.segment import Segment
from ocs.archive.segment_writer import PARTIAL_SUFFIX
from ocs.domain.position import Position, parse_position, spell_position
from ocs.ports import ArchiveError, ArchiveMark, JournalRun

_VERIFIED_MAX: Final = 100_000
_TRIES: Final = 3

T = TypeVar("T")


class ArchiveFiles:
    """Writes, proves and merges segments. Raises ArchiveError from every method."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._catalogue = Catalogue(directory)
        self._verified: set[tuple[str, int, int]] = set()
        self._lock = Lock()
        # Merging takes long, and works on segments that nothing above looks at.
        self._merging = Catalogue(directory)
        self._merge_lock = Lock()

    async def newest_epoch(self) -> int:
        """The greatest epoch that wrote here; 0 if none did."""

        def look() -> int:
            with self._lock:
                self._catalogue.refresh()
                return self._catalogue.newest_epoch

        return await asyncio.to_thread(look)

    async def take(self, marks: Mapping[int, ArchiveMark]) -> tuple[dict[int, str], list[str]]:
        """Begin to archive here: read back what the store still has, clear what was broken off.

        Returns behind which positions to go on, and what was found to be damaged or missing: it is
        to be written again. Raises if what the store has no more is not here either.
        """
        return await asyncio.to_thread(self._again, lambda: self._take(marks))

    def draft(self) -> SegmentDraft:
        """What the next segment will have."""
        return SegmentDraft()

    async def collect(self, draft: SegmentDraft, runs: list[tuple[str, JournalRun]]) -> None:
        """Add runs to a draft, each with the position that it follows."""

        def add() -> None:
            for behind, run in runs:
                draft.add(parse_position(behind), run)

        await asyncio.to_thread(add)

    async def write(self, draft: SegmentDraft, epoch: int) -> None:
        """Write a draft's segment; it is on disk when this returns."""
        await asyncio.to_thread(draft.write, self._directory, epoch)

    async def prove(self, marks: Mapping[int, ArchiveMark], trims: Mapping[int, str]) -> None:
        """Read back what has not been yet of what is to be trimmed, up to a position each."""
        await asyncio.to_thread(self._again, lambda: self._prove(marks, trims))

    async def merge(self, before_ms: int) -> int:
        """Merge the segments of hours and days before a time; return how many went into others."""

        def work() -> int:
            with self._merge_lock:
                try:
                    return merge(self._merging, before_ms)
                except FileNotFoundError:  # another archiver merges here
                    return 0

        return await asyncio.to_thread(work)

    def _again(self, work: Callable[[], T]) -> T:
        """Do a work, anew if a segment was merged into another under it."""
        with self._lock:
            for _ in range(_TRIES):
                try:
                    return work()
                except FileNotFoundError:
                    continue
        raise ArchiveError(f"segments of {self._directory} vanish while they are read")

    def _take(self, marks: Mapping[int, ArchiveMark]) -> tuple[dict[int, str], list[str]]:
        self._catalogue.refresh()
        self._clear()
        for partition, mark in marks.items():
            if mark.trimmed:
                self._must_have(partition, parse_position(mark.trimmed))
        starts = {partition: mark.archived for partition, mark in marks.items()}
        kept = {number: mark for number, mark in marks.items() if mark.trimmed != mark.archived}
        faults: dict[str, None] = {}
        if not kept:
            return starts, []
        segments = list(self._catalogue.from_ms(min(_ms(mark.trimmed) for mark in kept.values())))
        while True:
            coverage = Coverage(segments, self._catalogue.damaged)
            needed: dict[str, Segment] = {}
            for partition, mark in kept.items():
                behind = parse_position(mark.trimmed)
                try:
                    for stretch in coverage.stretches(
                        partition, behind, parse_position(mark.archived)
                    ):
                        needed[stretch.segment.name.path.name] = stretch.segment
                        behind = stretch.up_to
                except ArchiveError as error:
                    faults[str(error)] = None
                starts[partition] = spell_position(behind)
            damaged = [one for one in needed.values() if not self._is_whole(one, faults)]
            if not damaged:
                return starts, list(faults)
            segments = [one for one in segments if one not in damaged]

    def _is_whole(self, segment: Segment, faults: dict[str, None]) -> bool:
        try:
            self._verify(segment)
        except ArchiveError as error:
            faults[str(error)] = None
            return False
        return True

    def _must_have(self, partition: int, position: Position) -> None:
        """See that what the store has no more is here, so that it is the store's archive."""
        for segment in self._catalogue.at_ms(position[0]):
            span = segment.header.spans.get(partition)
            if span is not None and span.behind < position <= span.up_to:
                return
        # Trimmed between two entries: the next segment must begin before.
        for segment in self._catalogue.from_ms(position[0]):
            span = segment.header.spans.get(partition)
            if span is not None:
                if span.behind < position:
                    return
                break
        raise ArchiveError(
            f"{self._directory} is not the store's archive, or not all of it: partition {partition}"
            f" was archived up to {spell_position(position)} and more, which is not in it"
        )

    def _clear(self) -> None:
        try:
            for path in self._directory.glob(f"*{PARTIAL_SUFFIX}"):
                path.unlink(missing_ok=True)
        except OSError as error:
            text = f"the archive {self._directory} cannot be written: {error.strerror}"
            raise ArchiveError(text) from None

    def _verify(self, segment: Segment) -> None:
        """Read a segment back, unless that was done and nobody has written to it since."""
        status = segment.name.path.stat()
        known = (segment.name.path.name, status.st_ino, status.st_mtime_ns)
        if known in self._verified:
            return
        segment.verify()
        if len(self._verified) == _VERIFIED_MAX:
            self._verified.clear()
        self._verified.add(known)

    def _prove(self, marks: Mapping[int, ArchiveMark], trims: Mapping[int, str]) -> None:
        self._catalogue.refresh()
        coverage = self._catalogue.coverage(min(_ms(marks[number].trimmed) for number in trims))
        for partition, trim in trims.items():
            behind = parse_position(marks[partition].trimmed)
            for stretch in coverage.stretches(partition, behind, parse_position(trim)):
                self._verify(stretch.segment)


def _ms(position: str) -> int:
    return parse_position(position)[0]
