"""Splits reported use where its price changed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from ocs.domain.answer import Outcome
from ocs.domain.commands import Pieces
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff_book import PriceInForce
from ocs.domain.units import Unit
from ocs.limits import USE_PIECES_MAX

# (units, start_ms, end_ms) as reported; times 0 if not said.
Segment: TypeAlias = tuple[int, int, int]


class KnownLine(NamedTuple):
    """The line of the tariff that prices what nothing else does: that of the grant, or the first.

    A line is known by its version and id; its terms stay where they are.
    """

    tariff_version: str
    price_id: str
    unit: Unit


def pieces_of(
    segments: Sequence[Segment],
    known: KnownLine,
    price_at: Callable[[int], PriceInForce | Outcome],
) -> Pieces:
    """Return the use by price, in order; None in a piece is the known line.

    Seconds are split by time: use is spread evenly over its segment, and each second takes the
    price at its beginning. Octets and counts take the price at their segment's start. What has no
    time, no price, or another unit at that time is the known line's. Empty: so is all of it.
    """
    pieces: list[tuple[int, ServiceTerms | None]] = []
    for units, start_ms, end_ms in segments:
        length = end_ms - start_ms
        done, at_ms = 0, start_ms
        while done < units:
            found = price_at(at_ms) if start_ms > 0 else Outcome.RATING_FAILED
            line, end = None, units
            if isinstance(found, PriceInForce) and found.terms.unit is known.unit:
                terms = found.terms
                same = (terms.tariff_version, terms.price_id) == known[:2]
                line = None if same else terms
                splits = known.unit is Unit.SECONDS and start_ms < found.until_ms < end_ms
                if splits and len(pieces) < USE_PIECES_MAX:
                    # Units that begin before the change: ceil of their share of the time.
                    end = -(-(found.until_ms - start_ms) * units // length)
                    at_ms = found.until_ms
            _add(pieces, end - done, line)
            done = end
    return tuple(pieces) if any(line is not None for _, line in pieces) else ()


def _add(
    pieces: list[tuple[int, ServiceTerms | None]], units: int, line: ServiceTerms | None
) -> None:
    """Add a piece, or lengthen the one before if it has the same price."""
    if units <= 0:
        return
    if pieces and pieces[-1][1] is line:
        pieces[-1] = (pieces[-1][0] + units, line)
    else:
        pieces.append((units, line))
