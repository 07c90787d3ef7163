"""Reads a tariff document: strict, so that a slip of the pen is an error and never a price.

The input is a decoded document, tables and lists of text, whole numbers and true or false:

    version: "2026-11"                   # id
    currency: EUR                        # ISO 4217
    prices: gross                        # or net: whether they contain the tax
    time_zone: Europe/Berlin             # IANA; of calendars and dates, required with any
    home_networks: ["26298"]             # PLMNs without roaming; optional
    home_prefixes: ["49"]                # numbers priced as home; optional
    zones:                               # optional; a prefix or network is in one zone only
      eu-roaming:
        prefixes: ["33"]                 # E.164 digits of the other end
        visited_networks: ["208", "20801"]   # MCC or PLMN
    partners:                            # carriers of the wholesale prices; optional
      orange-fr: {currency: EUR}
    holidays, calendars:                 # tariff_calendars.py
    services, plans:                     # tariff_plans.py; their lines: tariff_lines.py, and
                                         # what a line costs: tariff_price.py
    bundles:                             # optional; tariff_bundles.py
"""

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from ocs import limits
from ocs.domain.bundle import Bundle
from ocs.domain.local_clock import zone_of
from ocs.domain.periods import check_time_zone
from ocs.domain.tariff import HOME_WORD, HOME_ZONE, Tariff, ZoneMap
from ocs.domain.tariff_bundles import read_bundles
from ocs.domain.tariff_calendars import read_calendars
from ocs.domain.tariff_lines import LineCompiler
from ocs.domain.tariff_plans import read_plans, read_services
from ocs.domain.tariff_table import ID, Faults, Table, TariffError

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_CURRENCY_RULE: Final = "must be an ISO 4217 code, three capitals"
_PLMN: Final = re.compile(r"[0-9]{5,6}", re.ASCII)
_NETWORK: Final = re.compile(r"[0-9]{3}|[0-9]{5,6}", re.ASCII)
_PREFIX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_PREFIX_RULE: Final = "must be 1 to 15 digits"
_ANY: Final = re.compile(r".*", re.DOTALL)
_KEYS: Final = frozenset(
    {
        "version", "currency", "prices", "time_zone", "home_networks", "home_prefixes", "zones",
        "partners", "holidays", "calendars", "services", "plans",
        "bundles",
    }
)  # fmt: skip
_TAX_WORDS: Final = ("gross", "net")


def parse_tariff(document: object) -> Tariff:
    """Build a tariff from a decoded document. Raises TariffRefusedError with all that is wrong."""
    faults = Faults()
    with faults.collected():
        top = Table("", document, _KEYS)
    faults.raise_if_any()
    version = currency = tax = ""
    with faults.collected():
        version = top.text("version", ID, f"must match {limits.ID_PATTERN}")
    with faults.collected():
        currency = top.text("currency", _CURRENCY, _CURRENCY_RULE)
    with faults.collected():
        tax = top.one_of("prices", _TAX_WORDS)
    time_zone = ""
    with faults.collected():
        time_zone = _time_zone(top)
    zones, zone_map = _zones(top, faults)
    calendars = read_calendars(top, time_zone, faults) if time_zone else {}
    partners = _partners(top, faults)
    # What is named there is used below: one fault must not look like many.
    faults.raise_if_any()
    clock = zone_of(time_zone) if time_zone else None
    compiler = LineCompiler(version, clock, calendars, partners)
    services = read_services(top, zones, compiler, faults)
    with faults.collected():
        if not any(top.values("services")):
            raise TariffError("services", "must have at least one service")
    faults.raise_if_any()
    lines = read_plans(top, services, zones, compiler, faults)
    faults.raise_if_any()
    plans = _offered(lines)
    bundles: dict[str, Bundle] = {}
    units = {name: service.unit for name, service in services.items()}
    with faults.collected():
        bundles = read_bundles(
            top, service_units=units, zones=zones, plans=set(plans), version=version
        )
    faults.raise_if_any()
    return Tariff(
        version=version,
        currency=currency,
        tax_included=tax == "gross",
        plans=MappingProxyType(plans),
        zones=zone_map,
        units=MappingProxyType(units),
        lines=MappingProxyType(lines),
        wholesale=MappingProxyType(compiler.wholesale),
        bundles=MappingProxyType(bundles),
    )


def _time_zone(top: Table) -> str:
    if "time_zone" not in top:
        for key in ("holidays", "calendars"):
            if key in top:
                raise TariffError("time_zone", f"is required with {key}")
        return ""
    name = top.text("time_zone", _ANY, "must be the name of an IANA time zone")
    try:
        check_time_zone(name)
    except ValueError:
        raise TariffError("time_zone", "must be the name of an IANA time zone") from None
    return name


def _partners(top: Table, faults: Faults) -> dict[str, str]:
    """Currencies by partner."""
    partners: dict[str, str] = {}
    with faults.collected():
        for partner, table in top.tables("partners", {"currency"}):
            with faults.collected():
                partners[partner] = table.text("currency", _CURRENCY, _CURRENCY_RULE)
    return partners


def _offered(lines: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    offered: dict[str, set[str]] = {}
    for plan, service_id in lines:
        offered.setdefault(plan, set()).add(service_id)
    return {plan: frozenset(services) for plan, services in offered.items()}


def _zones(top: Table, faults: Faults) -> tuple[set[str], ZoneMap]:
    """Zone ids, and the zones of prefixes and networks; what is home is in them too."""
    zones: set[str] = set()
    prefixes: dict[str, str] = {}
    networks: dict[str, str] = {}
    with faults.collected():
        at_home = top.texts("home_networks", _PLMN, "must be a PLMN, 5 or 6 digits")
        networks.update(dict.fromkeys(at_home, HOME_ZONE))
    with faults.collected():
        at_home = top.texts("home_prefixes", _PREFIX, _PREFIX_RULE)
        prefixes.update(dict.fromkeys(at_home, HOME_ZONE))
    with faults.collected():
        for zone, table in top.tables("zones", {"prefixes", "visited_networks"}):
            zones.add(zone)
            with faults.collected():
                if zone == HOME_WORD:
                    raise TariffError(table.path, "is where no zone is")
                _fill(table, zone, prefixes, networks)
    return zones, ZoneMap(prefixes, networks)


def _fill(table: Table, zone: str, prefixes: dict[str, str], networks: dict[str, str]) -> None:
    for key, pattern, rule, zone_of_digits in (
        ("prefixes", _PREFIX, _PREFIX_RULE, prefixes),
        ("visited_networks", _NETWORK, "must be an MCC or PLMN, 3, 5 or 6 digits", networks),
    ):
        for index, digits in enumerate(table.texts(key, pattern, rule)):
            taken = zone_of_digits.setdefault(digits, zone)
            if taken != zone:
                where = f"in zone {taken}" if taken else "home"
                raise TariffError(f"{table.at(key)}[{index}]", f"is {where} already")
