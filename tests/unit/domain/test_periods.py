"""Cap periods: worked days, and every boundary against an oracle that only asks what clocks show.

The oracle reads zones in one direction, instant to clock reading, and walks forward keeping the
latest reading shown so far; the module under test goes from readings to instants. `PERIOD_YEARS`
(1 to 21) sets how many of the years 2015-2035 each zone is walked through.
"""

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocs.domain import periods
from ocs.domain.periods import Period, PeriodBounds, check_time_zone, period_bounds

FIRST_YEAR, LAST_YEAR = 2015, 2035
YEARS = int(os.environ.get("PERIOD_YEARS", "1"))
HOUR, DAY = 3600, 86_400
SECOND = timedelta(seconds=1)

# Whole-hour, half-hour and quarter offsets; both hemispheres; missing and repeated midnights;
# clock changes by 30 min, 2 h and 3 h; across the date line; negative DST; Ramadan.
ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/New_York", "America/Nuuk",
    "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "Antarctica/Casey",
    "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran",
    "Australia/Lord_Howe", "Europe/Dublin", "Europe/Paris", "Pacific/Apia", "Pacific/Chatham",
    "UTC",
)  # fmt: skip
COUNTED = (Period.HOUR, Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR)
ANY_ZONE = st.sampled_from(sorted(available_timezones() - {"localtime", "posixrules", "Factory"}))


def ms(instant: str) -> int:
    """Unix ms of an ISO 8601 instant with offset."""
    return int(datetime.fromisoformat(instant).timestamp()) * 1000


def bounds(
    period: Period, zone: str, now_ms: int, day: int = 1, month: int = 1
) -> tuple[int, int, int]:
    """`period_bounds` as a plain tuple."""
    found = period_bounds(period, time_zone=zone, anchor_day=day, anchor_month=month, now_ms=now_ms)
    return found.start_ms, found.end_ms, found.next_end_ms


@cache
def offsets(zone: str, first: int, last: int) -> list[tuple[int, int]]:
    """(instant, UTC offset from then on) in seconds: asked every 3 h, then every minute."""
    tz = ZoneInfo(zone)

    def offset(instant: int) -> int:
        return (datetime.fromtimestamp(instant, tz).utcoffset() or timedelta()) // SECOND

    found = [(first, offset(first))]
    for coarse in range(first, last, 3 * HOUR):
        if offset(coarse + 3 * HOUR) != found[-1][1]:
            for fine in range(coarse + 60, coarse + 3 * HOUR + 1, 60):
                if offset(fine) != found[-1][1]:
                    found.append((fine, offset(fine)))
    return found


