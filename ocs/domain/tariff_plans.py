"""Reads the services and plans of a tariff document.

services:
  voice:
    unit: seconds
    price: "0.09"                    # a line: what the service costs at home
    zones:
      eu: {price: "0.19"}            # a line: what differs there; its price is required
plans:
  prepaid:
    services: [voice]
  family:
    extends: prepaid                 # its services, prices and discount, too
    discount: "10"                   # percent
    prices:
      voice: {price: "0.05"}         # what differs on this plan; zones here as in the service
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from ocs import limits
from ocs.domain.tariff import HOME_ZONE
from ocs.domain.tariff_line import Line, Lines
from ocs.domain.tariff_lines import LINE_KEYS, LineCompiler, LinePlace
from ocs.domain.tariff_price import has_price
from ocs.domain.tariff_table import ID, Faults, Table, TariffError
from ocs.domain.units import Unit

_PERCENT: Final = re.compile(r"100(?:\.0{1,2})?|(?:0|[1-9][0-9]?)(?:\.[0-9]{1,2})?", re.ASCII)
_PLAN_KEYS: Final = frozenset({"extends", "services", "discount", "prices"})
_ID_RULE: Final = f"must match {limits.ID_PATTERN}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service's own table, its tables by zone, and what they cost where no plan differs."""

    table: Table
    unit: Unit
    zones: Mapping[str, Table]
    lines: Lines


@dataclass(slots=True)
class _Plan:
    """A plan while it is read: the tables of the plans that it extends are behind its own."""

    table: Table
    offered: dict[str, None] = field(default_factory=dict)
    tables: dict[str, list[tuple[Table, Mapping[str, Table]]]] = field(default_factory=dict)
    discounts: dict[str, Fraction] = field(default_factory=dict)
    discount: Fraction = Fraction(0)
    lines: dict[str, Lines] = field(default_factory=dict)
    depth: int = 1


def read_services(
    top: Table, zones: set[str], compiler: LineCompiler, faults: Faults
) -> dict[str, Service]:
    """Read the services by id."""
    services: dict[str, Service] = {}
    units = [unit.value for unit in Unit if unit is not Unit.MICROS]
    with faults.collected():
        for service_id, table in top.tables("services", {"unit", "zones", *LINE_KEYS}):
            with faults.collected():
                unit = Unit(table.one_of("unit", units))
                by_zone = dict(_zones(table, zones))
                for there in by_zone.values():
                    if not has_price(there):
                        raise TariffError(there.at("price"), "is required")
                if not by_zone and not has_price(table):
                    raise TariffError(table.at("price"), "is required, here or in a zone")
                lines: dict[str | None, Line] = {}
                for zone, chain in _chains([(table, by_zone)]):
                    place = LinePlace("", service_id, unit, zone)
                    with faults.collected():
                        lines[zone] = compiler.line(place, chain, Fraction(0))
                services[service_id] = Service(table, unit, by_zone, lines)
    return services


def read_plans(
    top: Table,
    services: Mapping[str, Service],
    zones: set[str],
    compiler: LineCompiler,
    faults: Faults,
) -> dict[tuple[str, str], Lines]:
    """Read the plans: what each of their services costs, by plan and service."""
    tables: dict[str, Table] = {}
    with faults.collected():
        tables.update(top.tables("plans", _PLAN_KEYS))
        if not 1 <= len(tables) <= limits.PLANS_MAX:
            raise TariffError("plans", f"must have 1 to {limits.PLANS_MAX} plans")
    faults.raise_if_any()
    # None: a plan that could not be read, whose fault is told once.
    plans: dict[str, _Plan | None] = {}
    for name in tables:
        with faults.collected():
            for each, base in _bases_first(name, tables, plans):
                plans[each] = None
                below = plans[base] if base else None
                if not base or below is not None:
                    reader = _PlanReader(each, tables[each], services, zones, compiler)
                    plans[each] = reader.read(below)
    return {
        (name, service_id): lines
        for name, plan in plans.items()
        if plan is not None
        for service_id, lines in plan.lines.items()
    }


