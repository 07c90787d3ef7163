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

    [services.data.zones.eu-roaming]         # price or steps required, the rest as in the service
    price = "3.50"

    [services.voice]
    unit = "seconds"
    price = "0.09"
    per = 60
    minimum = 60                             # the first increment; default increment
    connect_fee = "0.05"                     # once, at a session's first used unit; default none
    max_session_cost = "10.00"               # connect fee included; default none
    rounding = "half_up"                     # or up, down: to whole multiples of
    round_to = "0.000001"                    # this much money; both apply to the session's cost

    [services.voice.zones.far]
    steps = [                                # 1 to 8, by how far the session has come
        { price = "0.49", per = 60, increment = 60 },
        { from = 600, price = "0.29", per = 60, increment = 1 },
    ]

    [plans.prepaid]
    services = ["data"]

    [bundles.month]                          # optional; see ocs/domain/tariff_bundles.py
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ocs import limits
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.tariff_bundles import read_bundles
from ocs.domain.tariff_price import PRICE_KEYS, has_price, least_unit, read_rate
from ocs.domain.tariff_table import ID, Table, TariffError
from ocs.domain.units import Unit

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_PLMN: Final = re.compile(r"[0-9]{5,6}", re.ASCII)
_NETWORK: Final = re.compile(r"[0-9]{3}|[0-9]{5,6}", re.ASCII)
_PREFIX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_PREFIX_RULE: Final = "must be 1 to 15 digits"

_LINE_KEYS: Final = {*PRICE_KEYS, "grant_min", "validity_s"}


def parse_tariff(document: Mapping[str, object]) -> Tariff:
    """Build a tariff from a decoded document. Raises TariffError at the first broken rule."""
    keys = {
        "version", "currency", "home_networks", "home_prefixes", "zones", "services", "plans",
        "bundles",
    }  # fmt: skip
    top = Table("", document, keys)
    version = top.text("version", ID, f"must match {limits.ID_PATTERN}")
    currency = top.text("currency", _CURRENCY, "must be an ISO 4217 code, three capitals")
    zones, prefixes, networks = _zones(top)
    terms = _services(top, zones, version)
    services = {service_id for service_id, _ in terms}
    if not services:
        raise TariffError("services", "must have at least one service")
    plans = _plans(top, services)
    bundles = read_bundles(
        top,
        service_units={service_id: line.unit for (service_id, _), line in terms.items()},
        zones=zones,
        plans=set(plans),
        version=version,
    )
    return Tariff(
        version=version,
        currency=currency,
        plans=MappingProxyType(plans),
        prefixes=MappingProxyType(prefixes),
        networks=MappingProxyType(networks),
        terms_by_zone=MappingProxyType(terms),
        prefix_digits_max=max(map(len, prefixes), default=0),
        bundles=MappingProxyType(bundles),
    )


def _zones(top: Table) -> tuple[set[str], dict[str, str], dict[str, str]]:
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


def _services(top: Table, zones: set[str], version: str) -> dict[tuple[str, str], ServiceTerms]:
    """Terms by (service_id, zone)."""
    terms: dict[tuple[str, str], ServiceTerms] = {}
    units = [unit.value for unit in Unit if unit is not Unit.MICROS]
    for service_id, service in top.tables("services", {"unit", "zones", *_LINE_KEYS}):
        unit = Unit(service.one_of("unit", units))
        lines = [(HOME_ZONE, service)] if has_price(service) else []
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
    line: Table, service: Table, *, service_id: str, unit: Unit, zone: str, version: str
) -> ServiceTerms:
    """One line of the tariff: what the zone says, else what the service says."""

    def integer(key: str, default: int, maximum: int) -> int:
        return line.integer(key, service.integer(key, default, maximum), maximum)

    return ServiceTerms(
        service_id=service_id,
        unit=unit,
        zone=zone,
        rate=read_rate(line, service),
        grant_min=integer("grant_min", least_unit(line, service), limits.QUANTITY_MAX),
        validity_ms=1000
        * integer("validity_s", limits.VALIDITY_DEFAULT_MS // 1000, limits.VALIDITY_MAX_MS // 1000),
        tariff_version=version,
    )


def _plans(top: Table, services: set[str]) -> dict[str, frozenset[str]]:
    plans: dict[str, frozenset[str]] = {}
    for plan, table in top.tables("plans", {"services"}):
        offered = table.texts("services", ID, f"must match {limits.ID_PATTERN}")
        for index, service_id in enumerate(offered):
            if service_id not in services:
                raise TariffError(f"{table.at('services')}[{index}]", "is not one of the services")
        if not offered:
            raise TariffError(table.at("services"), "must name at least one service")
        plans[plan] = frozenset(offered)
    if not plans:
        raise TariffError("plans", "must have at least one plan")
    return plans
