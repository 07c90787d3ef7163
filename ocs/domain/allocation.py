"""Who pays for a stretch of use: sources in order, cut only where the payer changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocs.domain.price_function import PriceFunction, reach
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
    """The stretch [start, end) that one source pays for; quantity as the source counts.

    fee: what of the quantity is for the connect fee; with it the stretch may be empty.
    """

    source: Source
    start: int
    end: int
    quantity: int
    fee: int = 0


def allocate(
    price: PriceFunction,
    start: int,
    end: int,
    sources: Sequence[Source],
    fee: int = 0,
    *,
    from_hold: bool = False,
) -> list[Segment]:
    """Cover [start, end) as far as the sources go; the last segment's end is how far.

    Greedy in order. Money pays what is due of the connect fee before it pays for units. A money
    source that cannot pay for all that is left pays for as many units as it can. Both ends must be
    priced (their cost not None). from_hold: money that is held for the fee alone pays for no units,
    not even for some that cost nothing: a bucket of units that is still available comes first.
    """
    segments: list[Segment] = []
    at = start
    for source in sources:
        if at >= end and fee == 0:
            break
        part = 0
        if source.money:
            part = max(0, min(fee, source.capacity))
            left = source.capacity - part
            to = reach(price, at, end, left) if left > 0 or not from_hold else at
            quantity = part + cost_between(price, at, to)
            fee -= part
        else:
            to = min(end, at + source.capacity)
            quantity = to - at
        if to > at or part > 0:
            segments.append(Segment(source, at, to, quantity, part))
            at = to
    return segments


def fee_in(segments: Sequence[Segment]) -> int:
    """Return what the segments pay of the connect fee."""
    return sum(segment.fee for segment in segments)


def reached(segments: Sequence[Segment], start: int) -> int:
    """Return how far the segments cover."""
    return segments[-1].end if segments else start


def clip(price: PriceFunction, segments: Sequence[Segment], end: int) -> list[Segment]:
    """Cut a coverage short at `end`."""
    kept: list[Segment] = []
    for segment in segments:
        if segment.end <= end:
            kept.append(segment)
        elif segment.start < end or segment.fee > 0:
            start, source = min(segment.start, end), segment.source
            stretch = cost_between(price, start, end) if source.money else end - start
            kept.append(Segment(source, start, end, segment.fee + stretch, segment.fee))
    return kept


def money_within(price: PriceFunction, segments: Sequence[Segment], end: int) -> int:
    """Money that the coverage up to `end` costs, the connect fee included."""
    return sum(
        segment.fee + cost_between(price, min(segment.start, end), min(segment.end, end))
        for segment in segments
        if segment.source.money
    )


def cost_between(price: PriceFunction, start: int, end: int) -> int:
    """C(end) - C(start); both must be priced."""
    low, high = price.cost(start), price.cost(end)
    assert low is not None
    assert high is not None
    return high - low


def target_of(price: PriceFunction, rating: SessionRating, used_units: int) -> int | None:
    """Boundary that the session is rated up to after this use; None past the exact range.

    Never below what it is rated up to already, which another price may have reached; and just that
    if nothing was used, whatever increments there are now.
    """
    position = rating.position + used_units
    boundary = price.round_up(position) if position <= QUANTITY_MAX else None
    if boundary is None:
        return None
    target = max(rating.paid_to, boundary) if used_units > 0 else rating.paid_to
    return target if price.cost(target) is not None else None
