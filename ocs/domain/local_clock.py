"""Readings of a local clock, and the instants at which it shows them.

A local clock may show a time twice (set back), never (set forward), or skip a whole day. All
datetimes here carry the same zone object, so Python adds and compares them as clock readings, blind
to offset and fold, which is what is wanted. Instants are whole Unix seconds.
"""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@lru_cache(maxsize=1024)  # more than there are zones; ZoneInfo's own cache keeps eight
def zone_of(name: str) -> ZoneInfo:
    """Return the data of an IANA time zone whose name was checked."""
    return ZoneInfo(name)


def first_second(reading: datetime) -> int:
    """Return the first instant at which the clock shows `reading` or later."""
    first = (reading - _EPOCH) // _SECOND
    second = (reading.replace(fold=1) - _EPOCH) // _SECOND
    if first <= second:  # shown once, or twice
        return first
    # Never shown: PEP 495 then has fold=1 before the jump and fold=0 after it.
    gap = range(second, first)
    return second + bisect_left(
        gap, reading, key=lambda instant: datetime.fromtimestamp(instant, reading.tzinfo)
    )
