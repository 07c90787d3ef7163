"""Who paid for which stretch of a session: what buckets of units paid for stays paid by them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ocs.domain.charging_event import ChargingEvent


class Payer(NamedTuple):
    """A bucket that paid for units [start, end) of a session; money: with money."""

    bucket_id: str
    start: int
    end: int
    money: bool


def payers_of(event: ChargingEvent) -> list[Payer]:
    """Return who paid what a charge rated, in order; the rest of it is uncollected.

    A bucket of units fell by the units it paid for. Units that cost nothing leave a bucket of money
    as it was.
    """
    assert event.position is not None
    fell = {
        change.bucket_id: change.balance_before - change.balance_after for change in event.buckets
    }
    free = {payment.bucket_id for payment in event.payments if payment.micros == 0}
    at, found = event.position[1], []
    for bucket_id, units in _stretches(event):
        by_units = bucket_id in free and fell.get(bucket_id, 0) > 0
        found.append(Payer(bucket_id, at, at + units, not by_units))
        at += units
    return found


def _stretches(event: ChargingEvent) -> Iterator[tuple[str, int]]:
    yield from event.stretches or ((payment.bucket_id, payment.units) for payment in event.payments)


class UnitsPaid:
    """The parts of a session that buckets of units paid for."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        """Add [start, end), which begins where the parts so far end, or later."""
        if end <= start:
            return
        if self._parts and self._parts[-1][1] >= start:
            start, end = self._parts[-1][0], max(end, self._parts[-1][1])
            self._parts[-1] = (start, end)
        else:
            self._parts.append((start, end))

    def drop_before(self, position: int) -> None:
        """Forget what ends at a position or before it."""
        self._parts = [part for part in self._parts if part[1] > position]

    def rest_of(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        """Return the parts of [start, end) that they did not pay for, in order."""
        rest, at = [], start
        for low, high in self._parts:
            if low > at and at < end:
                rest.append((at, min(low, end)))
            at = max(at, high)
        if at < end:
            rest.append((at, end))
        return rest
