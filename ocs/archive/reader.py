"""The Archive port over a directory of segments; file work is done in threads."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from ocs.archive.catalogue import Catalogue
from ocs.archive.columns import SCHEMA, runs_of, spelled
from ocs.archive.coverage import Stretch, gap
from ocs.archive.segment import Segment
from ocs.domain.position import PART_MAX, Position, is_position, parse_position, spell_position
from ocs.ports import ArchivedEntry, ArchiveError, JournalRun

ENTRIES_PER_READ: Final = 32_768
# Version, kind, account, seq, store_ms, prev; then whatever the kind has.
_PREV: Final = 5
_NONE: Final = b"-"
# Merging takes segments away under a reader; twice in one call is more than an hour's work.
_TRIES: Final = 3

T = TypeVar("T")


class SegmentArchive:
    """Reads an archive, also while it is written."""

    def __init__(self, directory: Path) -> None:
        self._catalogue = Catalogue(directory)
        self._lock = Lock()
        self._log = structlog.get_logger()

    async def read(self, after: Mapping[int, str], until: Mapping[int, str]) -> list[JournalRun]:
        """Read on behind a position in each partition; some ENTRIES_PER_READ at most."""
        behind = {partition: parse_position(position) for partition, position in after.items()}
        up_to = {partition: parse_position(until.get(partition, "")) for partition in after}
        return await self._beside(lambda: self._read(behind, up_to))

    async def chain(
        self, partition: int, account: tuple[str, str], position: str, count: int
    ) -> list[ArchivedEntry]:
        """Follow `prev` among an account's entries, newest first."""
        return await self._beside(lambda: self._chain(partition, account, position, count))

    async def forward(
        self,
        partition: int,
        account: tuple[str, str],
        between: tuple[str, str],
        *,
        start_seq: int,
        count: int,
    ) -> tuple[list[ArchivedEntry], str]:
        """Read an account's entries from a number on, at most count; some row groups at most."""
        ends = parse_position(between[0]), parse_position(between[1])

        def work() -> tuple[list[ArchivedEntry], str]:
            return self._forward(partition, account, ends, start_seq=start_seq, count=count)

        return await self._beside(work)

    async def count(self, partition: int, until: str) -> int:
        """Count a partition's entries up to a position; never too few."""

        def work() -> int:
            spans = self._catalogue.coverage().spans(partition)
            end = parse_position(until)
            return sum(span.entry_count for span in spans if span.behind < end)

        return await self._beside(work)

    async def first(
        self, partition: int, account: tuple[str, str], from_ms: int
    ) -> ArchivedEntry | None:
        """Look for an account's first entry of a time or later, in one segment only."""
        return await self._beside(lambda: self._first(partition, account, from_ms))

    async def _beside(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._try, work)

    def _try(self, work: Callable[[], T]) -> T:
        try:
            with self._lock:
                return self._again(work)
        except ArchiveError as error:
            # The caller is told less.
            self._log.error("archive not readable", fault=str(error))
            raise

    def _again(self, work: Callable[[], T]) -> T:
        for _ in range(_TRIES):
            self._catalogue.refresh()
            try:
                return work()
            except FileNotFoundError:
                continue
        raise ArchiveError(f"segments of {self._catalogue.directory} vanish while they are read")

    def _read(self, behind: dict[int, Position], up_to: Mapping[int, Position]) -> list[JournalRun]:
        coverage = self._catalogue.coverage()
        while True:
            stretches = {}
            for partition, position in behind.items():
                stretch = coverage.next_stretch(partition, position, up_to[partition])
                if stretch is not None:
                    stretches[partition] = stretch
            if not stretches:
                return []
            first = min((one.segment for one in stretches.values()), key=_age)
            own = {number: one for number, one in stretches.items() if one.segment is first}
            runs = list(_runs(first, own))
            if runs:
                return runs
            # A part that only a later epoch had emptied.
            behind = behind | {partition: one.up_to for partition, one in own.items()}

    def _chain(
        self, partition: int, account: tuple[str, str], position: str, count: int
    ) -> list[ArchivedEntry]:
        found: list[ArchivedEntry] = []
        while len(found) < count and is_position(position):
            entries = self._around(partition, account, parse_position(position))
            if position not in entries:
                break
            while position in entries and len(found) < count:
                found.append(entries[position])
                position = prev_of(entries[position].line)
        return found

    def _around(
        self, partition: int, account: tuple[str, str], position: Position
    ) -> dict[str, ArchivedEntry]:
        """An account's entries in the row groups that have a position; raises for a hole."""
        for segment in self._catalogue.at_ms(position[0]):
            span = segment.header.spans.get(partition)
            if span is not None and span.behind < position <= span.up_to:
                groups = segment.groups_of(partition, position[0], position[0])
                entries = _entries(_of_account(segment.rows(groups), partition, account))
                return {entry.position: entry for entry in entries}
        # No segment of its time. If the next one begins before, there is no such entry.
        for segment in self._catalogue.from_ms(position[0]):
            span = segment.header.spans.get(partition)
            if span is not None:
                if span.behind < position:
                    return {}
                break
        before = (position[0], position[1] - 1) if position[1] else (position[0] - 1, PART_MAX)
        raise gap(partition, before, position, self._catalogue.damaged)

    def _forward(
        self,
        partition: int,
        account: tuple[str, str],
        ends: tuple[Position, Position],
        *,
        start_seq: int,
        count: int,
    ) -> tuple[list[ArchivedEntry], str]:
        after, until = ends
        found: list[ArchivedEntry] = []
        looked = 0
        for stretch in self._catalogue.stretches(partition, after, until):
            segment = stretch.segment
            for group in segment.groups_of(partition, stretch.behind[0], stretch.up_to[0]):
                table = segment.rows([group])
                own = _of_account(table, partition, account)
                own = own.filter(pc.greater_equal(own["seq"], start_seq))
                for entry in _entries(own):
                    if stretch.behind < parse_position(entry.position) <= stretch.up_to:
                        found.append(entry)
                        if len(found) == count:
                            return found, entry.position
                looked += table.num_rows
            if looked >= ENTRIES_PER_READ and stretch.up_to != until:
                return found, spell_position(stretch.up_to)
        return found, spell_position(until)

    def _first(
        self, partition: int, account: tuple[str, str], from_ms: int
    ) -> ArchivedEntry | None:
        for segment in self._catalogue.from_ms(from_ms):
            if partition not in segment.header.spans:
                continue
            for group in segment.groups_of(partition, from_ms, segment.name.last_ms):
                table = _of_account(segment.rows([group]), partition, account)
                table = table.filter(pc.greater_equal(table["position_ms"], from_ms))
                if table.num_rows:
                    return next(_entries(table.slice(0, 1)))
            return None
        return None


