"""Checks what an event says of cap counters against its charge and the holds in force."""

from typing import TypeAlias

from ocs.domain.answer import Outcome
from ocs.domain.audit.bundles import SALES
from ocs.domain.audit.folded import FoldedAccount
from ocs.domain.audit.windows import apply_slot, check_slot, check_sums, check_window
from ocs.domain.charging_event import ChargingEvent, CounterChange, EventKind
from ocs.domain.periods import Period
from ocs.domain.reservation import CapLine, Hold
from ocs.domain.spending_cap import ACCOUNT_HOLDER, CapCounter, SpendingCap
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX

Key: TypeAlias = tuple[str, str]


def apply_counters(
    account: FoldedAccount, event: ChargingEvent, old: Hold | None, new: Hold | None
) -> None:
    """Check and take over the counters after an event. old, new: what its reservation holds."""
    before, after = _lines(old), _lines(new)
    granted = event.outcome == Outcome.GRANTED
    starts: dict[Period, int] = {}
    check_sums(account, event, before)
    for change in event.counters:
        key = (change.holder, change.cap_id)
        rolling = account.window_of(key) is not None
        if rolling:
            check_slot(account, event, change)
        else:
            _check_counter(account, event, change, before.get(key))
        # Without a charge only a hold line moves a counter, and a grant holds in its period.
        line = after.get(key) if granted and not rolling else None
        line = line or (before.get(key) if event.position is None else None)
        # But what a line or group holds moves no counter of theirs: it may still be in the period
        # in which the settled hold was.
        settled = before.get(key) if key[0] != ACCOUNT_HOLDER and event.position else None
        if settled is not None and settled.period_start_ms == change.period_start_ms:
            line = None
        if line is not None and line.period_start_ms != change.period_start_ms:
            term = f"cap {change.holder}/{change.cap_id} period"
            account.differ(event, term, change.period_start_ms, line.period_start_ms)
        if event.kind is EventKind.DEBIT:
            _check_alike(account, event, key, change.period_start_ms, starts)
        if rolling:
            apply_slot(account, event, change)
            continue
        account.counters[(change.holder, change.cap_id)] = CapCounter(
            change.period_start_ms, change.spent_after, change.reserved_after
        )
    stated = {(c.holder, c.cap_id, c.period_start_ms) for c in event.counters}
    told = {place[:2] for place in stated if account.window_of(place[:2]) is None}
    for line in (*before.values(), *after.values()):
        key = (line.holder, line.cap_id)
        silent = key not in told and (*key, line.period_start_ms) not in stated
        if key[0] == ACCOUNT_HOLDER and silent:
            _check_unstated(account, event, line)
    if granted:
        for key, line in after.items():
            _check_limit(account, event, line)
            _check_alike(account, event, key, line.period_start_ms, starts)


def _lines(hold: Hold | None) -> dict[Key, CapLine]:
    lines = hold.cap_lines if hold is not None else ()
    return {(line.holder, line.cap_id): line for line in lines}


def _check_counter(
    account: FoldedAccount, event: ChargingEvent, change: CounterChange, line: CapLine | None
) -> None:
    key = (change.holder, change.cap_id)
    term = f"cap {change.holder}/{change.cap_id}"
    cap = account.caps.get(key)
    if cap is None or cap.period is Period.REQUEST:
        account.differ(event, term, "counted", "no counter")
        return
    was = account.counters.get(key)
    period = change.period_start_ms
    earliest = was.period_start_ms if was is not None else 0
    latest = 0 if cap.period is Period.LIFETIME else event.store_ms
    if not earliest <= period <= latest:
        account.differ(event, f"{term} period", period, f"{earliest} to {latest}")
    base = was.spent if was is not None and was.period_start_ms == period else 0
    if event.kind is EventKind.REFUND:
        least = most = max(0, base - _refunded(account, event, cap))
    else:
        least, most = _due_spent(event, cap, period, line)
        least, most = (min(QUANTITY_MAX, base + spent) for spent in (least, most))
    if not least <= change.spent_after <= most:
        due = least if least == most else f"{least} to {most}"
        account.differ(event, f"{term} spent", change.spent_after, due)
    held = account.holds.reserved_in(key, period, event.store_ms)
    if change.reserved_after != held:
        account.differ(event, f"{term} reserved", change.reserved_after, held)


def _refunded(account: FoldedAccount, event: ChargingEvent, cap: SpendingCap) -> int:
    """Return what a refund takes off a cap: money, from a cap of money."""
    if cap.unit is not Unit.MICROS:
        return 0
    return sum(line.quantity for line in event.refunds if account.is_money(line.to_bucket_id))


def _due_spent(
    event: ChargingEvent, cap: SpendingCap, period: int, line: CapLine | None
) -> tuple[int, int]:
    """Return the least and the most that the event may have counted in this period.

    A charge counts whole, but for what a hold of an earlier period pays: that counts there. How
    much that is depends on the price, which the event does not carry.
    """
    if event.position is None and event.kind not in SALES:
        return 0, 0
    if event.position is None or cap.unit is Unit.MICROS:
        total = sum(payment.micros for payment in event.payments)
    else:
        total = event.position[3] - event.position[1]
    if line is not None and line.period_start_ms < period:
        return max(0, total - line.quantity), total
    return total, total


def _check_unstated(account: FoldedAccount, event: ChargingEvent, line: CapLine) -> None:
    """A hold line that came or went shows in the account's counter, unless that has rolled."""
    key = (line.holder, line.cap_id)
    cap = account.caps.get(key)
    counter = account.counters.get(key)
    if cap is not None and cap.window is not None:
        if line.period_start_ms < cap.window.first_slot(event.store_ms):
            return
        counter = account.slots.get((*key, line.period_start_ms))
    period = line.period_start_ms
    held = account.holds.reserved_in(key, period, event.store_ms)
    current = counter is not None and counter.period_start_ms == period
    rolled = counter is not None and counter.period_start_ms > period
    reserved = counter.reserved if counter is not None and current else 0
    if not rolled and reserved != held:
        account.differ(event, f"cap {line.holder}/{line.cap_id} reserved", reserved, held)


def _check_alike(
    account: FoldedAccount,
    event: ChargingEvent,
    key: Key,
    period: int,
    starts: dict[Period, int],
) -> None:
    """One account's periods of one kind start together. starts: those this event named before."""
    cap = account.caps.get(key)
    if cap is None or cap.window is not None:
        return
    if period != starts.setdefault(cap.period, period):
        term = f"cap {key[0]}/{key[1]} period"
        account.differ(event, term, period, starts[cap.period])


def _check_limit(account: FoldedAccount, event: ChargingEvent, line: CapLine) -> None:
    """A grant holds in the cap's present period, and leaves the cap unpassed (P2)."""
    key = (line.holder, line.cap_id)
    term = f"cap {line.holder}/{line.cap_id}"
    cap, counter = account.caps.get(key), account.counters.get(key)
    if cap is None or cap.period is Period.REQUEST:
        account.differ(event, term, "held", "no counter")
        return
    if cap.window is not None:
        check_window(account, event, cap, line)
        return
    period = line.period_start_ms
    earliest = counter.period_start_ms if counter is not None else 0
    latest = 0 if cap.period is Period.LIFETIME else event.store_ms
    if not earliest <= period <= latest:
        account.differ(event, f"{term} held period", period, f"{earliest} to {latest}")
    spent = counter.spent if counter is not None and counter.period_start_ms == period else 0
    held = account.holds.reserved_in(key, period, event.store_ms)
    if spent + held > cap.limit:
        account.differ(event, f"{term} spent and reserved", spent + held, f"at most {cap.limit}")
