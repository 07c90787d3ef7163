"""Reads how much a line of a tariff document grants at once.

A partial grant is at least `grant_min`, by default the first increment; who names no units is
granted `grant_default`; no grant is more than `grant_max`.
"""

from typing import Final, NamedTuple

from ocs.domain.price_function import grid_of
from ocs.domain.tariff_price import Chain, Price, says
from ocs.domain.tariff_table import TariffError
from ocs.limits import QUANTITY_MAX

GRANT_KEYS: Final = frozenset({"grant_min", "grant_default", "grant_max"})


class GrantSizes(NamedTuple):
    """Units of a grant. default, most: 0 = not said."""

    least: int
    default: int
    most: int


def read_grant_sizes(chain: Chain, price: Price) -> GrantSizes:
    """Read the sizes of a line's grants, each from the nearest table that says it.

    Raises TariffError: they fall, or default and most are no whole increments of the price.
    """
    least = _units(chain, "grant_min") or price.least
    default = _whole(chain, "grant_default", price)
    most = _whole(chain, "grant_max", price)
    _not_below(chain, "grant_default", default, least)
    _not_below(chain, "grant_max", most, default or least)
    return GrantSizes(least, default, most)


def _units(chain: Chain, key: str) -> int:
    table = says(chain, key)
    return table.integer(key, 1, QUANTITY_MAX) if table is not None else 0


def _whole(chain: Chain, key: str, price: Price) -> int:
    units = _units(chain, key)
    grid = grid_of(price.rate, tiered=price.period is not None)
    below = grid.round_down(units)
    if below == units:
        return units
    table = says(chain, key)
    assert table is not None
    above = grid.round_up(units)
    fitting = " or ".join(str(fit) for fit in (below, above) if fit)
    raise TariffError(table.at(key), f"must be whole increments of the price, such as {fitting}")


def _not_below(chain: Chain, key: str, units: int, least: int) -> None:
    if 0 < units < least:
        table = says(chain, key)
        assert table is not None
        raise TariffError(table.at(key), f"must be at least {least}, the size below it")
