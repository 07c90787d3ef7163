"""Reads what a line of a tariff document costs."""

from typing import Final

from ocs.domain.rating import PriceTooFineError, Rate, Rounding, Stretch
from ocs.domain.tariff_table import Table, TariffError
from ocs.limits import QUANTITY_MAX, RATE_STEPS_MAX

# How the price is said: one price, or steps that say it each.
_ONE: Final = ("price", "per", "increment", "minimum")
_STEP_KEYS: Final = frozenset({"from", "price", "per", "increment"})
PRICE_KEYS: Final = frozenset(
    {*_ONE, "steps", "connect_fee", "max_session_cost", "rounding", "round_to"}
)


def has_price(line: Table) -> bool:
    """Say whether a line has a price of its own."""
    return "price" in line or "steps" in line


def read_rate(line: Table, service: Table) -> Rate:
    """Compile the price of a line; what it leaves unsaid is as in its service. Raises TariffError.

    A line's own price or steps stand alone: neither is completed by the other kind's words.
    """
    if "steps" in line:
        for key in _ONE:
            if key in line:
                raise TariffError(line.at(key), "is said in each of the steps")
        stretches, where = _steps(line), line.at("steps")
    else:
        stretches, where = _one_price(line, service), line.at("price")
    texts = {rounding.value: rounding for rounding in Rounding}
    rounding = _inherited(line, service, "rounding")
    quantum = _inherited(line, service, "round_to")
    most = _inherited(line, service, "max_session_cost")
    fee = _inherited(line, service, "connect_fee")
    try:
        return Rate.compiled(
            stretches,
            rounding=texts[rounding.one_of("rounding", texts)] if rounding else Rounding.HALF_UP,
            quantum=_whole(quantum, "round_to", least=1) if quantum else 1,
            max_micros=_use_at_most(most, fee),
            connect_micros=_whole(fee, "connect_fee") if fee else 0,
        )
    except PriceTooFineError as error:
        raise TariffError(where, str(error)) from None


def least_unit(line: Table, service: Table) -> int:
    """Return the first increment: the least that is ever charged, or granted in part."""
    if "steps" in line:
        return _steps(line)[0].increment
    return _one_price(line, service)[0].increment


def _one_price(line: Table, service: Table) -> list[Stretch]:
    increment = _units(line, service, "increment", 1)
    price = line.money("price") / _units(line, service, "per", increment)
    minimum = _units(line, service, "minimum", increment)
    if minimum == increment:
        return [Stretch(0, increment, price)]
    return [Stretch(0, minimum, price), Stretch(minimum, increment, price)]


def _steps(line: Table) -> list[Stretch]:
    stretches: list[Stretch] = []
    for step in line.list_of_tables("steps", _STEP_KEYS, RATE_STEPS_MAX):
        increment = step.integer("increment", 1, QUANTITY_MAX)
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


def _units(line: Table, service: Table, key: str, default: int) -> int:
    return line.integer(key, service.integer(key, default, QUANTITY_MAX), QUANTITY_MAX)


def _inherited(line: Table, service: Table, key: str) -> Table | None:
    """The table that says it, the line before its service."""
    return next((table for table in (line, service) if key in table), None)


def _whole(table: Table, key: str, least: int = 0) -> int:
    micros = table.money(key)
    if micros.denominator != 1 or micros < least:
        raise TariffError(table.at(key), "must be whole micro-units of the currency")
    return int(micros)


def _use_at_most(most: Table | None, fee: Table | None) -> int:
    """What use may cost, the connect fee taken off; 0 = no bound."""
    if most is None:
        return 0
    left = _whole(most, "max_session_cost") - (_whole(fee, "connect_fee") if fee else 0)
    if left <= 0:
        raise TariffError(most.at("max_session_cost"), "must be more than the connect fee")
    return left
