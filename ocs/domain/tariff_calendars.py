"""Reads the calendars of a tariff document.

holidays:                            # days that have the hours of `holiday`, not their weekday's
  german: ["2026-12-25", "2026-12-26"]
calendars:
  office-hours:
    holidays: german                 # optional
    entries:
      peak:                          # what no entry has is the line's own price
        - days: [mon, tue, wed, thu, fri]
          from: "08:00"              # default "00:00"
          to: "20:00"                # default "24:00"; after `from`
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from ocs import limits
from ocs.domain.calendar import MINUTES_PER_DAY, Calendar, Day, OverlapError, Span
from ocs.domain.tariff_table import ID, Faults, Table, TariffError

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_DAYS: Final = {day.name.lower(): day for day in Day}
_DAY_PATTERN: Final = re.compile("|".join(_DAYS))


@dataclass(frozen=True, slots=True)
class NamedCalendar:
    """A calendar and the entries that it has."""

    calendar: Calendar
    entries: frozenset[str]


def read_calendars(top: Table, time_zone: str, faults: Faults) -> dict[str, NamedCalendar]:
    """Build the calendars by id, in a checked time zone."""
    holidays: dict[str, list[date]] = {}
    with faults.collected():
        names = [name for name, _, _ in top.values("holidays")]
        holidays.update((name, []) for name in names)
        for name in names:
            holidays[name] = top.table("holidays", names).days(name, limits.HOLIDAYS_MAX)
    calendars: dict[str, NamedCalendar] = {}
    with faults.collected():
        for name, table in top.tables("calendars", {"holidays", "entries"}):
            with faults.collected():
                calendars[name] = _calendar(table, time_zone, holidays)
    return calendars


def _calendar(
    table: Table, time_zone: str, holidays: Mapping[str, Collection[date]]
) -> NamedCalendar:
    days: Collection[date] = ()
    if "holidays" in table:
        name = table.text("holidays", ID, "must be one of the holidays")
        if name not in holidays:
            raise TariffError(table.at("holidays"), "must be one of the holidays")
        days = holidays[name]
    spans: dict[Day, list[Span]] = {}
    entries = [name for name, _, _ in table.values("entries")]
    if not entries:
        raise TariffError(table.at("entries"), "must have at least one entry")
    named = table.table("entries", entries)
    for entry in entries:
        for hours in named.list_of_tables(entry, {"days", "from", "to"}, limits.CALENDAR_SPANS_MAX):
            start, end = _minute(hours, "from", 0), _minute(hours, "to", MINUTES_PER_DAY)
            if end <= start:
                raise TariffError(
                    hours.at("to"), "must be after from; a night is two spans, with 24:00 between"
                )
            rule = f"must be one of {', '.join(_DAYS)}"
            for day in hours.texts("days", _DAY_PATTERN, rule):
                spans.setdefault(_DAYS[day], []).append(Span(start, end, entry))
            if not hours.texts("days", _DAY_PATTERN, rule):
                raise TariffError(hours.at("days"), "must name at least one day")
    try:
        return NamedCalendar(Calendar(time_zone, spans, days), frozenset(entries))
    except OverlapError as error:
        raise TariffError(
            named.at(error.entries[1]), f"no hour is in two entries: {error}"
        ) from None


def _minute(hours: Table, key: str, default: int) -> int:
    if key not in hours:
        return default
    text = hours.text(key, _TIME, 'must be a time in quotes from "00:00" to "24:00"')
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)
