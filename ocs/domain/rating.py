"""Prices as exact fractions: cost is a function of cumulative use.

A charge is the difference of two costs, so reports in between never drift: the stretch [q, t)
costs C(t) - C(q), and every cut point cancels. C is rounded once, half up to the micro-unit.
The next tariff engine replaces the one step here by several; everything above only uses `cost`,
`round_up`, `round_down` and `reach`.
"""

from dataclasses import dataclass
from math import gcd

from ocs.limits import QUANTITY_MAX


class PriceTooFineError(ValueError):
    """A price fraction whose products would leave the exact range: refused at load."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate step: `num / den` micro-units per unit, charged in whole increments.

    increment: units, 1 .. 2^53-1. num: 0 .. 2^53-1, den: 1 .. 2^53-1, reduced, and
    (den - 1) * num <= 2^53-1, so that every product below is exact in a double.
    """

    increment: int
    num: int
    den: int

    def __post_init__(self) -> None:
        if not 1 <= self.increment <= QUANTITY_MAX:
            message = "increment must be 1 .. 2^53-1"
            raise ValueError(message)
        if self.num < 0 or self.den < 1 or gcd(self.num, self.den) != 1:
            message = "price must be a reduced fraction, not negative"
            raise ValueError(message)
        if self.num > QUANTITY_MAX or (self.den - 1) * self.num > QUANTITY_MAX:
            message = "PRICE_TOO_FINE: (den - 1) * num must be at most 2^53-1"
            raise PriceTooFineError(message)

    @classmethod
    def per_increment(cls, increment: int, price_micros_num: int, price_micros_den: int) -> "Rate":
        """Build from a price per increment: a fraction of micro-units."""
        num, den = price_micros_num, price_micros_den * increment
        divisor = gcd(num, den)
        return cls(increment, num // divisor, den // divisor)

    def cost(self, units: int) -> int | None:
        """C(units) in micro-units, half up; None when it would pass 2^53-1."""
        micros = (2 * units * self.num + self.den) // (2 * self.den)
        return micros if micros <= QUANTITY_MAX else None

    def round_down(self, units: int) -> int:
        """Return the last increment boundary at or before `units`."""
        return units - units % self.increment

    def round_up(self, units: int) -> int | None:
        """Return the first increment boundary at or after `units`; None past 2^53-1."""
        boundary = -(-units // self.increment) * self.increment
        return boundary if boundary <= QUANTITY_MAX else None

    def reach(self, start: int, end: int, micros: int) -> int:
        """Return the largest e in [start, end] whose stretch from `start` costs at most `micros`.

        `start` itself must be priced (its cost not None).
        """
        base = self.cost(start)
        assert base is not None
        low, high = start, end
        while low < high:
            middle = low + (high - low + 1) // 2
            cost = self.cost(middle)
            if cost is not None and cost - base <= micros:
                low = middle
            else:
                high = middle - 1
        return low
