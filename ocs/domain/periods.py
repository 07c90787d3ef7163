"""The periods in which spending caps count, in the account's time zone.

A local clock may show a time twice (set back), never (set forward), or skip a whole day. One rule
covers all of it: a period opens at the first instant at which the local clock shows its opening
time *or later*. So a repeated hour or midnight opens nothing a second time, a missing midnight
opens its day at the first instant that exists, and a skipped hour or day, which would open and
close in the same instant, is no period at all.
"""

import enum
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from ocs.domain.local_clock import first_second, zone_of

NOW_MS_MIN: Final = 946_684_800_000  # 2000-01-01T00:00:00Z
NOW_MS_MAX: Final = 7_258_118_399_999  # 2199-12-31T23:59:59.999Z
LIFETIME_END_MS: Final = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last ms of a Timestamp
ANCHOR_DAY_MAX: Final = 31
ANCHOR_MONTH_MAX: Final = 12
TIME_ZONE_LENGTH_MAX: Final = 64  # the longest IANA key has 32

# Files of a zoneinfo directory that name no place: the host's own zone, and placeholders.
_NOT_A_PLACE: Final = frozenset({"localtime", "posixrules", "Factory"})


class Period(enum.Enum):
    """How long a spending cap counts before it starts again; the value is the store's word."""

    REQUEST = "request"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    LIFETIME = "lifetime"
    ROLLING = "rolling"


_STEP: Final = {
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
    Period.WEEK: timedelta(weeks=1),
}
_STEP_MONTHS: Final = {Period.MONTH: 1, Period.YEAR: 12}


@dataclass(frozen=True, slots=True)
class PeriodBounds:
    """A period `[start_ms, end_ms)` and the one after it, `[end_ms, next_end_ms)`, in Unix ms."""

    start_ms: int
    end_ms: int
    next_end_ms: int


def check_time_zone(name: str) -> None:
    """Accept the exact name of an IANA time zone that this host has data for.

    Raises:
        ValueError: the name is empty, too long, or no IANA name (a path, `localtime`, an offset).
    """
    if not 1 <= len(name) <= TIME_ZONE_LENGTH_MAX:
        raise ValueError(f"time_zone: must have 1 to {TIME_ZONE_LENGTH_MAX} characters")
    if name not in _time_zone_names():
        raise ValueError("time_zone: must be an IANA time zone name, such as Europe/Paris")


def period_bounds(
    period: Period, *, time_zone: str, anchor_day: int, anchor_month: int = 1, now_ms: int
) -> PeriodBounds:
    """Return the period that holds `now_ms`: `start_ms <= now_ms < end_ms < next_end_ms`.

    Args:
        period: any but REQUEST and ROLLING. An hour is one of the local clock; a day opens at
            local midnight, a week at Monday's. LIFETIME is `[0, LIFETIME_END_MS)`, with no next
            one: `next_end_ms == end_ms`.
        time_zone: IANA name, of the account.
        anchor_day: 1..31, the day that opens a MONTH or YEAR; in a shorter month, its last day.
        anchor_month: 1..12, the month that opens a YEAR.
        now_ms: Unix ms, `NOW_MS_MIN..NOW_MS_MAX`.

    Raises:
        ValueError: an argument is out of range, or the period is REQUEST, which keeps no counter,
            or ROLLING, whose slots no calendar moves.
    """
    check_time_zone(time_zone)
    _check_range("anchor_day", anchor_day, 1, ANCHOR_DAY_MAX)
    _check_range("anchor_month", anchor_month, 1, ANCHOR_MONTH_MAX)
    _check_range("now_ms", now_ms, NOW_MS_MIN, NOW_MS_MAX)
    if period is Period.REQUEST:
        raise ValueError("period: request keeps no counter, so it has no bounds")
    if period is Period.ROLLING:
        raise ValueError("period: rolling has slots, which no calendar moves")
    if period is Period.LIFETIME:
        return PeriodBounds(0, LIFETIME_END_MS, LIFETIME_END_MS)
    # At midnight a million accounts ask for the same few periods.
    found = _found_last(period, time_zone, anchor_day, anchor_month)
    if not found or not found[0].start_ms <= now_ms < found[0].end_ms:
        calendar = _Calendar(period, zone_of(time_zone), anchor_day, anchor_month)
        start, end = calendar.span(now_ms // 1000)
        _, next_end = calendar.span(end)
        found[:] = [PeriodBounds(start * 1000, end * 1000, next_end * 1000)]
    return found[0]


@lru_cache(maxsize=4096)
def _found_last(*_: object) -> list[PeriodBounds]:
    """A cell for the bounds found last under these arguments."""
    return []


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The opening times of one kind of period.

    Clock readings and instants are those of `local_clock`.
    """

    period: Period
    zone: ZoneInfo
    anchor_day: int
    anchor_month: int

    def span(self, now: int) -> tuple[int, int]:
        """Return the first second of the period that holds `now`, and the first second after it."""
        opening = self._opening_before(datetime.fromtimestamp(now, self.zone))
        following = self._following(opening)
        end = first_second(following)
        while end <= now:  # the clock was set back past an opening it had shown: that one stands
            opening, following = following, self._following(following)
            end = first_second(following)
        return first_second(opening), end

    def _opening_before(self, reading: datetime) -> datetime:
        """Return the last opening time at or before a clock reading."""
        hour = reading.replace(minute=0, second=0, fold=0)
        if self.period is Period.HOUR:
            return hour
        midnight = hour.replace(hour=0)
        if self.period is Period.DAY:
            return midnight
        if self.period is Period.WEEK:
            return midnight - timedelta(days=midnight.weekday())
        month = midnight.month if self.period is Period.MONTH else self.anchor_month
        opening = self._anchored(midnight, midnight.year * 12 + month - 1)
        return opening if opening <= midnight else self._months_later(opening, -1)

    def _following(self, opening: datetime) -> datetime:
        step = _STEP.get(self.period)
        return self._months_later(opening, 1) if step is None else opening + step

    def _months_later(self, opening: datetime, steps: int) -> datetime:
        months = opening.year * 12 + opening.month - 1
        return self._anchored(opening, months + steps * _STEP_MONTHS[self.period])

    def _anchored(self, midnight: datetime, months: int) -> datetime:
        """Return the anchor day's midnight in a month, counted from year 0.

        Always from the anchor itself, never from a neighbour's shortened day: no drift.
        """
        year, month = months // 12, months % 12 + 1
        day = min(self.anchor_day, monthrange(year, month)[1])
        return midnight.replace(year=year, month=month, day=day)


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{field}: must be {least} to {most}")


@cache
def _time_zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_A_PLACE
