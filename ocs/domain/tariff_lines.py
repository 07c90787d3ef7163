"""Compiles lines of a tariff document: a price, by calendar entry and from date to date.

    price: "0.09"                        # or free, steps, tiers: see tariff_price.py
    calendar: office-hours               # whose entries may have prices of their own
    during:
      peak: {price: "0.19"}
    changes:                             # the price anew, with its own `during`, from a day on
      - {valid_from: "2027-01-01", price: "0.10"}

`calendar`, `during` and `changes` belong to the price that stands beside them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from ocs import limits
from ocs.domain.local_clock import first_second
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff import HOME_WORD
from ocs.domain.tariff_calendars import NamedCalendar
from ocs.domain.tariff_grants import GRANT_KEYS, read_grant_sizes
from ocs.domain.tariff_line import Line, Variant
from ocs.domain.tariff_price import (
    PRICE_KEYS,
    Chain,
    Price,
    Wholesale,
    has_price,
    read_price,
    read_wholesale,
    says,
)
from ocs.domain.tariff_table import ID, Table, TariffError
from ocs.domain.units import Unit

_ENTRY_KEYS: Final = frozenset({*PRICE_KEYS, *GRANT_KEYS, "validity_s", "wholesale"})
_OF_THE_PRICE: Final = ("calendar", "during", "changes")
LINE_KEYS: Final = frozenset({*_ENTRY_KEYS, *_OF_THE_PRICE})
_CHANGE_KEYS: Final = (LINE_KEYS | {"valid_from"}) - {"changes"}


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Which line it is. owner: the plan whose own line it is; empty: the service's."""

    owner: str
    service_id: str
    unit: Unit
    zone: str

    def price_id(self, entry: str, valid_from: date | None) -> str:
        """Spell the path, e.g. `family:voice/eu/peak@2027-01-01`."""
        owner = f"{self.owner}:" if self.owner else ""
        behind = f"/{entry}" if entry else ""
        since = f"@{valid_from}" if valid_from else ""
        return f"{owner}{self.service_id}/{self.zone or HOME_WORD}{behind}{since}"


@dataclass(slots=True)
class LineCompiler:
    """Compiles lines of one document, and keeps what they name beside their prices.

    clock: in whose midnights prices change; None if the document names no time zone.
    """

    version: str
    clock: ZoneInfo | None
    calendars: Mapping[str, NamedCalendar]
    partners: Mapping[str, str]
    wholesale: dict[str, Wholesale] = field(default_factory=dict)
    _count: int = 0

    def line(self, place: LinePlace, chain: Chain, discount: Fraction) -> Line:
        """Compile a line, some table of whose chain has a price. Raises TariffError."""
        index = next(at for at, table in enumerate(chain) if has_price(table))
        for table in chain[:index]:
            for key in _OF_THE_PRICE:
                if key in table:
                    raise TariffError(table.at(key), "must stand beside a price")
        variants = [self._variant(place, chain, chain[index], None, discount)]
        for valid_from, change in _changes(chain[index]):
            variants.append(self._variant(place, [change, *chain], change, valid_from, discount))
        return Line(variants)

    def _variant(
        self,
        place: LinePlace,
        chain: Chain,
        priced: Table,
        valid_from: date | None,
        discount: Fraction,
    ) -> Variant:
        start_ms = 0
        if valid_from is not None:
            if self.clock is None:
                raise TariffError("time_zone", "is required with valid_from")
            midnight = datetime(
                valid_from.year, valid_from.month, valid_from.day, tzinfo=self.clock
            )
            start_ms = first_second(midnight) * 1000
        terms = self._terms(place, chain, "", valid_from, discount)
        if "during" not in priced:
            return Variant(start_ms, terms)
        named = says(chain, "calendar")
        if named is None:
            raise TariffError(priced.at("during"), "needs a calendar")
        calendar = self.calendars.get(named.text("calendar", ID, "must be one of the calendars"))
        if calendar is None:
            raise TariffError(named.at("calendar"), "must be one of the calendars")
        by_entry = {}
        during = priced.table("during", calendar.entries)
        for entry, table in priced.tables("during", _ENTRY_KEYS):
            if not has_price(table):
                raise TariffError(table.at("price"), "is required")
            if "tiers" in table or "tiers" in priced:
                raise TariffError(during.at(entry), "tiers cost the same at any time of the day")
            by_entry[entry] = self._terms(place, [table, *chain], entry, valid_from, discount)
        return Variant(start_ms, terms, calendar.calendar, by_entry)

    def _terms(
        self,
        place: LinePlace,
        chain: Chain,
        entry: str,
        valid_from: date | None,
        discount: Fraction,
    ) -> ServiceTerms:
        self._count += 1
        if self._count > limits.TARIFF_LINES_MAX:
            raise TariffError("", f"must have at most {limits.TARIFF_LINES_MAX} prices in all")
        price = read_price(chain, discount)
        price_id = place.price_id(entry, valid_from)
        partner = ""
        if (table := says(chain, "wholesale")) is not None:
            keys = {"partner", "price", "free", "per", "increment", "minimum"}
            wholesale = read_wholesale(table.table("wholesale", keys), chain, self.partners)
            self.wholesale[price_id] = wholesale
            partner = wholesale.partner
        sizes = read_grant_sizes(chain, price)
        validity = says(chain, "validity_s")
        default_s, most_s = limits.VALIDITY_DEFAULT_MS // 1000, limits.VALIDITY_MAX_MS // 1000
        validity_s = validity.integer("validity_s", default_s, most_s) if validity else default_s
        return ServiceTerms(
            service_id=place.service_id,
            unit=place.unit,
            zone=place.zone,
            rate=price.rate,
            grant_min=sizes.least,
            validity_ms=1000 * validity_s,
            tariff_version=self.version,
            price_id=price_id,
            tier=_counter(price, place, chain),
            partner=partner,
            grant_default=sizes.default,
            grant_max=sizes.most,
        )


def _counter(price: Price, place: LinePlace, chain: Chain) -> str:
    """The counter that a price of tiers goes by; empty of any other."""
    if price.period is None:
        return ""
    counter = tier_id(price.period, place.service_id)
    if ID.fullmatch(counter) is None:
        tiers = says(chain, "tiers")
        assert tiers is not None
        raise TariffError(tiers.at("tiers"), f"needs a shorter id of the service: {counter}")
    return counter


def _changes(priced: Table) -> Iterator[tuple[date, Table]]:
    if "changes" not in priced:
        return
    before: date | None = None
    for change in priced.list_of_tables("changes", _CHANGE_KEYS, limits.PRICE_CHANGES_MAX):
        day = change.day("valid_from")
        if before is not None and day <= before:
            raise TariffError(change.at("valid_from"), f"must be after {before}, the one before")
        if not has_price(change):
            raise TariffError(change.at("price"), "is required")
        before = day
        yield day, change
