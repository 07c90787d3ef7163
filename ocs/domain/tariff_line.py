"""What one service costs in one zone on one plan, in the course of time."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ocs.domain.calendar import Calendar
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
    """The variants of a line, each until the next one begins; the first prices all before it."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        """variants: at least one, in order of time."""
        self.variants = tuple(variants)
        self._starts = [variant.start_ms for variant in variants]
        first = self.variants[0]
        plain = len(variants) == 1 and first.calendar is None
        self._always = PriceInForce(first.terms, 0) if plain else None

    def at(self, at_ms: int) -> PriceInForce:
        """Return what prices a moment."""
        if self._always is not None:
            return self._always
        index = max(0, bisect_right(self._starts, at_ms) - 1)
        variant = self.variants[index]
        until = self._starts[index + 1] if index + 1 < len(self._starts) else 0
        if variant.calendar is None:
            return PriceInForce(variant.terms, until)
        in_force = variant.calendar.at(at_ms)
        terms = variant.by_entry.get(in_force.entry, variant.terms)
        return PriceInForce(terms, sooner(until, in_force.until_ms))


def sooner(one_ms: int, other_ms: int) -> int:
    """Return the sooner of two ends, 0 being none."""
    return min(one_ms, other_ms) if one_ms and other_ms else one_ms or other_ms
