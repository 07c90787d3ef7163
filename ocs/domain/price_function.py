"""What a stretch of use costs: one price list, or several of them joined.

Whatever prices a charge or a hold is a function of the session's position that never falls; who
pays for which part of it is decided on that function alone (allocation.py). A price list (Rate)
is one. Three more are made of price lists: spliced where the price changed in the middle of the
use, moved along to where an account's use of a tier stands, and the dearest of several for a hold
that may be used under any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple, Protocol

from ocs.domain.rating import Rate, RateStep, Rounding
from ocs.limits import QUANTITY_MAX


class PriceFunction(Protocol):
    """What a session costs up to a position; only differences mean anything."""

    @property
    def connect_micros(self) -> int:
        """The connect fee of a session that begins with it."""

    def cost(self, units: int) -> int | None:
        """Micro-units up to a position; None where that is past 2^53-1, with the connect fee."""

    def round_down(self, units: int) -> int:
        """Return the last increment boundary at or before a position."""

    def round_up(self, units: int) -> int | None:
        """Return the first increment boundary at or after a position; None past 2^53-1."""


class Part(NamedTuple):
    """A price list inside a joined one: C(units + shift) + add, up to `end`."""

    price: Rate
    shift: int
    add: int
    end: int = QUANTITY_MAX

    def cost(self, units: int) -> int | None:
        """Micro-units up to a position of the session."""
        at = units + self.shift
        micros = self.price.cost(at) if at <= QUANTITY_MAX else None
        return None if micros is None else micros + self.add


@dataclass(frozen=True, slots=True)
class Joined:
    """Price lists that price one stretch together. Built by decide/pricing.py.

    parts: in order of `end` if each prices what comes after the one before; all alike if the
    dearest counts. grid: the price list whose increments count.
    """

    parts: tuple[Part, ...]
    grid: Rate
    connect_micros: int
    dearest: bool = False

    def cost(self, units: int) -> int | None:
        """As PriceFunction says; where a part has no price there is none."""
        if not self.dearest:
            found = next((part for part in self.parts if units <= part.end), self.parts[-1])
            micros = found.cost(units)
        else:
            costs = [part.cost(units) for part in self.parts]
            priced = [cost for cost in costs if cost is not None]
            micros = max(priced) if len(priced) == len(costs) else None
        fits = micros is not None and micros <= QUANTITY_MAX - self.connect_micros
        return micros if fits else None

    def round_down(self, units: int) -> int:
        """As PriceFunction says."""
        return self.grid.round_down(units)

    def round_up(self, units: int) -> int | None:
        """As PriceFunction says."""
        return self.grid.round_up(units)


def reach(price: PriceFunction, start: int, end: int, micros: int) -> int:
    """Return the largest e in [start, end] whose stretch from `start` costs at most `micros`.

    `start` itself must be priced (its cost not None).
    """
    base = price.cost(start)
    assert base is not None
    low, high = start, end
    while low < high:
        middle = low + (high - low + 1) // 2
        cost = price.cost(middle)
        if cost is not None and cost - base <= micros:
            low = middle
        else:
            high = middle - 1
    return low


def steps_of(price: PriceFunction, start: int, end: int) -> list[tuple[int, int]]:
    """Return the first and the last step, from 1, that rate [start, end), of each part in order.

    price: a price list, or what splices or moves some; not the dearest of several. A part that an
    earlier charge rounded up to has the step that comes next.
    """
    if isinstance(price, Joined):
        parts = price.parts
    else:
        assert isinstance(price, Rate)
        parts = (Part(price, 0, 0, end),)
    steps, at = [], start
    for part in parts:
        last = max(at, part.end - 1)
        first_step = part.price.step_number(at + part.shift)
        steps.append((first_step, part.price.step_number(last + part.shift)))
        at = part.end
    return steps


def connect_due(price: PriceFunction, position: int, used_units: int) -> int:
    """Return the connect fee of more use from a position; 0 once something was used."""
    return price.connect_micros if position == 0 and used_units > 0 else 0


def grid_of(rate: Rate, *, tiered: bool) -> Rate:
    """Return the price list whose increments count: those of tiers are the session's own."""
    return Rate.flat(rate.steps[0].increment, 0, 1) if tiered else rate


def tier_moved(rate: Rate, shift: int) -> Joined:
    """Price a session by where the account's use of the tier stands: `shift` units further on."""
    return Joined((Part(rate, shift, 0),), grid_of(rate, tiered=True), rate.connect_micros)


def tier_steps(rate: Rate, first: int, beyond: int) -> list[Rate]:
    """Return each step that prices some of [first, beyond), as a price list of its own.

    Rounded up: what a stretch costs inside a price list never exceeds its dearest step by more.
    """
    ends = [step.start for step in rate.steps[1:]] + [QUANTITY_MAX + 1]
    return [
        Rate(
            (RateStep(0, step.increment, *_reduced(step.num, step.den), 0, 0),),
            Rounding.UP,
            rate.quantum,
            connect_micros=rate.connect_micros,
        )
        for step, end in zip(rate.steps, ends, strict=True)
        if step.start < beyond and end > first
    ]


def _reduced(num: int, den: int) -> tuple[int, int]:
    common = gcd(num, den)
    return num // common, den // common


def dearest(start: int, prices: Sequence[tuple[Rate, int]], grid: Rate) -> PriceFunction | None:
    """Price what comes after `start` by the dearest of several; None if one has no price there.

    prices: price lists and how far each is moved.
    """
    parts = []
    for rate, shift in prices:
        base = rate.cost(start + shift)
        if base is None:
            return None
        parts.append(Part(rate, shift, -base))
    connect_micros = max(rate.connect_micros for rate, _ in prices)
    return Joined(tuple(parts), grid, connect_micros, dearest=True)
