"""Calendars: which entry is in force, and how long; and a share of the walk along local clocks."""

from datetime import UTC, date, datetime

import pytest

from ocs.domain.calendar import Calendar, Day, EntryInForce, OverlapError, Span
from tests.campaigns.calendars import FIRST_YEAR, YEARS, run_calendars
from tests.campaigns.support.clocks import ZONES
from tests.campaigns.support.report import Progress

EVERY_DAY = dict.fromkeys(Day, (Span(0, 1440, "always"),))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("zone", ZONES[1::4])
def test_a_year_of_changes_is_what_the_clock_on_the_wall_shows(zone: str) -> None:
    year = FIRST_YEAR + ZONES.index(zone) % YEARS

    result = run_calendars([zone], year, 1, Progress(shown=False))

    assert result.violations == []
    assert int(str(result.figures["calendar changes"])) > 1000


def test_a_calendar_without_a_change_has_no_end() -> None:
    assert Calendar("UTC", {}, ()).at(ms("2026-11-23")) == EntryInForce("", 0)
    assert Calendar("Asia/Tehran", EVERY_DAY, ()).at(ms("2026-11-23")) == EntryInForce("always", 0)


def test_a_change_months_ahead_is_found() -> None:
    only = Calendar("UTC", {Day.HOLIDAY: (Span(0, 1440, "holiday"),)}, [date(2027, 5, 1)])

    assert only.at(ms("2026-11-23")) == EntryInForce("", ms("2027-05-01"))
    assert only.at(ms("2027-05-01")) == EntryInForce("holiday", ms("2027-05-02"))
    assert only.at(ms("2027-05-02")) == EntryInForce("", 0)


def test_the_end_of_a_month_of_holidays_is_found() -> None:
    august = [date(2027, 8, day) for day in range(1, 32)]
    work = dict.fromkeys(list(Day)[:7], (Span(0, 1440, "work"),))
    calendar = Calendar("Pacific/Kiritimati", work, august)

    assert calendar.at(ms("2027-01-01")) == EntryInForce("work", ms("2027-07-31T10:00"))
    assert calendar.at(ms("2027-08-02")) == EntryInForce("", ms("2027-08-31T10:00"))


def test_an_hour_shown_twice_is_in_its_entry_twice() -> None:
    calendar = Calendar("Europe/Berlin", {Day.SUN: (Span(150, 180, "half"),)}, ())

    ends = []
    at = ms("2026-10-24T23:00")  # 01:00 in Berlin; at 03:00 the clock goes back to 02:00
    for _ in range(4):
        at = calendar.at(at).until_ms
        ends.append(at)

    assert ends == [ms(f"2026-10-25T{time}") for time in ("00:30", "01:00", "01:30", "02:00")]


def test_an_hour_never_shown_is_in_no_entry() -> None:
    calendar = Calendar("Europe/Berlin", {Day.SUN: (Span(120, 180, "gone"),)}, ())

    # The Sunday after has it again.
    assert calendar.at(ms("2027-03-27T12:00")) == EntryInForce("", ms("2027-04-04T00:00"))


def test_two_entries_never_have_the_same_minute() -> None:
    spans = {Day.TUE: (Span(0, 61, "one"), Span(60, 70, "other"))}

    with pytest.raises(OverlapError, match="one and other overlap on tue"):
        Calendar("UTC", spans, ())


def test_entries_may_touch() -> None:
    spans = {Day.MON: (Span(0, 60, "one"), Span(60, 120, "other"), Span(120, 180, "other"))}
    calendar = Calendar("UTC", spans, ())
    monday = ms("2026-11-23")
    hour = 3_600_000

    assert calendar.at(monday) == EntryInForce("one", monday + hour)
    assert calendar.at(monday + hour) == EntryInForce("other", monday + 3 * hour)


def test_moments_may_be_asked_in_any_order() -> None:
    calendar = Calendar("Europe/Berlin", {Day.MON: (Span(480, 1200, "peak"),)}, ())
    moments = [ms("2026-11-23T12:00") + step * 7_777_777 for step in range(-300, 300)]
    asked_in_order = [
        Calendar("Europe/Berlin", {Day.MON: (Span(480, 1200, "peak"),)}, ()).at(at)
        for at in moments
    ]

    assert [calendar.at(at) for at in reversed(moments)] == asked_in_order[::-1]