def _bases_first(
    name: str, tables: Mapping[str, Table], done: Mapping[str, _Plan | None]
) -> list[tuple[str, str]]:
    """The plans not yet read that a plan extends, the furthest first, and itself, with bases."""
    path: list[tuple[str, str]] = []
    while name and name not in done:
        table = tables[name]
        base = table.text("extends", ID, _ID_RULE) if "extends" in table else ""
        if base and base not in tables:
            raise TariffError(table.at("extends"), "is not one of the plans")
        path.append((name, base))
        if base in {each for each, _ in path}:
            raise TariffError(table.at("extends"), "leads back to this plan: plans in a circle")
        name = base
    return path[::-1]


@dataclass(frozen=True, slots=True)
class _PlanReader:
    name: str
    table: Table
    services: Mapping[str, Service]
    zones: set[str]
    compiler: LineCompiler

    def read(self, base: _Plan | None) -> _Plan:
        """Read the plan on top of the one that it extends."""
        plan = _Plan(self.table)
        if base is not None:
            plan.depth = base.depth + 1
            if plan.depth > limits.PLAN_DEPTH_MAX:
                raise TariffError(
                    self.table.at("extends"),
                    f"must end after at most {limits.PLAN_DEPTH_MAX} plans",
                )
            plan.offered.update(base.offered)
            plan.tables = {service: list(tables) for service, tables in base.tables.items()}
            plan.discounts, plan.discount = dict(base.discounts), base.discount
            plan.lines.update(base.lines)
        self._offer(plan)
        own = self._own_prices(plan)
        for service_id in plan.offered:
            if own is None or service_id in own:
                plan.lines[service_id] = self._lines(plan, service_id)
            elif service_id not in plan.lines:
                plan.lines[service_id] = self.services[service_id].lines
        return plan

    def _offer(self, plan: _Plan) -> None:
        for index, service_id in enumerate(self.table.texts("services", ID, _ID_RULE)):
            if service_id not in self.services:
                path = f"{self.table.at('services')}[{index}]"
                raise TariffError(path, "is not one of the services")
            plan.offered[service_id] = None
        if not plan.offered:
            raise TariffError(self.table.at("services"), "must name at least one service")

    def _own_prices(self, plan: _Plan) -> set[str] | None:
        """The services whose prices differ from those of the plan that it extends; None: all."""
        own: set[str] = set()
        for service_id, table in self.table.tables("prices", {"zones", "discount", *LINE_KEYS}):
            if service_id not in plan.offered:
                raise TariffError(table.path, "is not one of the services of this plan")
            if "discount" in table:
                plan.discounts[service_id] = _discount(table)
            by_zone = dict(_zones(table, self.zones))
            plan.tables.setdefault(service_id, []).insert(0, (table, by_zone))
            own.add(service_id)
        if "discount" not in self.table:
            return own
        plan.discount = _discount(self.table)
        # The nearest word stands: this plan's own of a service, else this plan's.
        kept = own & plan.discounts.keys()
        plan.discounts = {
            service: plan.discounts[service]
            for service in kept
            if "discount" in plan.tables[service][0][0]
        }
        return None

    def _lines(self, plan: _Plan, service_id: str) -> Lines:
        service = self.services[service_id]
        tables = [*plan.tables.get(service_id, ()), (service.table, service.zones)]
        discount = plan.discounts.get(service_id, plan.discount)
        return {
            zone: self.compiler.line(
                LinePlace(self.name, service_id, service.unit, zone), chain, discount
            )
            for zone, chain in _chains(tables)
        }


def _chains(
    tables: list[tuple[Table, Mapping[str, Table]]],
) -> Iterator[tuple[str, list[Table]]]:
    """The zones that have a price, with the tables that say it: of the zone, then of all zones."""
    everywhere = [table for table, _ in tables]
    if any(map(has_price, everywhere)):
        yield HOME_ZONE, everywhere
    named = dict.fromkeys(zone for _, by_zone in tables for zone in by_zone)
    for zone in named:
        there = [by_zone[zone] for _, by_zone in tables if zone in by_zone]
        if not any(map(has_price, there)):
            raise TariffError(there[0].at("price"), "is required")
        yield zone, [*there, *everywhere]


def _zones(table: Table, zones: set[str]) -> Iterator[tuple[str, Table]]:
    for zone, line in table.tables("zones", LINE_KEYS):
        if zone not in zones:
            raise TariffError(line.path, "is not one of the zones")
        yield zone, line


def _discount(table: Table) -> Fraction:
    rule = 'must be a percentage in quotes such as "12.5", from "0" to "100"'
    return Fraction(table.text("discount", _PERCENT, rule)) / 100
