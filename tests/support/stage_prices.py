"""What services cost on a stage where a case says nothing else."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.units import Unit
from tests.support.tariffs import tariff_of

MONEY: Final = 1_000_000
VALIDITY_MS: Final = 600_000

# Unit, increment, and micro-units for so many units.
PRICES: Final[Mapping[str, tuple[Unit, Rate]]] = MappingProxyType(
    {
        "work": (Unit.COUNT, Rate.flat(1, 1, 1)),
        "data": (Unit.OCTETS, Rate.flat(1, 1, 1)),
        "call": (Unit.SECONDS, Rate.flat(1, MONEY, 1)),
        "call-by-minute": (Unit.SECONDS, Rate.flat(60, MONEY, 1)),
        "talk": (Unit.SECONDS, Rate.per_increment(1, MONEY, 60)),
        "message": (Unit.COUNT, Rate.flat(1, 150_000, 1)),
        "package": (Unit.OCTETS, Rate.per_increment(1_000, 3 * MONEY, 1)),
        "call-at-10": (Unit.SECONDS, Rate.per_increment(60, 10 * MONEY, 1)),
        "at-1.15": (Unit.COUNT, Rate.flat(1, 1_150_000, 1)),
        "at-2": (Unit.COUNT, Rate.flat(1, 2 * MONEY, 1)),
        "at-2.20": (Unit.COUNT, Rate.flat(1, 2_200_000, 1)),
        "at-3.30": (Unit.COUNT, Rate.flat(1, 3_300_000, 1)),
        "at-5": (Unit.COUNT, Rate.flat(1, 5 * MONEY, 1)),
        "set-up": (Unit.COUNT, Rate.flat(1, 1_120_000, 1)),
    }
)


def tariff_at(prices: Mapping[str, tuple[Unit, Rate]]) -> Tariff:
    """Offer services by id, each by its unit, at home."""
    lines = (
        ServiceTerms(name, unit, HOME_ZONE, rate, 1, VALIDITY_MS, "cases")
        for name, (unit, rate) in prices.items()
    )
    return tariff_of("cases", lines)
