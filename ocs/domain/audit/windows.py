"""Checks what an event says of the slots of rolling caps."""

from collections.abc import Mapping

from ocs.domain.audit.bundles import SALES
from ocs.domain.audit.folded import FoldedAccount
from ocs.domain.charging_event import ChargingEvent, CounterChange, EventKind
from ocs.domain.reservation import CapLine
from ocs.domain.spending_cap import CapCounter, SpendingCap
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX


def check_slot(account: FoldedAccount, event: ChargingEvent, change: CounterChange) -> None:
    """A slot that moves is inside the window, and holds what the open holds hold in it.

    Only what is counted now goes into another slot than a hold's: into the current one.
    """
    key, start = (change.holder, change.cap_id), change.period_start_ms
    term, window = f"cap {change.holder}/{change.cap_id}", account.window_of(key)
    assert window is not None
    first, last = window.first_slot(event.store_ms), window.slot(event.store_ms)
    if start % window.slot_ms or not first <= start <= last:
        account.differ(event, f"{term} slot", start, f"one of {first} to {last}")
    held = account.holds.reserved_in(key, start, event.store_ms)
    if change.reserved_after != held:
        account.differ(event, f"{term} reserved", change.reserved_after, held)


def check_sums(
    account: FoldedAccount, event: ChargingEvent, before: Mapping[tuple[str, str], CapLine]
) -> None:
    """All that the slots of a cap counted together is what was charged, or given back.

    But for what a hold pays whose slot has left: that counts nowhere. How much that is depends on
    the price, which the event does not carry.
    """
    counted: dict[tuple[str, str], int] = {}
    for change in event.counters:
        key = (change.holder, change.cap_id)
        if account.window_of(key) is not None:
            was = account.slots.get((*key, change.period_start_ms), CapCounter(0))
            counted[key] = counted.get(key, 0) + change.spent_after - was.spent
            if change.spent_after == QUANTITY_MAX:  # it stays there rather than pass it
                counted[key] = _bounds(account, event, account.caps[key], before.get(key))[0]
    for key, total in counted.items():
        least, most = _bounds(account, event, account.caps[key], before.get(key))
        if not least <= total <= most:
            due = least if least == most else f"{least} to {most}"
            account.differ(event, f"cap {key[0]}/{key[1]} counted", total, due)


def _bounds(
    account: FoldedAccount, event: ChargingEvent, cap: SpendingCap, line: CapLine | None
) -> tuple[int, int]:
    """Return the least and the most that all slots of a cap may have moved by."""
    assert cap.window is not None
    money = cap.unit is Unit.MICROS
    if event.kind is EventKind.REFUND:
        back = sum(one.quantity for one in event.refunds if account.is_money(one.to_bucket_id))
        return (-back, 0) if money else (0, 0)
    if event.position is None and event.kind not in SALES:
        return 0, 0
    if money or event.position is None:
        total = sum(payment.micros for payment in event.payments)
    else:
        total = event.position[3] - event.position[1]
    if line is not None and line.period_start_ms < cap.window.first_slot(event.store_ms):
        return max(0, total - line.quantity), total
    return total, total


def apply_slot(account: FoldedAccount, event: ChargingEvent, change: CounterChange) -> None:
    """Take over a slot, and forget what has left the window."""
    key = (change.holder, change.cap_id)
    window = account.window_of(key)
    assert window is not None
    account.slots[(*key, change.period_start_ms)] = CapCounter(
        change.period_start_ms, change.spent_after, change.reserved_after
    )
    account.forget_slots(key, window.first_slot(event.store_ms))


def check_window(
    account: FoldedAccount, event: ChargingEvent, cap: SpendingCap, line: CapLine
) -> None:
    """A grant holds in the current slot, and leaves the window's sum within the cap (P2)."""
    assert cap.window is not None
    key, term = (cap.holder, cap.cap_id), f"cap {cap.holder}/{cap.cap_id}"
    slot, first = cap.window.slot(event.store_ms), cap.window.first_slot(event.store_ms)
    if line.period_start_ms != slot:
        account.differ(event, f"{term} held slot", line.period_start_ms, slot)
    spent = sum(counter.spent for counter in account.slots_inside(cap, event.store_ms).values())
    held = sum(
        account.holds.reserved_in(key, start, event.store_ms)
        for start in range(first, slot + 1, cap.window.slot_ms)
    )
    if spent + held > cap.limit:
        account.differ(event, f"{term} spent and reserved", spent + held, f"at most {cap.limit}")
