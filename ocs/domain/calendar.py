"""The calendar of a tariff: which of its entries is in force, by the clock on the local wall.

An entry is a set of hours of some days of the week, or of holidays; a holiday has the hours of
`holiday` and no longer those of its weekday. What no entry has is the default, "". The clock that
is read is the wall's: an hour that it shows twice is in its entry twice, one that it never shows is
in none.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from ocs.domain.local_clock import zone_of

DEFAULT_ENTRY: Final = ""
MINUTES_PER_DAY: Final = 1440

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
# A week without a change is followed by none, unless a holiday comes.
_DAYS_LOOKED_AHEAD: Final = 8
_DAYS_KEPT: Final = 64


class Day(IntEnum):
    """A kind of day; the weekdays as Python counts them."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6
    HOLIDAY = 7


class Span(NamedTuple):
    """From a minute of the day up to, and without, another: 0 <= start < end <= 1440."""

    start: int
    end: int
    entry: str


class EntryInForce(NamedTuple):
    """An entry, "" for the default, and the first ms at which another is in force; 0 = never."""

    entry: str
    until_ms: int


class OverlapError(ValueError):
    """Two entries have the same minute of the same day."""

    def __init__(self, day: Day, first: str, second: str) -> None:
        super().__init__(f"{first} and {second} overlap on {day.name.lower()}")
        self.day = day
        self.entries = (first, second)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found last: between calls it is nearly always the same."""

    start_ms: int
    in_force: EntryInForce


class Calendar:
    """Immutable to whoever asks."""

    def __init__(
        self, time_zone: str, spans: Mapping[Day, Iterable[Span]], holidays: Iterable[date]
    ) -> None:
        """time_zone: a checked IANA name. Raises OverlapError."""
        self._zone = zone_of(time_zone)
        self._days = tuple(_day(day, spans.get(day, ())) for day in Day)
        self._holidays = frozenset(day.toordinal() for day in holidays)
        # The UTC days on which a holiday may begin or end somewhere.
        self._around_holidays = sorted(
            {day - _EPOCH_DAY + near for day in self._holidays for near in (-1, 0, 1, 2)}
        )
        self._changes = lru_cache(maxsize=_DAYS_KEPT)(self._changes_of_day)
        self._last = _Found(1, EntryInForce(DEFAULT_ENTRY, 1))

    def at(self, at_ms: int) -> EntryInForce:
        """Return the entry in force at a moment, and how long it is."""
        last = self._last
        end = last.in_force.until_ms
        if last.start_ms <= at_ms and (at_ms < end or not end):
            return last.in_force
        return self._find(at_ms)

    def _find(self, at_ms: int) -> EntryInForce:
        day = at_ms // 1000 // _DAY_S
        starts, entries = self._changes(day)
        index = bisect_right(starts, at_ms) - 1
        entry = entries[index]
        in_force = EntryInForce(entry, self._until(day, index + 1, entry))
        self._last = _Found(starts[index], in_force)
        return in_force

    def _until(self, day: int, index: int, entry: str) -> int:
        """The first ms from a place in a UTC day on at which another entry is in force."""
        starts, entries = self._changes(day)
        if index < len(starts):
            return starts[index]
        soon = range(day + 1, day + 1 + _DAYS_LOOKED_AHEAD)
        later = self._around_holidays[bisect_right(self._around_holidays, soon[-1]) :]
        for following in (*soon, *later):
            starts, entries = self._changes(following)
            for start, other in zip(starts, entries, strict=True):
                if other != entry:
                    return start
        return 0

    def _changes_of_day(self, day: int) -> tuple[list[int], list[str]]:
        """The instants of a UTC day at which an entry begins, ms, and those entries.

        The first is the day's first ms. Where the offset from UTC stands, clock and time run alike.
        """
        starts: list[int] = []
        entries: list[str] = []
        for start, end, offset in self._offsets(day * _DAY_S, (day + 1) * _DAY_S):
            at = start
            while at < end:
                local_day, second = divmod(at + offset, _DAY_S)
                span_starts, span_entries = self._hours_of(local_day)
                index = bisect_right(span_starts, second) - 1
                if not entries or entries[-1] != span_entries[index]:
                    starts.append(at * 1000)
                    entries.append(span_entries[index])
                following = span_starts[index + 1] if index + 1 < len(span_starts) else _DAY_S
                at += following - second
        return starts, entries

    def _hours_of(self, local_day: int) -> tuple[list[int], list[str]]:
        ordinal = local_day + _EPOCH_DAY
        # 1 January of the year 1 was a Monday, and its ordinal is 1.
        kind = Day.HOLIDAY if ordinal in self._holidays else (ordinal - 1) % 7
        return self._days[kind]

    def _offsets(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """The stretches (start, end, offset) of a UTC day, seconds.

        No clock is changed twice within an hour, so hours that begin and end with the same offset
        have it throughout.
        """
        stretches: list[tuple[int, int, int]] = []
        began, offset = start, self._offset(start)
        for hour in range(start + _HOUR_S, end + 1, _HOUR_S):
            after = self._offset(hour)
            if after != offset:
                changed = self._first_not(offset, hour - _HOUR_S, hour)
                stretches.append((began, changed, offset))
                began, offset = changed, after
        if began < end:
            stretches.append((began, end, offset))
        return stretches

    def _first_not(self, offset: int, low: int, high: int) -> int:
        """The second of (low, high] in which the offset ceases to be the one at `low`."""
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle) == offset:
                low = middle
            else:
                high = middle
        return high

    def _offset(self, second: int) -> int:
        """How far the local clock is ahead of UTC, whole seconds."""
        shown = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).astimezone(
            self._zone
        )
        ahead = shown.utcoffset()
        assert ahead is not None
        return ahead // timedelta(seconds=1)


def _day(day: Day, spans: Iterable[Span]) -> tuple[list[int], list[str]]:
    """The seconds of the day at which an entry, or the default, begins; the first is 0."""
    starts, entries = [0], [DEFAULT_ENTRY]
    last = Span(0, 0, DEFAULT_ENTRY)
    for span in sorted(spans):
        if span.start < last.end:
            raise OverlapError(day, last.entry, span.entry)
        start, end = span.start * 60, span.end * 60
        if starts[-1] == start:
            entries[-1] = span.entry
        else:
            starts.append(start)
            entries.append(span.entry)
        if end < _DAY_S:
            starts.append(end)
            entries.append(DEFAULT_ENTRY)
        last = span
    return starts, entries
