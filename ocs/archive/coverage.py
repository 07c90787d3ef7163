"""Which of some segments has what of a partition: whole, in order, and each entry once."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from ocs.archive.segment import Segment, Span
from ocs.domain.position import Position, spell_position
from ocs.ports import ArchiveError


class Stretch(NamedTuple):
    """A part of a partition that one segment is to be read for: behind, up to and with."""

    segment: Segment
    behind: Position
    up_to: Position


class _Partition(NamedTuple):
    """Spans by their beginning; ends: the greatest end of any span up to each place."""

    spans: list[tuple[Span, Segment]]
    ends: list[Position]


class Coverage:
    """Spans of segments by partition.

    Spans overlap where an archiver wrote what another had written and not confirmed, and where
    segments were merged. The later epoch has it right.
    """

    def __init__(self, segments: Iterable[Segment], damaged: Sequence[ArchiveError] = ()) -> None:
        """damaged: segments that cannot be used; a hole may be what they had."""
        self._damaged = damaged
        found: dict[int, list[tuple[Span, Segment]]] = {}
        for segment in segments:
            for partition, span in segment.header.spans.items():
                found.setdefault(partition, []).append((span, segment))
        self._partitions: dict[int, _Partition] = {}
        for partition, spans in found.items():
            spans.sort(key=lambda one: one[0])
            ends = list(accumulate((span.up_to for span, _ in spans), max))
            self._partitions[partition] = _Partition(spans, ends)

    @property
    def partitions(self) -> list[int]:
        """Those that have entries."""
        return sorted(self._partitions)

    def spans(self, partition: int) -> list[Span]:
        """A partition's spans by their beginning; they may overlap."""
        found = self._partitions.get(partition)
        return [] if found is None else [span for span, _ in found.spans]

    def end(self, partition: int) -> Position:
        """The position of a partition's last entry."""
        found = self._partitions.get(partition)
        return (0, 0) if found is None else found.ends[-1]

    def next_stretch(self, partition: int, behind: Position, up_to: Position) -> Stretch | None:
        """Say where a partition is read on; None if nothing is left up to a position.

        Raises ArchiveError if the part that follows is in no segment.
        """
        if behind >= up_to:
            return None
        covering: list[tuple[Span, Segment]] = []
        later: list[tuple[Span, Segment]] = []
        end = up_to
        for span, segment in self._from(partition, behind):
            if span.behind >= end:
                later.append((span, segment))
                break
            if span.up_to > behind:
                (covering if span.behind <= behind else later).append((span, segment))
            if covering:
                end = min(up_to, max(one.up_to for one, _ in covering))
        if not covering:
            next_behind = min((span.behind for span, _ in later), default=up_to)
            raise gap(partition, behind, min(next_behind, up_to), self._damaged)
        span, segment = max(covering, key=lambda one: one[1].name.epoch)
        epoch = segment.name.epoch
        cuts = (one.behind for one, other in later if other.name.epoch > epoch)
        return Stretch(segment, behind, min(up_to, span.up_to, *cuts))

    def stretches(self, partition: int, behind: Position, up_to: Position) -> Iterator[Stretch]:
        """All stretches of a partition between two positions, in order. Raises as above."""
        while (stretch := self.next_stretch(partition, behind, up_to)) is not None:
            yield stretch
            behind = stretch.up_to

    def _from(self, partition: int, behind: Position) -> Iterator[tuple[Span, Segment]]:
        found = self._partitions.get(partition)
        if found is not None:
            yield from found.spans[bisect_right(found.ends, behind) :]


def gap(
    partition: int, behind: Position, up_to: Position, damaged: Sequence[ArchiveError]
) -> ArchiveError:
    """Say that entries are in no segment, and which ones may have had them."""
    beginning = spell_position(behind) or "its beginning"
    text = (
        f"the archive lacks what partition {partition} journaled behind {beginning}"
        f" up to {spell_position(up_to)}"
    )
    return ArchiveError("; ".join([text, *map(str, damaged)]))