def openings(zone: str, first: int, last: int, unit: int) -> Iterator[tuple[int, int, int]]:
    """Walk the clock: (instant, reading, latest reading before it) where a new hour or day shows.

    Readings are seconds since 1970-01-01 of the clock. Only a reading later than all before it
    can open anything, so hours and days shown again are passed over.
    """
    pieces = [*offsets(zone, first, last), (last, 0)]
    high = first + pieces[0][1]
    for (begin, offset), (end, _) in pairwise(pieces):
        if (begin + offset) // unit > high // unit:  # set forward over an opening
            yield begin, begin + offset, high
            high = begin + offset
        reading = (high // unit + 1) * unit
        while reading - offset < end:
            yield reading - offset, reading, reading - 1
            high = reading
            reading += unit
        high = max(high, end - 1 + offset)


def opens(period: Period, day: date, anchor_day: int, anchor_month: int) -> bool:
    """Whether a week, month or year starts on this date of the calendar."""
    if period is Period.DAY:
        return True
    if period is Period.WEEK:
        return day.isoweekday() == 1
    month_ends = (day + timedelta(days=1)).day == 1
    anchored = day.day == anchor_day or (month_ends and day.day < anchor_day)
    return anchored and (period is Period.MONTH or day.month == anchor_month)


def boundaries(
    period: Period, zone: str, first: int, last: int, *, day: int = 1, month: int = 1
) -> list[int]:
    """Every instant in seconds, in order, at which a period starts."""
    if period is Period.HOUR:
        return [instant for instant, _, _ in openings(zone, first, last, HOUR)]
    found = []
    for instant, reading, before in openings(zone, first, last, DAY):
        passed = range(before // DAY + 1, reading // DAY + 1)  # more than one if a day was skipped
        dates = (date(1970, 1, 1) + timedelta(days=number) for number in passed)
        if any(opens(period, each, day, month) for each in dates):
            found.append(instant)
    return found


def assert_bounds_at(
    period: Period, zone: str, expected: list[int], *, day: int = 1, month: int = 1
) -> int:
    """Compare at -1, 0 and +1 ms of each boundary that has its neighbours; return how many."""
    for index in range(1, len(expected) - 2):
        before, here, then, last = (each * 1000 for each in expected[index - 1 : index + 3])
        context = (period, zone, here, day, month)

        assert (before, here, then) == bounds(period, zone, here - 1, day, month), context
        assert (here, then, last) == bounds(period, zone, here, day, month), context
        assert (here, then, last) == bounds(period, zone, here + 1, day, month), context
    return max(0, len(expected) - 3)


def walked(zone: str, years: int) -> tuple[int, int]:
    """First and last second of a run of years within 2015-2035, another run for each zone."""
    years = min(years, LAST_YEAR - FIRST_YEAR + 1)
    runs = LAST_YEAR - FIRST_YEAR + 2 - years
    year = FIRST_YEAR + ZONES.index(zone) * 8 % runs
    return ms(f"{year}-01-01T00:00:00Z") // 1000, ms(f"{year + years}-01-01T00:00:00Z") // 1000


def days_around(instant: int) -> tuple[int, int]:
    """First and last second of the four days with the instant in their middle."""
    return instant - 48 * HOUR, instant + 48 * HOUR


@pytest.mark.parametrize("zone", ZONES)
def test_hours_around_clock_changes(zone: str) -> None:
    """Hours agree with the oracle in the days around clock changes (all, from 4 years on)."""
    years = walked(zone, max(YEARS, 8))
    changes = [instant for instant, _ in offsets(zone, *years)[1:]] or [sum(years) // 2]

    for instant in changes[: 6 * YEARS]:
        expected = boundaries(Period.HOUR, zone, *days_around(instant))

        assert assert_bounds_at(Period.HOUR, zone, expected) > 85


@pytest.mark.parametrize("zone", ZONES)
def test_days_and_weeks_of_whole_years(zone: str) -> None:
    """Days and weeks agree with the oracle at every boundary of the walked years."""
    years = walked(zone, YEARS)
    for period, least in ((Period.DAY, 360), (Period.WEEK, 48)):
        expected = boundaries(period, zone, *years)

        assert assert_bounds_at(period, zone, expected) >= least * min(YEARS, 21)


@pytest.mark.parametrize("zone", ZONES)
def test_months_and_years(zone: str) -> None:
    """Months and years agree with the oracle for anchors that a short month moves, and others."""
    years = walked(zone, max(YEARS, 8))
    for day in (1, 28, 29, 30, 31):
        expected = boundaries(Period.MONTH, zone, *years, day=day)

        assert assert_bounds_at(Period.MONTH, zone, expected, day=day) >= 92

    for month, day in ((1, 1), (2, 28), (2, 29), (4, 31), (12, 30), (12, 31)):
        expected = boundaries(Period.YEAR, zone, *years, day=day, month=month)

        assert assert_bounds_at(Period.YEAR, zone, expected, day=day, month=month) >= 4


@pytest.mark.parametrize("zone", ZONES)
def test_hours_of_whole_years(zone: str) -> None:
    """Hours agree with the oracle at every boundary of the walked years; two weeks for one year."""
    first, last = walked(zone, YEARS)
    if YEARS == 1:
        last = first + 14 * DAY
    expected = boundaries(Period.HOUR, zone, first, last)

    assert assert_bounds_at(Period.HOUR, zone, expected) > (last - first) // HOUR * 0.98


@settings(deadline=None, max_examples=40 * YEARS)
@given(
    zone=ANY_ZONE,
    period=st.sampled_from((Period.HOUR, Period.DAY)),
    year=st.integers(2000, 2198),
    which=st.integers(0, 3),
    away=st.integers(-30 * HOUR, 30 * HOUR),
)
def test_minute_by_minute(zone: str, period: Period, year: int, which: int, away: int) -> None:
    """Near a clock change, a period is all the minutes in which its hour or date is the latest."""
    first, last = (ms(f"{each}-01-05T00:00Z") // 1000 for each in (year, year + 1))
    pieces = offsets(zone, first, last)
    now = pieces[which % len(pieces)][0] + away
    shape = "%Y-%m-%d %H" if period is Period.HOUR else "%Y-%m-%d"
    latest = datetime.min  # noqa: DTZ901 -- a clock reading
    minutes: dict[str, list[int]] = {}
    for minute in range(now // 60 * 60 - 3 * DAY, now + 2 * DAY, 60):
        shown = datetime.fromtimestamp(minute, ZoneInfo(zone)).replace(tzinfo=None)
        latest = max(latest, shown)
        minutes.setdefault(latest.strftime(shape), []).append(minute)
    holding = next(each for each in minutes.values() if each[0] <= now < each[-1] + 60)

    assert (holding[0] * 1000, (holding[-1] + 60) * 1000) == bounds(period, zone, now * 1000)[:2]


@settings(deadline=None, max_examples=300 * YEARS)
@given(
    zone=ANY_ZONE,
    period=st.sampled_from(COUNTED),
    day=st.integers(1, 31),
    month=st.integers(1, 12),
    now=st.integers(ms("2002-01-01T00:00:00Z"), ms("2197-01-01T00:00:00Z")),
    later=st.integers(0, 400 * DAY * 1000),
)
def test_periods_tile_time(
    *, zone: str, period: Period, day: int, month: int, now: int, later: int
) -> None:
    """Periods hold their own instants, meet without gap or overlap, and never step back."""
    start, end, next_end = bounds(period, zone, now, day, month)

    assert start <= now < end < next_end
    assert (start, end, next_end) == bounds(period, zone, start, day, month)
    assert (start, end, next_end) == bounds(period, zone, end - 1, day, month)
    assert (end, next_end) == bounds(period, zone, end, day, month)[:2]
    assert start == bounds(period, zone, start - 1, day, month)[1]
    assert start <= bounds(period, zone, now + later, day, month)[0]


@pytest.mark.parametrize("now_ms", [periods.NOW_MS_MIN, periods.NOW_MS_MAX])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_both_ends_of_the_range(zone: str, now_ms: int) -> None:
    """The first and the last accepted instant have bounds in every period."""
    for period in COUNTED:
        start, end, next_end = bounds(period, zone, now_ms, 31, 12)

        assert start <= now_ms < end < next_end


@pytest.mark.parametrize(
    ("zone", "noon", "start", "end"),
    [
        # 23 h and 25 h days.
        ("Europe/Paris", "2026-03-29T12+02", "2026-03-29T00+01", "2026-03-30T00+02"),
        ("Europe/Paris", "2026-10-25T12+01", "2026-10-25T00+02", "2026-10-26T00+01"),
        # No midnight: the day opens at 01:00.
        ("America/Sao_Paulo", "2018-11-04T12-02", "2018-11-04T01-02", "2018-11-05T00-02"),
        ("Africa/Cairo", "2023-04-28T12+03", "2023-04-28T01+03", "2023-04-29T00+03"),
        ("Asia/Beirut", "2022-03-27T12+03", "2022-03-27T01+03", "2022-03-28T00+03"),
        # Midnight twice: the day opens at the first.
        ("America/Havana", "2024-11-03T12-05", "2024-11-03T00-04", "2024-11-04T00-05"),
        # Set back at 00:01 into the day before: that one minute has opened the day already.
        ("America/St_Johns", "2010-11-07T12-03:30", "2010-11-07T00-02:30", "2010-11-08T00-03:30"),
        # Set back from 24:00 to 23:00: midnight is shown once, after.
        ("America/Sao_Paulo", "2018-02-17T12-02", "2018-02-17T00-02", "2018-02-18T00-03"),
        # 24.5 h.
        ("Australia/Lord_Howe", "2024-04-07T12+10:30", "2024-04-07T00+11", "2024-04-08T00+10:30"),
        # 30 December 2011 did not happen: 29 is followed by 31.
        ("Pacific/Apia", "2011-12-29T12-10", "2011-12-29T00-10", "2011-12-31T00+14"),
        ("Pacific/Apia", "2011-12-31T12+14", "2011-12-31T00+14", "2012-01-01T00+14"),
    ],
)  # fmt: skip
def test_days(zone: str, noon: str, start: str, end: str) -> None:
    """One reset per day of the calendar, at the first instant of that day."""
    assert (ms(start), ms(end)) == bounds(Period.DAY, zone, ms(noon))[:2]


@pytest.mark.parametrize(
    ("zone", "now", "start", "end"),
    [
        # Shown twice: one period of 2 h, the same from either.
        ("Europe/Paris", "2026-10-25T02:30+02", "2026-10-25T02+02", "2026-10-25T03+01"),
        ("Europe/Paris", "2026-10-25T02:30+01", "2026-10-25T02+02", "2026-10-25T03+01"),
        # Skipped: 01 is followed by 03.
        ("Europe/Paris", "2026-03-29T01:59+01", "2026-03-29T01+01", "2026-03-29T03+02"),
        ("Europe/Paris", "2026-03-29T03+02", "2026-03-29T03+02", "2026-03-29T04+02"),
        # Half an hour shown twice, and half an hour skipped.
        ("Australia/Lord_Howe", "2024-04-07T01:45+1030", "2024-04-07T01+11", "2024-04-07T02+1030"),
        ("Australia/Lord_Howe", "2024-10-06T02:45+11", "2024-10-06T02:30+11", "2024-10-06T03+11"),
        # Hours of the local clock, not of UTC.
        ("Asia/Kathmandu", "2026-05-05T12:10+05:45", "2026-05-05T12+05:45", "2026-05-05T13+05:45"),
        # 00:01 back to 23:01: what is shown again counts in the hour that was open.
        ("America/St_Johns", "2010-11-06T23:30-0330", "2010-11-07T00-0230", "2010-11-07T01-0330"),
    ],
)  # fmt: skip
def test_hours(zone: str, now: str, start: str, end: str) -> None:
    """An hour that the clock shows twice is one period; one it skips is none."""
    assert (ms(start), ms(end)) == bounds(Period.HOUR, zone, ms(now))[:2]


def test_week_opens_on_monday() -> None:
    """Sunday's last ms belongs to the week before; the week of a clock change has 167 h."""
    monday, next_monday = ms("2026-03-23T00:00+01:00"), ms("2026-03-30T00:00+02:00")

    assert monday == bounds(Period.WEEK, "Europe/Paris", next_monday - 1)[0]
    assert next_monday == bounds(Period.WEEK, "Europe/Paris", next_monday)[0]
    assert next_monday - monday == 167 * HOUR * 1000


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        (31, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        (30, ["2026-12-30", "2027-01-30", "2027-02-28", "2027-03-30", "2027-04-30", "2027-05-30"]),
        (29, ["2026-12-29", "2027-01-29", "2027-02-28", "2027-03-29", "2027-04-29", "2027-05-29"]),
        (1, ["2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01", "2027-04-01", "2027-05-01"]),
    ],
)
def test_monthly_anchor_does_not_drift(day: int, starts: list[str]) -> None:
    """A short month's last day stands in for the anchor, and the next month is back on it."""
    expected = [ms(f"{start}T00:00Z") for start in starts]
    rolled = [expected[0]]
    for _ in starts[1:]:
        rolled.append(bounds(Period.MONTH, "UTC", rolled[-1], day)[1])

    assert expected == rolled


def test_yearly_anchor_on_leap_day() -> None:
    """29 February is 28 in common years and 29 again in leap years, 2100 being common."""
    for first, starts in (
        ("2026-02-28", ["2027-02-28", "2028-02-29", "2029-02-28", "2030-02-28"]),
        ("2096-02-29", ["2097-02-28", "2098-02-28", "2099-02-28", "2100-02-28", "2101-02-28"]),
    ):
        now = ms(f"{first}T00:00Z")
        for start in starts:
            now = bounds(Period.YEAR, "UTC", now, 29, 2)[1]

            assert ms(f"{start}T00:00Z") == now


def test_lifetime_never_ends() -> None:
    """A lifetime cap has one period, with nothing after it."""
    end = periods.LIFETIME_END_MS

    assert PeriodBounds(0, end, end) == period_bounds(
        Period.LIFETIME, time_zone="UTC", anchor_day=1, now_ms=periods.NOW_MS_MAX
    )
    assert end < 2**53


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("period", {"period": Period.REQUEST}),
        ("time_zone", {"zone": "Europe/Atlantis"}),
        *(("anchor_day", {"day": day}) for day in (0, 32)),
        *(("anchor_month", {"month": month}) for month in (0, 13)),
        *(("now_ms", {"now_ms": t}) for t in (periods.NOW_MS_MIN - 1, periods.NOW_MS_MAX + 1)),
    ],
)
def test_refusal_names_the_field(field: str, change: dict[str, object]) -> None:
    """What is out of range is refused by the name of its field."""
    good: dict[str, object] = {"period": Period.DAY, "zone": "UTC", "now_ms": periods.NOW_MS_MIN}

    with pytest.raises(ValueError, match=f"^{field}: "):
        bounds(**(good | change))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Europe/Paris", "UTC", "America/Argentina/ComodRivadavia"])
def test_time_zone_accepted(name: str) -> None:
    """Exact IANA names pass, links included, and give bounds."""
    check_time_zone(name)

    assert bounds(Period.DAY, name, periods.NOW_MS_MIN)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "Mars/Olympus", "europe/paris", "Europe/Paris ", "Europe/Paris\0", "Europe",
        "/usr/share/zoneinfo/Europe/Paris", "../../etc/passwd", "Europe/../Europe/Paris",
        "posix/Europe/Paris", "right/Europe/Paris", "localtime", "posixrules", "Factory",
        "tzdata.zi", "+02:00", "CET-1CEST", "x" * 65, "Europe/" * 1000,
    ],
)  # fmt: skip
def test_time_zone_refused(name: str) -> None:
    """Paths, offsets, POSIX rules, other spellings and the host's zone are refused, unechoed."""
    rule = "be an IANA time zone name, such as Europe/Paris"
    if not 1 <= len(name) <= periods.TIME_ZONE_LENGTH_MAX:
        rule = "have 1 to 64 characters"

    with pytest.raises(ValueError, match=rf"^time_zone: must {rule}$"):
        check_time_zone(name)