def prev_of(line: bytes) -> str:
    """Return the position of an account's previous event, as its line has it; empty for none."""
    words = line.split(b" ", _PREV + 1)
    return (
        words[_PREV].decode("ascii", "replace") if words[_PREV:] and words[_PREV] != _NONE else ""
    )


def _age(segment: Segment) -> tuple[int, str]:
    return segment.name.first_ms, segment.name.path.name


def _runs(segment: Segment, stretches: Mapping[int, Stretch]) -> Iterator[JournalRun]:
    """Entries of a segment's stretches, in its order; some ENTRIES_PER_READ at most."""
    groups: set[int] = set()
    for partition, stretch in stretches.items():
        groups.update(segment.groups_of(partition, stretch.behind[0], stretch.up_to[0]))
    count = 0
    wanted = pa.array(sorted(stretches), SCHEMA.field("partition").type)
    for group in sorted(groups):
        table = segment.rows([group])
        # Before rows become objects of Python, which costs a hundred times what choosing does.
        for run in runs_of(table.filter(pc.is_in(table["partition"], wanted))):
            cut = _within(run, stretches[run.partition])
            count += len(cut.positions)
            if cut.positions:
                yield cut
        if count >= ENTRIES_PER_READ:
            return


def _within(run: JournalRun, stretch: Stretch) -> JournalRun:
    positions = [parse_position(position) for position in run.positions]
    if stretch.behind < positions[0] and positions[-1] <= stretch.up_to:
        return run
    first = sum(position <= stretch.behind for position in positions)
    last = sum(position <= stretch.up_to for position in positions)
    some = slice(first, last)
    return JournalRun(run.partition, run.positions[some], run.lines[some], run.contexts[some])


def _of_account(table: Any, partition: int, account: tuple[str, str]) -> Any:
    tenant, account_id = account
    own = pc.and_(pc.equal(table["tenant"], tenant), pc.equal(table["account"], account_id))
    return table.filter(pc.and_(own, pc.equal(table["partition"], partition)))


def _entries(table: Any) -> Iterator[ArchivedEntry]:
    lines, contexts = table["line"].to_pylist(), table["context"].to_pylist()
    return map(ArchivedEntry, spelled(table), lines, contexts)
