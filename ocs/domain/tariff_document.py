"""Reads a tariff document: strict, so that a slip of the pen is an error and never a price.

The input is a decoded TOML or JSON mapping:

    version = "2026-11"                      # id
    currency = "EUR"                         # ISO 4217
    home_networks = ["26298"]                # PLMNs without roaming; optional
    home_prefixes = ["49"]                   # numbers priced as home; optional

    [zones.eu-roaming]                       # optional; a prefix or network is in one zone only
    prefixes = ["33"]                        # E.164 digits of the other end
    visited_networks = ["208", "20801"]      # MCC or PLMN

    [services.data]
    unit = "octets"                          # octets, seconds or count
    increment = 1024                         # charged in whole increments; default 1
    price = "2.00"                           # currency units for `per` units, a decimal string;
    per = 1073741824                         # default one increment. No price: home has none
    grant_min = 1024                         # least partial grant; default one increment
    validity_s = 600                         # 1 .. 86400; default 600

    [services.data.zones.eu-roaming]         # price required, the rest as in the service
    price = "3.50"

    [plans.prepaid]
    services = ["data"]
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from ocs import limits
from ocs.domain.rating import PriceTooFineError, Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.units import Unit

_ID: Final = re.compile(limits.ID_PATTERN, re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,12}))?", re.ASCII)
_PLMN: Final = re.compile(r"[0-9]{5,6}", re.ASCII)
_NETWORK: Final = re.compile(r"[0-9]{3}|[0-9]{5,6}", re.ASCII)
_PREFIX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_PREFIX_RULE: Final = "must be 1 to 15 digits"
_MICROS_PER_CURRENCY_UNIT: Final = 1_000_000

_LINE_KEYS: Final = {"price", "per", "increment", "grant_min", "validity_s"}


class TariffError(ValueError):
    """A document that is no tariff.

    path: where, e.g. `services.data.price`. rule: what is broken there.
    """

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}" if path else rule)
        self.path = path
        self.rule = rule


class _Table:
    """A table of the document with its path; hands out values only of the type asked for."""

    def __init__(self, path: str, value: object, known: set[str]) -> None:
        if not isinstance(value, Mapping):
            raise TariffError(path, "must be a table")
        for key in value:
            if key not in known:
                raise TariffError(_join(path, str(key)), "is not known here")
        self.path = path
        self._value: Mapping[str, object] = value

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def at(self, key: str) -> str:
        """The path of a key."""
        return _join(self.path, key)

    def text(self, key: str, pattern: re.Pattern[str], rule: str) -> str:
        """A required string."""
        value = self._required(key)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise TariffError(self.at(key), rule)
        return value

    def integer(self, key: str, default: int, maximum: int) -> int:
        """A whole number, 1 .. maximum."""
        value = self._value.get(key, default)
        # True is an int to Python, and not to an operator.
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
            raise TariffError(self.at(key), f"must be a whole number, 1 .. {maximum}")
        return value

    def texts(self, key: str, pattern: re.Pattern[str], rule: str) -> list[str]:
        """A list of strings, no two equal; absent = empty."""
        values = self._value.get(key, [])
        if not isinstance(values, list | tuple):
            raise TariffError(self.at(key), "must be a list")
        seen: dict[str, None] = {}
        for index, value in enumerate(values):
            if not isinstance(value, str) or pattern.fullmatch(value) is None:
                raise TariffError(f"{self.at(key)}[{index}]", rule)
            if value in seen:
                raise TariffError(f"{self.at(key)}[{index}]", "is listed twice")
            seen[value] = None
        return list(seen)

    def tables(self, key: str, known: set[str]) -> Iterator[tuple[str, "_Table"]]:
        """Tables by id; absent = none."""
        found = self._value.get(key, {})
        if not isinstance(found, Mapping):
            raise TariffError(self.at(key), "must be a table")
        for name, value in found.items():
            path = _join(self.at(key), str(name))
            if not isinstance(name, str) or _ID.fullmatch(name) is None:
                raise TariffError(path, f"its id must match {limits.ID_PATTERN}")
            yield name, _Table(path, value, known)

    def _required(self, key: str) -> object:
        if key not in self._value:
            raise TariffError(self.at(key), "is required")
        return self._value[key]


def parse_tariff(document: Mapping[str, object]) -> Tariff:
    """Build a tariff from a decoded document. Raises TariffError at the first broken rule."""
    keys = {
        "version", "currency", "home_networks", "home_prefixes", "zones", "services", "plans",
    }  # fmt: skip
    top = _Table("", document, keys)
    version = top.text("version", _ID, f"must match {limits.ID_PATTERN}")
    currency = top.text("currency", _CURRENCY, "must be an ISO 4217 code, three capitals")
    zones, prefixes, networks = _zones(top)
    terms = _services(top, zones, version)
    services = {service_id for service_id, _ in terms}
    if not services:
        raise TariffError("services", "must have at least one service")
    plans = _plans(top, services)
    return Tariff(
        version=version,
        currency=currency,
        plans=MappingProxyType(plans),
        prefixes=MappingProxyType(prefixes),
        networks=MappingProxyType(networks),
        terms_by_zone=MappingProxyType(terms),
        prefix_digits_max=max(map(len, prefixes), default=0),
    )


def _zones(top: _Table) -> tuple[set[str], dict[str, str], dict[str, str]]:
    """Zone ids, zones by prefix, zones by network; what is home is in them too."""
    zones: set[str] = set()
    home = "must be a PLMN, 5 or 6 digits"
    networks = dict.fromkeys(top.texts("home_networks", _PLMN, home), HOME_ZONE)
    prefixes = dict.fromkeys(top.texts("home_prefixes", _PREFIX, _PREFIX_RULE), HOME_ZONE)
    for zone, table in top.tables("zones", {"prefixes", "visited_networks"}):
        zones.add(zone)
        for key, pattern, rule, zone_of in (
            ("prefixes", _PREFIX, _PREFIX_RULE, prefixes),
            ("visited_networks", _NETWORK, "must be an MCC or PLMN, 3, 5 or 6 digits", networks),
        ):
            for index, digits in enumerate(table.texts(key, pattern, rule)):
                taken = zone_of.setdefault(digits, zone)
                if taken != zone:
                    where = f"in zone {taken}" if taken else "home"
                    raise TariffError(f"{table.at(key)}[{index}]", f"is {where} already")
    return zones, prefixes, networks


def _services(top: _Table, zones: set[str], version: str) -> dict[tuple[str, str], ServiceTerms]:
    """Terms by (service_id, zone)."""
    terms: dict[tuple[str, str], ServiceTerms] = {}
    units = [unit.value for unit in Unit if unit is not Unit.MICROS]
    unit_pattern = re.compile("|".join(units))
    for service_id, service in top.tables("services", {"unit", "zones", *_LINE_KEYS}):
        unit = Unit(service.text("unit", unit_pattern, f"must be one of {', '.join(units)}"))
        lines = [(HOME_ZONE, service)] if "price" in service else []
        for zone, table in service.tables("zones", _LINE_KEYS):
            if zone not in zones:
                raise TariffError(table.path, "is not one of the zones")
            lines.append((zone, table))
        if not lines:
            raise TariffError(service.at("price"), "is required, here or in a zone")
        for zone, line in lines:
            terms[service_id, zone] = _terms(
                line, service, service_id=service_id, unit=unit, zone=zone, version=version
            )
    return terms


def _terms(
    line: _Table, service: _Table, *, service_id: str, unit: Unit, zone: str, version: str
) -> ServiceTerms:
    """One line of the tariff: what the zone says, else what the service says."""

    def integer(key: str, default: int, maximum: int) -> int:
        return line.integer(key, service.integer(key, default, maximum), maximum)

    increment = integer("increment", 1, limits.QUANTITY_MAX)
    return ServiceTerms(
        service_id=service_id,
        unit=unit,
        zone=zone,
        rate=_rate(line, increment, integer("per", increment, limits.QUANTITY_MAX)),
        grant_min=integer("grant_min", increment, limits.QUANTITY_MAX),
        validity_ms=1000
        * integer("validity_s", limits.VALIDITY_DEFAULT_MS // 1000, limits.VALIDITY_MAX_MS // 1000),
        tariff_version=version,
    )


def _rate(line: _Table, increment: int, per: int) -> Rate:
    rule = (
        'must be a string such as "0.09": plain digits without sign, exponent or leading zero,'
        " at most 12 behind the point"
    )
    text = line.text("price", _PRICE, rule)
    # Fraction reads a decimal string exactly; the pattern has left nothing else to read.
    price = Fraction(text) * _MICROS_PER_CURRENCY_UNIT / per
    try:
        return Rate.flat(increment, price.numerator, price.denominator)
    except PriceTooFineError as error:
        raise TariffError(line.at("price"), str(error)) from None


def _plans(top: _Table, services: set[str]) -> dict[str, frozenset[str]]:
    plans: dict[str, frozenset[str]] = {}
    for plan, table in top.tables("plans", {"services"}):
        offered = table.texts("services", _ID, f"must match {limits.ID_PATTERN}")
        for index, service_id in enumerate(offered):
            if service_id not in services:
                raise TariffError(f"{table.at('services')}[{index}]", "is not one of the services")
        if not offered:
            raise TariffError(table.at("services"), "must name at least one service")
        plans[plan] = frozenset(offered)
    if not plans:
        raise TariffError("plans", "must have at least one plan")
    return plans


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
