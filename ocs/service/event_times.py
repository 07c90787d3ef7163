"""When use may have happened: bounds of the times that a charge names.

They are measured by the service's clock, which a resend meets later than the first send did. So
what breaks them is told to the script as a refusal: a request that was answered before is answered
from its record all the same.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from ocs.domain.use_pieces import Segment
from ocs.limits import (
    EVENT_AGE_AUTHORIZE_MAX_MS,
    EVENT_AGE_MAX_MS,
    EVENT_AHEAD_MAX_MS,
    EVENT_AHEAD_QUOTE_MAX_MS,
)
from ocs.service.requests import Place

# (field path, rule) pairs.
Broken: TypeAlias = list[tuple[str, str]]

_DAY_MS: Final = 86_400_000
_FIELD: Final = "event_time"
_AHEAD: Final = f"must be at most {EVENT_AHEAD_MAX_MS // 1000} s ahead of the service's clock"
_TOO_OLD: Final = f"must be at most {EVENT_AGE_MAX_MS // _DAY_MS} days ago"
_NOT_NOW: Final = f"must be at most {EVENT_AGE_AUTHORIZE_MAX_MS // 60_000} min before request_time"
_TOO_FAR: Final = f"must be at most {EVENT_AHEAD_QUOTE_MAX_MS // _DAY_MS} days ahead"


def broken_time_of_use(place: Place, now_ms: int) -> Broken:
    """Say what is wrong with the event_time of use that happened. now_ms: the service's clock."""
    return _broken(place.event_time_ms, now_ms - EVENT_AGE_MAX_MS, _TOO_OLD, now_ms)


def broken_time_of_wish(place: Place, request_time_ms: int, now_ms: int) -> Broken:
    """Say what is wrong with the event_time of what is asked for before it happens."""
    earliest_ms = request_time_ms - EVENT_AGE_AUTHORIZE_MAX_MS
    return _broken(place.event_time_ms, earliest_ms, _NOT_NOW, now_ms)


def broken_times_of_segments(segments: Sequence[Segment], now_ms: int) -> Broken:
    """Say what is wrong with the times of reported use, whose order is right."""
    found: Broken = []
    for index, (_, start_ms, end_ms) in enumerate(segments):
        if start_ms and start_ms < now_ms - EVENT_AGE_MAX_MS:
            found.append((f"used[{index}].start_time", _TOO_OLD))
        if end_ms > now_ms + EVENT_AHEAD_MAX_MS:
            found.append((f"used[{index}].end_time", _AHEAD))
    return found


def broken_time_of_quote(place: Place, now_ms: int) -> Broken:
    """Say what is wrong with the event_time of use that is only priced."""
    if place.event_time_ms > now_ms + EVENT_AHEAD_QUOTE_MAX_MS:
        return [(_FIELD, _TOO_FAR)]
    old = 0 < place.event_time_ms < now_ms - EVENT_AGE_MAX_MS
    return [(_FIELD, _TOO_OLD)] if old else []


def _broken(event_ms: int, earliest_ms: int, too_early: str, now_ms: int) -> Broken:
    if event_ms == 0:
        return []
    if event_ms < earliest_ms:
        return [(_FIELD, too_early)]
    return [(_FIELD, _AHEAD)] if event_ms > now_ms + EVENT_AHEAD_MAX_MS else []
