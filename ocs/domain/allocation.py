"""Who pays for a stretch of use: sources in order, cut only where the payer changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocs.domain.rating import Rate
from ocs.domain.reservation import SessionRating
from ocs.limits import QUANTITY_MAX


@dataclass(slots=True)
class Source:
    """A bucket and how much of it may be used: units, or micro-units for money."""

    bucket_id: str
    money: bool
    capacity: int


@dataclass(slots=True)
class Segment:
    """The stretch [start, end) that one source pays for; quantity as the source counts."""

    source: Source
    start: int
    end: int
    quantity: int


def allocate(rate: Rate, start: int, end: int, sources: Sequence[Source]) -> list[Segment]:
    """Cover [start, end) as far as the sources go; the last segment's end is how far.

    Greedy in order. A money source that cannot pay for all that is left pays for as many units as
    it can. Both ends must be priced (their cost not None).
    """
    segments: list[Segment] = []
    at = start
    for source in sources:
        if at >= end:
            break
        if source.money:
            to = rate.reach(at, end, source.capacity)
            quantity = cost_between(rate, at, to)
        else:
            to = min(end, at + source.capacity)
            quantity = to - at
        if to > at:
            segments.append(Segment(source, at, to, quantity))
            at = to
    return segments


def reached(segments: Sequence[Segment], start: int) -> int:
    """Return how far the segments cover."""
    return segments[-1].end if segments else start


def clip(rate: Rate, segments: Sequence[Segment], end: int) -> list[Segment]:
    """Cut a coverage short at `end`."""
    kept: list[Segment] = []
    for segment in segments:
        if segment.start >= end:
            break
        if segment.end <= end:
            kept.append(segment)
        else:
            quantity = (
                cost_between(rate, segment.start, end)
                if segment.source.money
                else end - segment.start
            )
            kept.append(Segment(segment.source, segment.start, end, quantity))
    return kept


def money_within(rate: Rate, segments: Sequence[Segment], end: int) -> int:
    """Money that the coverage up to `end` costs."""
    return sum(
        cost_between(rate, segment.start, min(segment.end, end))
        for segment in segments
        if segment.source.money and segment.start < end
    )


def cost_between(rate: Rate, start: int, end: int) -> int:
    """C(end) - C(start); both must be priced."""
    low, high = rate.cost(start), rate.cost(end)
    assert low is not None
    assert high is not None
    return high - low


def target_of(rate: Rate, rating: SessionRating, used_units: int) -> int | None:
    """Boundary that the session is rated up to after this use; None past the exact range.

    Never below what it is rated up to already, which another rate may have reached.
    """
    position = rating.position + used_units
    boundary = rate.round_up(position) if position <= QUANTITY_MAX else None
    if boundary is None:
        return None
    target = max(rating.paid_to, boundary)
    return target if rate.cost(target) is not None else None
