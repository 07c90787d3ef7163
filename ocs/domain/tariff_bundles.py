"""Reads the section `bundles` of a tariff document.

    bundles:
      family-10gb:
        price: "10.00"                   # currency units; may be "0"
        validity: 30d                    # s, m, h or d (24 h), up to 3660 days; or month: to the
                                         # end of the account's billing month
        plans: [family]                  # sold to these plans only; default to all
        renewals: 12                     # 1 .. 1000 times again by itself, if the buyer says so;
                                         # default never
        contents:                        # 1 to 8, a bucket each
          - unit: octets                 # octets, seconds or count
            quantity: 10737418240
            services: [data]             # metered in that unit; default all that are
            zones: [eu-roaming]          # default all
            priority: 50                 # 1 .. 1000, lower is drawn on first; default 100
            roll_over: 5368709120        # what is left goes on to the next period, at most so
                                         # much; needs renewals; default nothing
            threshold: 1073741824        # below quantity: reports a balance that has come so low;
                                         # default none

`price`, `validity` and `contents` are required, and of each content `unit` and `quantity`.
"""

import re
from collections.abc import Mapping
from typing import Final

from ocs import limits
from ocs.domain.bundle import Bundle, BundleContent
from ocs.domain.tariff_table import ID, Table, TariffError
from ocs.domain.units import Unit

_BUNDLE_ID: Final = re.compile(limits.BUNDLE_ID_PATTERN, re.ASCII)
_MONTH: Final = "month"
_VALIDITY: Final = re.compile(rf"{_MONTH}|([1-9][0-9]{{0,8}})([smhd])", re.ASCII)
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNITS: Final = tuple(unit.value for unit in Unit if unit is not Unit.MICROS)
_KEYS: Final = {"price", "validity", "plans", "renewals", "contents"}
_CONTENT_KEYS: Final = {
    "unit", "quantity", "services", "zones", "priority", "roll_over", "threshold",
}  # fmt: skip


def read_bundles(
    top: Table,
    *,
    service_units: Mapping[str, Unit],
    zones: set[str],
    plans: set[str],
    version: str,
) -> dict[str, Bundle]:
    """Read all bundles by id. service_units: what each service is metered in. Raises TariffError.

    A bundle is paid for as a service of its own, so no service has its id.
    """
    bundles = {}
    for bundle_id, table in top.tables("bundles", _KEYS):
        if _BUNDLE_ID.fullmatch(bundle_id) is None:
            raise TariffError(table.path, f"its id must match {limits.BUNDLE_ID_PATTERN}")
        if bundle_id in service_units:
            raise TariffError(table.path, "is one of the services already")
        renewals = 0
        if "renewals" in table:
            renewals = table.integer("renewals", 1, limits.BUNDLE_RENEWALS_MAX)
        contents = [
            _content(content, service_units, zones, renews=renewals > 0)
            for content in table.list_of_tables(
                "contents", _CONTENT_KEYS, limits.BUNDLE_CONTENTS_MAX
            )
        ]
        bundles[bundle_id] = Bundle(
            bundle_id=bundle_id,
            price_micros=_price(table),
            span_ms=_span(table),
            contents=tuple(contents),
            renewals=renewals,
            plans=frozenset(_known(table, "plans", plans)),
            tariff_version=version,
        )
    return bundles


def _price(table: Table) -> int:
    micros = table.money("price")
    if micros.denominator != 1:
        raise TariffError(table.at("price"), "must be whole micro-units: at most 6 decimals")
    return micros.numerator


def _span(table: Table) -> int:
    most = limits.BUNDLE_SPAN_MAX_MS // _UNIT_MS["d"]
    rule = f'must be a string such as "24h" or "30d", at most "{most}d", or "{_MONTH}"'
    text = table.text("validity", _VALIDITY, rule)
    if text == _MONTH:
        return 0
    span_ms = int(text[:-1]) * _UNIT_MS[text[-1]]
    if span_ms > limits.BUNDLE_SPAN_MAX_MS:
        raise TariffError(table.at("validity"), rule)
    return span_ms


def _content(
    table: Table, service_units: Mapping[str, Unit], zones: set[str], *, renews: bool
) -> BundleContent:
    unit = Unit(table.one_of("unit", _UNITS))
    quantity = table.integer("quantity", 0, limits.QUANTITY_MAX)
    service_ids = _known(table, "services", service_units, limits.SERVICES_PER_BUCKET_MAX)
    for index, service_id in enumerate(service_ids):
        if service_units[service_id] is not unit:
            rule = f"is metered in {service_units[service_id]}, not in {unit}"
            raise TariffError(f"{table.at('services')}[{index}]", rule)
    roll_over = 0
    if "roll_over" in table:
        if not renews:
            raise TariffError(table.at("roll_over"), "needs renewals of the bundle")
        roll_over = table.integer("roll_over", 0, limits.QUANTITY_MAX)
    threshold = -1
    if "threshold" in table:
        threshold = table.integer("threshold", 0, limits.QUANTITY_MAX)
        if threshold >= quantity:
            raise TariffError(table.at("threshold"), "must be below quantity")
    return BundleContent(
        unit=unit,
        quantity=quantity,
        priority=table.integer(
            "priority", limits.BUCKET_PRIORITY_DEFAULT, limits.BUCKET_PRIORITY_MAX
        ),
        service_ids=tuple(sorted(service_ids)),
        zones=tuple(sorted(_known(table, "zones", zones, limits.ZONES_PER_BUCKET_MAX))),
        roll_over=roll_over,
        threshold=threshold,
    )


def _known(
    table: Table,
    key: str,
    known: set[str] | Mapping[str, Unit],
    most: int = limits.BUNDLE_PLANS_MAX,
) -> list[str]:
    """Ids that the document has defined."""
    found = table.texts(key, ID, f"must match {limits.ID_PATTERN}")
    if len(found) > most:
        raise TariffError(table.at(key), f"must have at most {most}")
    for index, name in enumerate(found):
        if name not in known:
            raise TariffError(f"{table.at(key)}[{index}]", f"is not one of the {key}")
    return found
