"""An oracle for local time: it walks the clock on the wall, and shares nothing with the domain.

It reads the clock every quarter of an hour of UTC and, where what it looks for has changed, finds
the second. No clock is changed twice within a quarter of an hour.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

STEP_S: Final = 900
_STEP: Final = timedelta(seconds=STEP_S)
# Zones with large, small, missing, southern and late changes, missing midnights and skipped days.
ZONES: Final = (
    "Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/New_York",
    "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Asia/Beirut",
    "Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Berlin",
    "Europe/Dublin", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "UTC",
)  # fmt: skip

Key = TypeVar("Key")


def reading(zone: ZoneInfo, second: int) -> datetime:
    """What the clock shows, without zone."""
    return datetime.fromtimestamp(second, zone).replace(tzinfo=None)


class Walk:
    """A walk along the clock of a zone, from one second of UTC to another."""

    def __init__(self, name: str, start: int, end: int) -> None:
        self._zone = ZoneInfo(name)
        self._start = start
        self._shown = [reading(self._zone, second) for second in range(start, end + 1, STEP_S)]

    def changes(
        self, key: Callable[[datetime], Key], *, forward: bool = False
    ) -> Iterator[tuple[int, Key]]:
        """The seconds at which a key of the clock's reading changes, with the new key.

        key: does not change twice within a quarter of an hour of the clock. forward: the key of the
        latest reading shown so far, which a clock set back does not take back.
        """
        latest = self._shown[0]
        found = key(latest)
        for number, (before, shown) in enumerate(pairwise(self._shown)):
            first = self._start + number * STEP_S
            if shown - before != _STEP:
                # By the second, so that nothing is assumed of what lies between.
                for second in range(first + 1, first + STEP_S + 1):
                    now = reading(self._zone, second)
                    latest = max(latest, now)
                    changed = key(latest if forward else now)
                    if changed != found:
                        found = changed
                        yield second, changed
                continue
            least = latest if forward else before
            latest = max(latest, shown)
            changed = key(latest if forward else shown)
            if changed != found:
                yield first + self._seconds(before, least, found, key), changed
                found = changed

    @staticmethod
    def _seconds(
        before: datetime, least: datetime, found: Key, key: Callable[[datetime], Key]
    ) -> int:
        """How long after a reading, on a clock that runs straight, the key is another.

        least: no earlier reading counts.
        """
        low, high = 0, STEP_S
        while high - low > 1:
            middle = (low + high) // 2
            if key(max(least, before + timedelta(seconds=middle))) == found:
                low = middle
            else:
                high = middle
        return high


def day_of(now: datetime) -> date:
    """The key of periods of a day."""
    return now.date()


def hour_of(now: datetime) -> tuple[date, int]:
    """The key of periods of an hour."""
    return now.date(), now.hour


def week_of(now: datetime) -> date:
    """The key of weeks: their Monday."""
    return now.date() - timedelta(days=now.weekday())


def month_of(anchor_day: int) -> Callable[[datetime], tuple[int, int]]:
    """The key of months that open on a day, or on the last of a shorter month."""

    def key(now: datetime) -> tuple[int, int]:
        opens = min(anchor_day, monthrange(now.year, now.month)[1])
        months = now.year * 12 + now.month - 1 - (now.day < opens)
        return months // 12, months % 12

    return key


def year_of(anchor_month: int, anchor_day: int) -> Callable[[datetime], int]:
    """The key of years that open on a day of a month."""

    def key(now: datetime) -> int:
        opens = min(anchor_day, monthrange(now.year, anchor_month)[1])
        return now.year - ((now.month, now.day) < (anchor_month, opens))

    return key


def utc(year: int) -> int:
    """The second at which a year begins in UTC."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
