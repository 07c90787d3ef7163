"""Reads what a line of a tariff document costs.

A line is read from a chain of tables, the nearest first: what a table leaves unsaid is as the next
one says it. The price itself is not put together from several: the first table that has one has all
of it, and only what belongs to one single price (per, increment, minimum) may stand behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Rounding, Stretch
from ocs.domain.tariff_table import ID, Table, TariffError
from ocs.limits import QUANTITY_MAX, RATE_STEPS_MAX

# How the price is said: one price, or nothing, or steps that say it each.
KINDS: Final = ("price", "free", "steps", "tiers")
_OF_ONE_PRICE: Final = ("per", "increment", "minimum")
_STEP_KEYS: Final = frozenset({"from", "price", "per", "increment"})
_TIER_PERIODS: Final = ("hour", "day", "week", "month", "year")
_TIER_KEYS: Final = frozenset({"period", "increment", "steps"})
# Use is counted in whole increments of a session, and the same ones whatever tier prices them.
_TIER_STEP_KEYS: Final = frozenset({"from", "price", "per"})
PRICE_KEYS: Final = frozenset(
    {*KINDS, *_OF_ONE_PRICE, "connect_fee", "max_session_cost", "rounding", "round_to"}
)
WHOLESALE_KEYS: Final = frozenset({"partner", "price", "free", *_OF_ONE_PRICE})

Chain = Sequence[Table]


@dataclass(frozen=True, slots=True)
class Wholesale:
    """What a carrier is owed. currency: of the agreement with it. rate: in its micro-units."""

    partner: str
    currency: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Price:
    """A line's price. least: the first increment, units.

    period: of the use whose position prices instead of the session's; None: the session's does.
    """

    rate: Rate
    least: int
    period: Period | None


def has_price(table: Table) -> bool:
    """Say whether a table has a price of its own."""
    return any(kind in table for kind in KINDS)


def says(chain: Chain, key: str) -> Table | None:
    """Return the nearest table that says something."""
    return next((table for table in chain if key in table), None)


def read_price(chain: Chain, discount: Fraction) -> Price:
    """Compile the price of a line, some table of whose chain has one. Raises TariffError.

    discount: the part taken off, 0 .. 1, of each unit's price and of the connect fee; a most that a
    session costs stays as it is.
    """
    behind = chain[next(at for at, table in enumerate(chain) if has_price(table)) :]
    priced = behind[0]
    kinds = [kind for kind in KINDS if kind in priced]
    if len(kinds) > 1:
        raise TariffError(priced.at(kinds[1]), f"is said beside {kinds[0]}: one of them is right")
    period = None
    if kinds[0] == "steps":
        _refuse_one_price(priced)
        stretches = _steps(priced, _STEP_KEYS, 1)
    elif kinds[0] == "tiers":
        _refuse_one_price(priced)
        table = priced.table("tiers", _TIER_KEYS)
        period = Period(table.one_of("period", _TIER_PERIODS))
        stretches = _steps(table, _TIER_STEP_KEYS, table.integer("increment", 1, QUANTITY_MAX))
        if (most := says(chain, "max_session_cost")) is not None:
            raise TariffError(
                most.at("max_session_cost"), "cannot bound tiers: no session has them"
            )
    else:
        stretches = _one_price(behind, free=kinds[0] == "free")
    rate = _compiled(chain, priced.at(kinds[0]), stretches, 1 - discount)
    return Price(rate, stretches[0].increment, period)


def read_wholesale(table: Table, chain: Chain, partners: Mapping[str, str]) -> Wholesale:
    """Compile a wholesale price; increments that it leaves unsaid are the retail line's own.

    partners: currencies by partner. Raises TariffError.
    """
    partner = table.text("partner", ID, "must be one of the partners")
    if partner not in partners:
        raise TariffError(table.at("partner"), "must be one of the partners")
    kinds = [kind for kind in ("price", "free") if kind in table]
    if len(kinds) != 1:
        raise TariffError(table.at("price"), "is required, or free: true")
    steps = says(chain, "steps") or says(chain, "tiers")
    tables = [table] if steps is not None else [table, *chain]
    stretches = _one_price(tables, free=kinds[0] == "free")
    try:
        return Wholesale(partner, partners[partner], Rate.compiled(stretches))
    except ValueError as error:
        raise TariffError(table.at(kinds[0]), str(error)) from None


def _compiled(chain: Chain, where: str, stretches: list[Stretch], part: Fraction) -> Rate:
    texts = {rounding.value: rounding for rounding in Rounding}
    rounding, quantum = says(chain, "rounding"), says(chain, "round_to")
    most, fee = says(chain, "max_session_cost"), says(chain, "connect_fee")
    connect = _whole(fee, "connect_fee", part=part) if fee else 0
    try:
        return Rate.compiled(
            [step._replace(price=step.price * part) for step in stretches],
            rounding=texts[rounding.one_of("rounding", texts)] if rounding else Rounding.HALF_UP,
            quantum=_whole(quantum, "round_to", least=1) if quantum else 1,
            max_micros=_use_at_most(most, connect),
            connect_micros=connect,
        )
    except ValueError as error:
        if isinstance(error, TariffError):
            raise
        raise TariffError(where, str(error)) from None


def _refuse_one_price(priced: Table) -> None:
    for key in _OF_ONE_PRICE:
        if key in priced:
            raise TariffError(priced.at(key), "is said in each of the steps")


def _one_price(chain: Chain, *, free: bool) -> list[Stretch]:
    increment = _units(chain, "increment", 1)
    if free:
        if not chain[0].truth("free"):
            raise TariffError(chain[0].at("free"), "must be true, or not said")
        price = Fraction(0)
    else:
        price = chain[0].money("price") / _units(chain, "per", increment)
    minimum = _units(chain, "minimum", increment)
    if minimum == increment:
        return [Stretch(0, increment, price)]
    return [Stretch(0, minimum, price), Stretch(minimum, increment, price)]


def _steps(line: Table, keys: frozenset[str], default_increment: int) -> list[Stretch]:
    stretches: list[Stretch] = []
    for step in line.list_of_tables("steps", keys, RATE_STEPS_MAX):
        increment = step.integer("increment", default_increment, QUANTITY_MAX)
        price = step.money("price") / step.integer("per", increment, QUANTITY_MAX)
        if not stretches:
            if "from" in step:
                raise TariffError(step.at("from"), "is 0 in the first step, and not said")
            start = 0
        else:
            start = step.integer("from", 0, QUANTITY_MAX)
            before = stretches[-1]
            if start <= before.start or (start - before.start) % before.increment:
                raise TariffError(
                    step.at("from"),
                    f"must be {before.start} and a whole number of increments of"
                    f" {before.increment}, where the step before ends one",
                )
        stretches.append(Stretch(start, increment, price))
    return stretches


def _units(chain: Chain, key: str, default: int) -> int:
    table = says(chain, key)
    return table.integer(key, default, QUANTITY_MAX) if table is not None else default


def _whole(table: Table, key: str, least: int = 0, part: Fraction = Fraction(1)) -> int:
    micros = table.money(key) * part
    if micros.denominator != 1 or micros < least:
        less = " with the discount" if part != 1 else ""
        raise TariffError(table.at(key), f"must be whole micro-units of the currency{less}")
    return int(micros)


def _use_at_most(most: Table | None, connect_micros: int) -> int:
    """What use may cost, the connect fee taken off; 0 = no bound."""
    if most is None:
        return 0
    left = _whole(most, "max_session_cost") - connect_micros
    if left <= 0:
        raise TariffError(most.at("max_session_cost"), "must be more than the connect fee")
    return left
