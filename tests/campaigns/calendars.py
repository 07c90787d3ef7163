"""`make calendars`: periods and calendars against an oracle that walks the clock on the wall.

YEARS from 2019 on in ZONES zones: at -1 ms, 0 and +1 ms of each change that the oracle or the
domain sees, both must agree, and there must be no change that only one of them sees.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Final

from ocs.domain.calendar import Calendar, Day, Span
from ocs.domain.periods import Period, period_bounds
from tests.campaigns.support.clocks import (
    ZONES,
    Walk,
    day_of,
    hour_of,
    month_of,
    utc,
    week_of,
    year_of,
)
from tests.campaigns.support.report import Progress, Result

FIRST_YEAR: Final = 2019
YEARS: Final = 10
HOLIDAYS: Final = tuple(
    date(year, month, day)
    for year in range(FIRST_YEAR, FIRST_YEAR + YEARS)
    for month, day in ((1, 1), (3, 29), (10, 25), (12, 25), (12, 26), (12, 31))
)
WORKDAYS: Final = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)
# Minutes of the day at which clocks are changed are among them: 00:00, 01:00, 02:00, 02:30, 03:00.
HOURS: Final[dict[Day, Sequence[Span]]] = {
    **dict.fromkeys(WORKDAYS, (Span(0, 60, "small"), Span(480, 1200, "peak"))),
    Day.SAT: (Span(120, 150, "short"), Span(150, 1440, "weekend")),
    Day.SUN: (Span(0, 180, "weekend"), Span(200, 215, "quarter"), Span(1410, 1440, "late")),
    Day.HOLIDAY: (Span(0, 1440, "holiday"),),
}

PERIODS: Final[tuple[tuple[Period, int, int, Callable[[datetime], Any]], ...]] = (
    (Period.DAY, 1, 1, day_of),
    (Period.WEEK, 1, 1, week_of),
    *((Period.MONTH, day, 1, month_of(day)) for day in (1, 29, 30, 31)),
    *((Period.YEAR, day, month, year_of(month, day)) for month, day in ((1, 1), (2, 29), (10, 31))),
)


def entry_of(now: datetime) -> str:
    """The oracle's entry of a reading: by going through all hours."""
    day = Day.HOLIDAY if now.date() in HOLIDAYS else Day(now.weekday())
    minute = now.hour * 60 + now.minute
    return next((span.entry for span in HOURS[day] if span.start <= minute < span.end), "")


def check_calendar(name: str, walk: Walk, violations: list[str]) -> int:
    """Compare a calendar in a zone; return how many changes there were."""
    calendar = Calendar(name, HOURS, HOLIDAYS)
    seen = list(walk.changes(entry_of))
    for index, (second, entry) in enumerate(seen):
        at = second * 1000
        after = seen[index + 1][0] * 1000 if index + 1 < len(seen) else None
        before = calendar.at(at - 1)
        told = [calendar.at(at), calendar.at(at + 1)]
        if before.until_ms != at or before.entry == entry:
            violations.append(f"{name} {second}: {before} instead of a change to {entry!r}")
        violations += [
            f"{name} {second}: {one} instead of {entry!r} until {after}"
            for one in told
            if one.entry != entry or (after is not None and one.until_ms != after)
        ]
    return len(seen)


def check_period(
    name: str,
    kind: tuple[Period, int, int, Callable[[datetime], Any]],
    walk: Walk,
    violations: list[str],
) -> int:
    """Compare the periods of one kind in a zone; return how many there were."""
    period, anchor_day, anchor_month, key = kind
    opened = [at for at, _ in walk.changes(key, forward=True)]
    for index in range(1, len(opened) - 1):
        at, following = opened[index] * 1000, opened[index + 1] * 1000
        wanted = {
            -1: (opened[index - 1] * 1000, at, following),
            0: (at, following),
            1: (at, following),
        }
        for offset, bounds in wanted.items():
            found = period_bounds(
                period,
                time_zone=name,
                anchor_day=anchor_day,
                anchor_month=anchor_month,
                now_ms=at + offset,
            )
            told = (found.start_ms, found.end_ms, found.next_end_ms)
            if told[: len(bounds)] != bounds:
                violations.append(
                    f"{name} {period.value} {anchor_month}-{anchor_day} at {at}{offset:+}:"
                    f" {told} instead of {bounds}"
                )
    return len(opened)


def run_calendars(zones: Sequence[str], first_year: int, years: int, progress: Progress) -> Result:
    """Run the campaign."""
    result = Result("calendars", seed=0, figures={"zones": len(zones), "years": years})
    start, end = utc(first_year), utc(first_year + years)
    count = {"calendar changes": 0, "periods": 0}
    for name in zones:
        progress.say(name)
        walk = Walk(name, start, end)
        count["calendar changes"] += check_calendar(name, walk, result.violations)
        for kind in PERIODS:
            count["periods"] += check_period(name, kind, walk, result.violations)
        # Hours are many: a year of them shows every change of the clock.
        hours = (Period.HOUR, 1, 1, hour_of)
        walk = Walk(name, start, utc(first_year + 1))
        count["periods"] += check_period(name, hours, walk, result.violations)
    result.figures |= count
    return result


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=YEARS, choices=range(1, YEARS + 1))
    parser.add_argument("--zones", type=int, default=len(ZONES), choices=range(1, len(ZONES) + 1))
    options = parser.parse_args()
    started = time.monotonic()
    progress = Progress()
    result = run_calendars(ZONES[: options.zones], FIRST_YEAR, options.years, progress)
    progress.end()
    result.figures["seconds"] = time.monotonic() - started
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
