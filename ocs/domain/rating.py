"""Prices as exact fractions: cost is a function of cumulative use.

A charge is the difference of two costs, so reports in between never drift: the stretch [q, t)
costs C(t) - C(q), and every cut point cancels. C is rounded once, however many steps it has:
what the steps before leave behind the point is part of the next one's fraction.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from ocs.limits import QUANTITY_MAX, RATE_STEPS_MAX


class PriceTooFineError(ValueError):
    """A price fraction whose products would leave the exact range: refused at load."""


class Rounding(StrEnum):
    """What becomes of a cost between two quanta; the values are the store's words."""

    HALF_UP = "half_up"
    UP = "up"
    DOWN = "down"


class Stretch(NamedTuple):
    """A price list's line: from a position on, so much per unit, in whole increments.

    start: units, 0 .. 2^53-1. increment: units, 1 .. 2^53-1. price: micro-units per unit, not
    negative.
    """

    start: int
    increment: int
    price: Fraction


@dataclass(frozen=True, slots=True)
class RateStep:
    """A line of the price list, compiled: C(start + x) = base + (rest + x * num) / den quanta.

    The fraction is over one denominator for price and rest, so that one division rounds. All are
    0 .. 2^53-1, rest < den, and (den - 1) * num + rest <= 2^53-1, so that every product is exact
    in a double.
    """

    start: int
    increment: int
    num: int
    den: int
    base: int
    rest: int

    def __post_init__(self) -> None:
        if not 1 <= self.increment <= QUANTITY_MAX:
            message = "increment must be 1 .. 2^53-1"
            raise ValueError(message)
        if self.num < 0 or self.den < 1 or gcd(self.num, self.den, self.rest) != 1:
            message = "price must be a reduced fraction, not negative"
            raise ValueError(message)
        if self.num > QUANTITY_MAX or (self.den - 1) * self.num + self.rest > QUANTITY_MAX:
            message = "PRICE_TOO_FINE: (den - 1) * num must be at most 2^53-1"
            raise PriceTooFineError(message)
        if not 0 <= self.start <= QUANTITY_MAX or not 0 <= self.base <= QUANTITY_MAX:
            message = "a step must begin, and the steps before it cost, 0 .. 2^53-1"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Rate:
    """What a session of one service costs, by how far it has come.

    steps: 1 .. 8, the first from 0, each beginning where the one before ends an increment.
    rounding: to whole quanta. quantum: micro-units, 1 .. 2^53-1. max_micros: the use of a session
    costs no more; 0 = no such bound. connect_micros: an item of its own, due once, at the session's
    first used unit, from money; with max_micros at most 2^53-1.
    """

    steps: tuple[RateStep, ...]
    rounding: Rounding = Rounding.HALF_UP
    quantum: int = 1
    max_micros: int = 0
    connect_micros: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= RATE_STEPS_MAX:
            message = f"a rate must have 1 to {RATE_STEPS_MAX} steps"
            raise ValueError(message)
        if self.steps[0].start != 0:
            message = "the first step must begin at 0"
            raise ValueError(message)
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            if after.start <= before.start or (after.start - before.start) % before.increment:
                message = "a step must begin where the one before ends an increment"
                raise ValueError(message)
        if not 1 <= self.quantum <= QUANTITY_MAX or not 0 <= self.max_micros <= QUANTITY_MAX:
            message = "quantum must be 1 .. 2^53-1, max_micros 0 .. 2^53-1"
            raise ValueError(message)
        if not 0 <= self.connect_micros <= QUANTITY_MAX - self.max_micros:
            message = "connect_micros must be 0 .. 2^53-1, max_micros included"
            raise ValueError(message)

    @classmethod
    def flat(cls, increment: int, num: int, den: int) -> "Rate":
        """Build from a reduced fraction of micro-units per unit, the same for all use."""
        return cls((RateStep(0, increment, num, den, 0, 0),))

    @classmethod
    def per_increment(cls, increment: int, price_micros_num: int, price_micros_den: int) -> "Rate":
        """Build from a price per increment: a fraction of micro-units."""
        return cls.compiled(
            [Stretch(0, increment, Fraction(price_micros_num, price_micros_den * increment))]
        )

    @classmethod
    def compiled(
        cls,
        stretches: Sequence[Stretch],
        *,
        rounding: Rounding = Rounding.HALF_UP,
        quantum: int = 1,
        max_micros: int = 0,
        connect_micros: int = 0,
    ) -> "Rate":
        """Compile a price list, in order of position.

        Raises PriceTooFineError if a product could leave the exact range, ValueError for what else
        breaks a rule of Rate or RateStep.
        """
        steps = []
        reached = Fraction(0)  # C(start) in quanta, exact
        for number, (start, increment, price) in enumerate(stretches):
            per_unit = price / quantum
            base = reached.numerator // reached.denominator
            left = reached - base
            den = lcm(per_unit.denominator, left.denominator)
            steps.append(
                RateStep(start, increment, int(per_unit * den), den, base, int(left * den))
            )
            if number + 1 < len(stretches):
                reached += (stretches[number + 1].start - start) * per_unit
        return cls(tuple(steps), rounding, quantum, max_micros, connect_micros)

    def price_list(self) -> list[Stretch]:
        """Return the lines that it was compiled from."""
        return [
            Stretch(step.start, step.increment, Fraction(step.num * self.quantum, step.den))
            for step in self.steps
        ]

    def cost(self, units: int) -> int | None:
        """C(units) in micro-units; None when it would pass 2^53-1, with the connect fee."""
        step = self._step(units)
        parts = step.rest + (units - step.start) * step.num
        if self.rounding is Rounding.HALF_UP:
            quanta = (2 * parts + step.den) // (2 * step.den)
        elif self.rounding is Rounding.UP:
            quanta = -(-parts // step.den)
        else:
            quanta = parts // step.den
        micros = (step.base + quanta) * self.quantum
        if self.max_micros:
            return min(micros, self.max_micros)
        return micros if micros <= QUANTITY_MAX - self.connect_micros else None

    def round_down(self, units: int) -> int:
        """Return the last increment boundary at or before `units`."""
        step = self._step(units)
        return units - (units - step.start) % step.increment

    def round_up(self, units: int) -> int | None:
        """Return the first increment boundary at or after `units`; None past 2^53-1."""
        step = self._step(units)
        boundary = units + -(units - step.start) % step.increment
        return boundary if boundary <= QUANTITY_MAX else None

    def step_number(self, units: int) -> int:
        """Return which step, from 1, prices what comes after `units`."""
        return bisect_right(self.steps, units, key=lambda step: step.start)

    def _step(self, units: int) -> RateStep:
        return self.steps[self.step_number(units) - 1]
