"""Both sides of the model, run in step: the scripts and the specification."""

import copy
from dataclasses import dataclass, field

from ocs.domain.answer import Answer, Outcome
from ocs.domain.bucket import MAIN, Bucket
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Expire, Mutation, Reserve, UpdateAccount
from ocs.domain.spending_cap import ACCOUNT_HOLDER, CapCounter
from ocs.domain.state import AccountState
from ocs.store import keys
from ocs.store.memory import MemoryLedger
from tests.model.valkey_side import ValkeySide, as_remembered

TENANT = "main"
START_MS = 1_790_000_000_000


@dataclass
class Pair:
    """Runs each command on both sides and compares the answer, the events and the whole state."""

    lua: ValkeySide
    spec: MemoryLedger = field(init=False)
    now_ms: int = START_MS
    step_count: int = 0
    sent: list[Mutation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lua.clear()
        self.lua.now_ms = self.now_ms
        self.spec = MemoryLedger(lambda: self.now_ms)

    def advance(self, delta_ms: int) -> None:
        """Move both clocks; back, too."""
        self.now_ms += delta_ms
        self.lua.now_ms = self.now_ms

    def run(self, command: Mutation | Expire) -> Answer:
        """Run one command, once."""
        before = self.spec.accounts.get((TENANT, command.account_id))
        seen = len(self.spec.journal)
        expected = self.spec.decide(command)
        events = self.spec.journal[seen:]
        if isinstance(command, Expire):
            actual = self.lua.expire(command)
        else:
            actual = self.lua.execute(command)
            self.sent.append(copy.copy(command))
        self.step_count += 1

        assert expected == actual, f"{command}\nspecification {expected}\nscript {actual}"
        partition = keys.partition_of(TENANT, command.account_id)
        written = self.lua.new_events(partition)
        assert events == written, f"{command}\nspecification {events}\nscript {written}"
        after = self.spec.accounts.get((TENANT, command.account_id))
        if after is not None:
            stored = self.lua.read(after)
            assert stored is not None
            self._compare(after, stored)
            check_promises(stored, before if not isinstance(command, UpdateAccount) else stored)
            check_events(before, after, events)
            check_grant(after, actual, self.now_ms)
            if actual.reason is None and not actual.replayed:
                self._check_due(after)
            if isinstance(command, Reserve) and actual.outcome and not actual.replayed:
                assert not self.lua.lapsed_holds(command), "a write sweeps what lapsed"
        else:
            assert self.lua.client.dbsize() == 0 or before is None
        return actual

    def _check_due(self, after: AccountState) -> None:
        """What was due is done, but for ended buckets that held something at the time."""
        moment, due = max(self.now_ms, after.floor_ms), self.lua.due_ms
        waiting: list[object] = [b for b in after.buckets.values() if b.ended(moment)]
        waiting += after.due_renewals(moment)
        assert due == 0 or due > moment or waiting, f"due {due} has passed"

    def _compare(self, after: AccountState, stored: AccountState) -> None:
        expected = as_remembered(after, self.now_ms)
        actual = as_remembered(stored, self.now_ms)
        if expected != actual:
            for name in AccountState.__slots__:
                left, right = getattr(expected, name), getattr(actual, name)
                assert left == right, f"{name}\nspecification {left}\nscript {right}"


def check_promises(state: AccountState, before: AccountState | None) -> None:
    """P2 and P3, on what the scripts stored.

    Below a credit limit that was lowered, the main bucket gets no worse than it was before.
    """
    held: dict[str, int] = {}
    caps_held: dict[tuple[str, int], int] = {}
    for hold in state.holds.values():
        for bucket_id, quantity in hold.lines:
            assert quantity > 0
            held[bucket_id] = held.get(bucket_id, 0) + quantity
        for line in hold.cap_lines:
            if line.holder == ACCOUNT_HOLDER:
                key = (line.cap_id, line.period_start_ms)
                caps_held[key] = caps_held.get(key, 0) + line.quantity
    for bucket in state.buckets.values():
        was = before.buckets.get(bucket.bucket_id) if before is not None else None
        assert bucket.reserved == held.get(bucket.bucket_id, 0)
        left = _left(state, bucket)
        assert left >= min(0, _left(state, was) if was is not None else 0)
        assert bucket.credited == bucket.balance + bucket.spent + bucket.expired + bucket.withdrawn
    slots = [
        ((holder, cap_id), slot)
        for (holder, cap_id, start), slot in state.slots.items()
        if (window := state.caps[(holder, cap_id)].window) is not None
        and start >= window.first_slot(state.floor_ms)
    ]
    for (holder, cap_id), counter in (*state.counters.items(), *slots):
        if holder == ACCOUNT_HOLDER:
            assert counter.reserved == caps_held.get((cap_id, counter.period_start_ms), 0)


def _left(state: AccountState, bucket: Bucket) -> int:
    limit = state.terms.credit_limit if bucket.bucket_id == MAIN else 0
    return bucket.balance + limit - bucket.reserved


def check_events(
    before: AccountState | None, after: AccountState, events: list[ChargingEvent]
) -> None:
    """P4: seq has no gap, and no money moves without an event that says so."""
    first = before.seq if before is not None else 0
    assert [event.seq for event in events] == list(range(first + 1, after.seq + 1))
    if before is None:
        return
    for bucket_id, bucket in before.buckets.items():
        now = after.buckets.get(bucket_id)
        if now is not None and now.balance != bucket.balance:
            assert any(change.bucket_id == bucket_id for e in events for change in e.buckets)


def check_grant(state: AccountState, answer: Answer, now_ms: int) -> None:
    """P2: at the moment of a grant no cap it holds in has spent + reserved above it."""
    if answer.outcome is not Outcome.GRANTED or answer.replayed:
        return
    now_ms = max(now_ms, state.floor_ms)
    for line in state.holds[answer.reservation_id].cap_lines:
        key = (line.holder, line.cap_id)
        if state.caps[key].window is not None:
            inside = state.slots_inside(state.caps[key], now_ms).values()
            assert sum(map(sum, inside)) <= state.caps[key].limit
            continue
        counter = state.counters.get(key, CapCounter(0))
        spent = counter.spent if counter.period_start_ms == line.period_start_ms else 0
        reserved = state.reserved_in(*key, line.period_start_ms, now_ms)
        assert spent + reserved <= state.caps[key].limit
