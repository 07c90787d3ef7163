"""What a session costs, worked out anew: in fractions, for the whole session at once.

Shares no code with the service: bands instead of compiled steps, no base, no rest, no doubles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor


@dataclass(frozen=True, slots=True)
class Band:
    """From a position on: whole increments, so many micro-units per unit."""

    start: int
    increment: int
    price: Fraction


@dataclass(frozen=True, slots=True)
class PriceList:
    """Bands in order; rounding `half_up`, `up` or `down` to whole quanta; most 0 = no bound."""

    bands: tuple[Band, ...]
    rounding: str = "half_up"
    quantum: int = 1
    most: int = 0
    fee: int = 0

    def boundary(self, units: int, *, tiered: bool) -> int:
        """The end of the increment that a position is in; of tiers, counted from the start."""
        band = self.bands[0] if tiered else [b for b in self.bands if b.start <= units][-1]
        return band.start + ceil(Fraction(units - band.start, band.increment)) * band.increment

    def cost(self, units: int) -> int:
        """Micro-units of the first so many units."""
        ends = [band.start for band in self.bands[1:]] + [units]
        exact = sum(
            ((min(end, units) - band.start) * band.price)
            for band, end in zip(self.bands, ends, strict=True)
            if band.start < units
        ) / Fraction(self.quantum)
        whole = {
            "half_up": lambda: floor(exact + Fraction(1, 2)),
            "up": lambda: ceil(exact),
            "down": lambda: floor(exact),
        }[self.rounding]()
        micros = whole * self.quantum
        return min(micros, self.most) if self.most else micros


def session_money(
    use: Sequence[tuple[int, PriceList]], units_paid: int = 0, tier_used: int | None = None
) -> int:
    """Money for a whole session: (units, price) in the order of their use.

    units_paid: rated units that buckets of units pay for, the first ones. tier_used: the account's
    use in the period before this session, for prices that go by it.
    """
    tiered, shift = tier_used is not None, tier_used or 0
    used = rated = money = 0
    for units, prices in use:
        if used == 0 and units > 0:
            money += prices.fee
        used += units
        end = max(rated, prices.boundary(used, tiered=tiered))
        low, high = max(rated, units_paid), max(end, units_paid)
        money += prices.cost(high + shift) - prices.cost(low + shift)
        rated = end
    return money


def rated_units(use: Sequence[tuple[int, PriceList]], *, tiered: bool = False) -> int:
    """Units that a whole session is rated for: increments rounded up."""
    used = rated = 0
    for units, prices in use:
        used += units
        rated = max(rated, prices.boundary(used, tiered=tiered))
    return rated
