"""One decision in the making: the changed state, the events so far, and what is in force."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ocs.domain.answer import Answer, Reason
from ocs.domain.bucket import Bucket
from ocs.domain.charging_event import BucketChange, ChargingEvent, CounterChange, EventKind
from ocs.domain.reservation import Reservation, SessionRating
from ocs.domain.spending_cap import ACCOUNT_HOLDER, CapCounter
from ocs.domain.state import AccountState
from ocs.limits import QUANTITY_MAX, REMEMBER_MS


class Decision(NamedTuple):
    """What became of a command: the state after, the answer, and the events to journal."""

    state: AccountState | None
    answer: Answer
    events: list[ChargingEvent]


@dataclass(slots=True)
class Turn:
    """Working copy for one decision. now_ms already respects the account's floor."""

    state: AccountState
    now_ms: int
    events: list[ChargingEvent] = field(default_factory=list)
    recorded: bool = False
    _before: dict[str, Bucket] = field(default_factory=dict)
    # Holder, cap, and the slot of a rolling one (else -1).
    _touched: dict[tuple[str, str, int], None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = dict(self.state.buckets)

    # What is in force now.

    def reservation(self, reservation_id: str) -> Reservation | None:
        """Find a reservation that is still remembered."""
        found = self.state.reservations.get(reservation_id)
        return found if found is not None and found.forget_ms > self.now_ms else None

    def session(self, session_id: str, service_id: str) -> SessionRating:
        """Find the rating of a session, or start one."""
        found = self.state.sessions.get((session_id, service_id))
        if found is not None and found.expire_ms > self.now_ms:
            return found
        return SessionRating(0)

    def save_session(self, session_id: str, service_id: str, rating: SessionRating) -> None:
        """Keep a session that has anything to remember, one hour beyond its last hold."""
        if session_id and (rating.paid_to or rating.position or rating.sequence_number >= 0):
            until = max(rating.expire_ms, self.now_ms + REMEMBER_MS)
            self.state.sessions[(session_id, service_id)] = replace(rating, expire_ms=until)

    # Changes.

    def pay(self, bucket_id: str, quantity: int) -> None:
        """Collect from a bucket."""
        self.state.buckets[bucket_id] = self.state.buckets[bucket_id].pay(quantity)

    def hold(self, bucket_id: str, quantity: int) -> None:
        """Hold in a bucket; negative gives back."""
        self.state.buckets[bucket_id] = self.state.buckets[bucket_id].hold(quantity)

    def count(self, key: tuple[str, str], period_start_ms: int, *, spent: int, held: int) -> None:
        """Move a cap's counter; one of an earlier period starts again.

        spent stays at 2^53-1 rather than pass it. Only account caps store what is held: a
        subscriber's or group's counter moves when something is spent.
        """
        stored = self.state.counters.get(key)
        if key[0] != ACCOUNT_HOLDER:
            held = 0
            if spent == 0:
                return
        if self.state.caps[key].window is not None:
            self._move_slot(key, period_start_ms, spent, held)
            return
        if stored is None or stored.period_start_ms < period_start_ms:
            stored = CapCounter(period_start_ms)
        assert stored.period_start_ms == period_start_ms
        self.state.counters[key] = CapCounter(
            period_start_ms, min(QUANTITY_MAX, stored.spent + spent), stored.reserved + held
        )
        self._touched[(*key, -1)] = None

    def uncount(self, key: tuple[str, str], period_start_ms: int, spent: int) -> int:
        """Take back what a cap counted, unless its counter has moved on; never below 0.

        Return what was taken back.
        """
        rolling = self.state.caps[key].window is not None
        if rolling:
            stored = self.state.slots.get((*key, period_start_ms))
        else:
            stored = self.state.counters.get(key)
        if (
            stored is None
            or stored.spent == 0
            or stored.period_start_ms != period_start_ms
            or not self.counts_in(key, period_start_ms)
        ):
            return 0
        taken = min(stored.spent, spent)
        if rolling:
            self._move_slot(key, period_start_ms, -taken, 0)
        else:
            self.state.counters[key] = replace(stored, spent=stored.spent - taken)
            self._touched[(*key, -1)] = None
        return taken

    def _move_slot(self, key: tuple[str, str], start_ms: int, spent: int, held: int) -> None:
        """Move one slot of a rolling cap; what is empty or has left the window is forgotten."""
        slots, window = self.state.slots, self.state.caps[key].window
        assert window is not None
        stored = slots.get((*key, start_ms), CapCounter(start_ms))
        slots[(*key, start_ms)] = CapCounter(
            start_ms, min(QUANTITY_MAX, stored.spent + spent), stored.reserved + held
        )
        self._touched[(*key, start_ms)] = None
        first = window.first_slot(self.now_ms)
        for holder, cap_id, start in list(slots):
            counter = slots[(holder, cap_id, start)]
            if (holder, cap_id) == key and (
                start < first or (counter.spent, counter.reserved) == (0, 0)
            ):
                del slots[(holder, cap_id, start)]

    def counts_in(self, key: tuple[str, str], period_start_ms: int) -> bool:
        """Say whether a hold of this period still moves the counter: not once it has rolled."""
        window = self.state.caps[key].window
        if window is not None:
            return period_start_ms >= window.first_slot(self.now_ms)
        stored = self.state.counters.get(key)
        return stored is None or stored.period_start_ms <= period_start_ms

    # Results.

    def emit(self, kind: EventKind, **parts: Any) -> ChargingEvent:
        """Journal an event with everything that changed since the one before."""
        self.state.seq += 1
        changes = self._bucket_changes()
        event = ChargingEvent(
            kind=kind,
            tenant=self.state.tenant,
            account_id=self.state.account_id,
            seq=self.state.seq,
            store_ms=self.now_ms,
            buckets=changes,
            low=self._low(changes),
            counters=self._counter_changes(),
            **parts,
        )
        self.events.append(event)
        self._before = dict(self.state.buckets)
        self._touched = {}
        return event

    def _bucket_changes(self) -> list[BucketChange]:
        changes = []
        for bucket in self.state.in_consumption_order():
            old = self._before.get(bucket.bucket_id) or Bucket(bucket.bucket_id, bucket.terms)
            if (old.balance, old.reserved) != (bucket.balance, bucket.reserved):
                changes.append(
                    BucketChange(
                        bucket.bucket_id, old.balance, old.reserved, bucket.balance, bucket.reserved
                    )
                )
        return changes

    def _low(self, changes: list[BucketChange]) -> list[tuple[str, int]]:
        """Return thresholds that a balance came down to; one that rises above may do so again."""
        fired = []
        for change in changes:
            mark = self.state.thresholds.get(change.bucket_id)
            if mark is None:
                continue
            low = change.balance_after <= mark.quantity
            if low and not mark.low:
                fired.append((change.bucket_id, mark.quantity))
            self.state.thresholds[change.bucket_id] = replace(mark, low=low)
        return fired

    def _counter_changes(self) -> list[CounterChange]:
        changes = []
        for holder, cap_id, slot in self._touched:
            if slot >= 0:
                counter = self.state.slots.get((holder, cap_id, slot), CapCounter(slot))
            else:
                counter = self.state.counters[(holder, cap_id)]
            start = counter.period_start_ms
            reserved = counter.reserved
            if holder != ACCOUNT_HOLDER:
                reserved = self.state.reserved_in(holder, cap_id, start, self.now_ms)
            changes.append(CounterChange(holder, cap_id, start, counter.spent, reserved))
        return changes

    def answer(self, **parts: Any) -> Answer:
        """Answer with the account's position."""
        return Answer(self.state.seq, self.now_ms, **parts)

    def refuse(self, reason: Reason) -> Answer:
        """Answer with a reason."""
        return Answer(self.state.seq, self.now_ms, reason=reason)

    def finish(self, answer: Answer) -> Decision:
        """Close the turn; the floor moves with whatever else is written."""
        if self.events or self.recorded:
            self.state.floor_ms = self.now_ms
        return Decision(self.state, answer, self.events)
