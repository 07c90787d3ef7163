"""Collects entries of the journal for a segment."""

from pathlib import Path
from typing import Any

from ocs.archive.columns import run_bytes, table_of
from ocs.archive.segment import Header, Name, Span
from ocs.archive.segment_writer import write_segment
from ocs.domain.position import Position, parse_position, spell_position
from ocs.ports import JournalRun


class SegmentDraft:
    """What the next segment will have. A partition's runs come in its order."""

    def __init__(self) -> None:
        self.byte_count = 0
        self.entry_count = 0
        self._tables: dict[int, list[Any]] = {}
        self._spans: dict[int, Span] = {}
        self._first_ms = 0
        self._last_ms = 0

    def add(self, behind: Position, run: JournalRun) -> None:
        """Take a run that follows a position, with nothing between."""
        first, last = parse_position(run.positions[0]), parse_position(run.positions[-1])
        known = self._spans.get(run.partition)
        if known is None:
            self._spans[run.partition] = Span(behind, last, len(run.positions))
        else:
            assert known.up_to == behind, (known, behind)
            count = known.entry_count + len(run.positions)
            self._spans[run.partition] = Span(known.behind, last, count)
        self._first_ms = min(self._first_ms or first[0], first[0])
        self._last_ms = max(self._last_ms, last[0])
        self._tables.setdefault(run.partition, []).append(table_of(run))
        self.byte_count += run_bytes(run)
        self.entry_count += len(run.positions)

    @property
    def ends(self) -> dict[int, str]:
        """Up to which position it goes, in each partition that it has entries of."""
        return {partition: spell_position(span.up_to) for partition, span in self._spans.items()}

    def write(self, directory: Path, epoch: int) -> Name:
        """Write the segment; it is on disk when this returns. Raises ArchiveError."""
        tables = (table for partition in sorted(self._tables) for table in self._tables[partition])
        return write_segment(
            directory,
            Header(self._spans),
            tables,
            epoch=epoch,
            span_ms=(self._first_ms, self._last_ms),
        )
