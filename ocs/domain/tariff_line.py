"""What one service costs in one zone on one plan, in the course of time."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ocs.domain.calendar import Calendar
from ocs.domain.periods import LIFETIME_END_MS
from ocs.domain.reservation import ServiceTerms


class PriceInForce(NamedTuple):
    """What the book says of a service at a moment.

    terms: the same object for the same line of the same version. until_ms: the first moment from
    which another line or version may price it; 0 = no end is known.
    """

    terms: ServiceTerms
    until_ms: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A line's prices from a moment on: by default, and of the calendar's entries that differ."""

    start_ms: int
    terms: ServiceTerms
    calendar: Calendar | None = None
    by_entry: Mapping[str, ServiceTerms] = field(default_factory=dict)


class Line:
    """The variants of a line, each until the next one begins; the first prices all before it.

    It remembers what it found last, which most calls want again: a price is in force for hours.
    """

    __slots__ = ("_end_ms", "_found", "_start_ms", "_starts", "variants")

    def __init__(self, variants: Sequence[Variant]) -> None:
        """variants: at least one, in order of time."""
        self.variants = tuple(variants)
        self._starts = [variant.start_ms for variant in variants]
        first = self.variants[0]
        self._found = PriceInForce(first.terms, 0)
        self._start_ms = 0
        self._end_ms = LIFETIME_END_MS if len(variants) == 1 and first.calendar is None else 0

    def at(self, at_ms: int) -> PriceInForce:
        """Return what prices a moment."""
        if self._start_ms <= at_ms < self._end_ms:
            return self._found
        return self._find(at_ms)

    def _find(self, at_ms: int) -> PriceInForce:
        found = self._price(at_ms)
        self._found = found
        self._start_ms = at_ms
        self._end_ms = found.until_ms or LIFETIME_END_MS
        return found

    def _price(self, at_ms: int) -> PriceInForce:
        index = max(0, bisect_right(self._starts, at_ms) - 1)
        variant = self.variants[index]
        until = self._starts[index + 1] if index + 1 < len(self._starts) else 0
        if variant.calendar is None:
            return PriceInForce(variant.terms, until)
        in_force = variant.calendar.at(at_ms)
        terms = variant.by_entry.get(in_force.entry, variant.terms)
        return PriceInForce(terms, sooner(until, in_force.until_ms))


# By zone; None is the key of no line.
Lines = Mapping[str | None, Line]


def sooner(one_ms: int, other_ms: int) -> int:
    """Return the sooner of two ends, 0 being none."""
    return min(one_ms, other_ms) if one_ms and other_ms else one_ms or other_ms
