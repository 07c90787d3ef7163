"""Merges small segments into one: those of an hour once it is over, those of a day after that.

The old ones go only after the new one is on disk and was read back. Whoever is killed in between
leaves both, which readers take for one, and the next merge ends what was begun.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ocs.archive.catalogue import Catalogue
from ocs.archive.coverage import Coverage, Stretch
from ocs.archive.segment import Header, Name, Segment, Span
from ocs.archive.segment_writer import fsync_directory, write_segment
from ocs.domain.position import Position
from ocs.ports import ArchiveError

MERGED_BYTES_MAX: Final = 64 * 1024 * 1024
# Open at once while they are merged.
INPUTS_MAX: Final = 128
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


def merge(catalogue: Catalogue, before_ms: int) -> int:
    """Merge what is due of the hours and days before a time; return how many segments went.

    Raises ArchiveError for the first group that cannot be merged, after all others were.
    """
    catalogue.refresh()
    gone = 0
    failure: ArchiveError | None = None
    for name in list(catalogue.names):
        try:
            if name.path.exists():
                gone += _finish(catalogue, name)
        except ArchiveError as error:
            failure = failure or error
    for length_ms in (_HOUR_MS, _DAY_MS):
        catalogue.refresh()
        for names in list(_groups(catalogue.names, length_ms, before_ms)):
            try:
                _finish(catalogue, _merge([catalogue.open(name) for name in names], catalogue))
                gone += len(names)
            except ArchiveError as error:
                failure = failure or error
    if failure is not None:
        raise failure
    return gone


def _groups(names: Iterable[Name], length_ms: int, before_ms: int) -> Iterator[list[Name]]:
    """Segments of one time, which is over: two or more, not too many, not too large together."""
    times: dict[int, list[Name]] = defaultdict(list)
    for name in names:
        if (name.first_ms // length_ms + 1) * length_ms <= before_ms:
            times[name.first_ms // length_ms].append(name)
    for some in times.values():
        group: list[Name] = []
        size = 0
        for name in some:
            file_bytes = name.path.stat().st_size
            if group and (size + file_bytes > MERGED_BYTES_MAX or len(group) == INPUTS_MAX):
                if len(group) > 1:
                    yield group
                group, size = [], 0
            group.append(name)
            size += file_bytes
        if len(group) > 1:
            yield group


def _finish(catalogue: Catalogue, merged: Name) -> int:
    """Remove what was merged into a segment, once that was read back; return how many."""
    segment = catalogue.open(merged)
    old = [catalogue.directory / name for name in segment.header.replaces]
    old = [path for path in old if path.exists()]
    if not old:
        return 0
    segment.verify()
    try:
        for path in old:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in old}:
            fsync_directory(folder)
    except OSError as error:
        raise ArchiveError(f"merged segments cannot be removed: {error.strerror}") from None
    return len(old)


def _merge(segments: Sequence[Segment], catalogue: Catalogue) -> Name:
    for segment in segments:
        segment.verify()
    coverage = Coverage(segments)
    spans: dict[int, Span] = {}
    stretches = {number: _whole(coverage, segments, number) for number in coverage.partitions}
    names = tuple(str(segment.name) for segment in segments)
    return write_segment(
        catalogue.directory,
        Header(spans, names),
        _rows(stretches, spans),
        epoch=max(segment.name.epoch for segment in segments),
        span_ms=(
            min(segment.name.first_ms for segment in segments),
            max(segment.name.last_ms for segment in segments),
        ),
    )


def _whole(coverage: Coverage, segments: Iterable[Segment], partition: int) -> list[Stretch]:
    """All that segments have of a partition. Raises ArchiveError if there is a hole in it."""
    found = (segment.header.spans.get(partition) for segment in segments)
    behind = min(span.behind for span in found if span is not None)
    return list(coverage.stretches(partition, behind, coverage.end(partition)))


def _rows(stretches: Mapping[int, Sequence[Stretch]], spans: dict[int, Span]) -> Iterator[Any]:
    """Rows of all partitions in order; notes the span of each."""
    groups: dict[Segment, tuple[int, Any]] = {}
    for partition, some in stretches.items():
        count = 0
        for stretch in some:
            for table in _rows_of(partition, stretch, groups):
                count += table.num_rows
                yield table
        assert all(one.up_to == other.behind for one, other in pairwise(some)), partition
        spans[partition] = Span(some[0].behind, some[-1].up_to, count)


def _rows_of(
    partition: int, stretch: Stretch, groups: dict[Segment, tuple[int, Any]]
) -> Iterator[Any]:
    """Rows of a stretch. groups: the row group of each segment that was read last."""
    segment = stretch.segment
    for group in segment.groups_of(partition, stretch.behind[0], stretch.up_to[0]):
        number, table = groups.get(segment, (-1, None))
        if number != group:
            table = segment.rows([group])
            groups[segment] = (group, table)
        own = table.filter(pc.equal(table["partition"], partition))
        own = own.filter(
            pc.and_(
                pc.invert(_at_or_before(own, stretch.behind)), _at_or_before(own, stretch.up_to)
            )
        )
        if own.num_rows:
            yield own


def _at_or_before(table: Any, position: Position) -> Any:
    milliseconds, number = (pa.scalar(part, pa.uint64()) for part in position)
    same = pc.and_(
        pc.equal(table["position_ms"], milliseconds),
        pc.less_equal(table["position_number"], number),
    )
    return pc.or_(pc.less(table["position_ms"], milliseconds), same)
