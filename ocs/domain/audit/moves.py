"""What an event does to holds and buckets, worked out from its hold lines and payments."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from ocs.domain.answer import Outcome
from ocs.domain.audit.bundles import credits_of
from ocs.domain.audit.folded import FoldedAccount, FoldedBucket
from ocs.domain.charging_event import BucketChange, ChargingEvent, EventKind
from ocs.domain.reservation import CapLine, Hold

# What changes in (balance, reserved), by bucket.
Moves: TypeAlias = dict[str, tuple[int, int]]

# What changes one balance by its reference alone, and which way: 1 adds, -1 takes out, 0 either.
_CORRECTIONS: Final[Mapping[EventKind, int]] = MappingProxyType(
    {
        EventKind.TOP_UP: 1,
        EventKind.WITHDRAW_BALANCE: -1,
        EventKind.REVERSE_TOP_UP: -1,
        EventKind.ADJUST_BUCKET: 0,
    }
)
_HOLDING = frozenset({EventKind.RESERVE, EventKind.COMMIT, EventKind.RELEASE, EventKind.EXPIRE})


def apply_hold(account: FoldedAccount, event: ChargingEvent) -> tuple[Hold | None, Hold | None]:
    """Return what the reservation held before, and what it or its successor holds now."""
    if event.kind not in _HOLDING:
        return None, None
    old = account.holds.take(event.ref)
    new = None
    if event.hold is not None and event.hold != (0, 0):
        new = Hold(*event.hold, tuple(event.hold_lines), tuple(event.cap_lines))
    _check_hold(account, event, old, new)
    if new is not None:
        account.holds.take(event.successor_id)
        account.holds.put(event.successor_id or event.ref, new)
    return old, new


def _check_hold(
    account: FoldedAccount, event: ChargingEvent, old: Hold | None, new: Hold | None
) -> None:
    if event.kind is EventKind.RESERVE:
        if old is not None:
            account.differ(event, f"hold {event.ref}", "asked for", "open already")
    elif event.kind is EventKind.COMMIT:
        if (old is None) != ("l" in event.flags):
            due = "late" if old is None else "in time"
            account.differ(event, "flags", event.flags or "none", due)
        if event.successor_id in account.holds.open:
            account.differ(event, f"hold {event.successor_id}", "opened", "open already")
        if event.outcome == Outcome.CHARGED and new is not None:
            _check_kept(account, event, old or Hold(0, 0), new)
        elif event.outcome not in (Outcome.CHARGED, Outcome.GRANTED):
            _check_empty(account, event, old, new)
    elif old is None:
        account.differ(event, f"hold {event.ref}", "ended", "not open")
    if event.outcome == Outcome.GRANTED and new is not None:
        _check_granted(account, event, new)


def _check_granted(account: FoldedAccount, event: ChargingEvent, new: Hold) -> None:
    """A cap of money holds the money that the buckets hold; caps of units hold alike."""
    money = sum(quantity for bucket_id, quantity in new.lines if account.is_money(bucket_id))
    units = {
        line.quantity
        for line in new.cap_lines
        if not account.counts_money((line.holder, line.cap_id))
    }
    if len(units) > 1:
        account.differ(event, "caps of units held", sorted(units), "equal quantities")
    for line in new.cap_lines:
        if account.counts_money((line.holder, line.cap_id)) and line.quantity != money:
            account.differ(event, f"cap {line.holder}/{line.cap_id} held", line.quantity, money)


def _check_empty(
    account: FoldedAccount, event: ChargingEvent, old: Hold | None, new: Hold | None
) -> None:
    """A commit refused its next grant leaves the reservation open, holding nothing."""
    if (new is None) != (old is None):
        due = "none" if old is None else "an empty one"
        account.differ(event, "hold", new or "none", due)
    if new is not None and (new.granted_units or new.lines or new.cap_lines):
        account.differ(event, "hold", new, "an empty one")


def _check_kept(account: FoldedAccount, event: ChargingEvent, old: Hold, new: Hold) -> None:
    """What a commit leaves held is what was held less what it took."""
    due = (old.expire_ms, max(0, old.granted_units - event.used_units))
    if (new.expire_ms, new.granted_units) != due:
        account.differ(event, "hold", (new.expire_ms, new.granted_units), due)
    held, left = dict(old.lines), dict(new.lines)
    for bucket_id, quantity in left.items():
        if quantity > held.get(bucket_id, 0):
            at_most = f"at most {held.get(bucket_id, 0)}"
            account.differ(event, f"bucket {bucket_id} held", quantity, at_most)
    paid = sum(
        quantity - left.get(bucket_id, 0)
        for bucket_id, quantity in held.items()
        if account.is_money(bucket_id)
    )
    counted = {(line.holder, line.cap_id): line for line in new.cap_lines}
    for line in old.cap_lines:
        rest = counted.pop((line.holder, line.cap_id), None)
        _check_kept_line(account, event, line, rest, paid)
    for line in counted.values():
        account.differ(event, f"cap {line.holder}/{line.cap_id} held", line.quantity, 0)


def _check_kept_line(
    account: FoldedAccount, event: ChargingEvent, line: CapLine, rest: CapLine | None, paid: int
) -> None:
    term = f"cap {line.holder}/{line.cap_id} held"
    quantity = rest.quantity if rest is not None else 0
    if account.counts_money((line.holder, line.cap_id)):
        due = max(0, line.quantity - paid)
        if quantity != due:
            account.differ(event, term, quantity, due)
    elif quantity > line.quantity:
        account.differ(event, term, quantity, f"at most {line.quantity}")
    if rest is not None and rest.period_start_ms != line.period_start_ms:
        account.differ(event, f"{term} period", rest.period_start_ms, line.period_start_ms)


def apply_buckets(
    account: FoldedAccount, event: ChargingEvent, old: Hold | None, new: Hold | None
) -> None:
    """Check and take over bucket figures: they follow the last event's, and move as was paid."""
    due = _due_moves(account, event, old, new)
    for change in event.buckets:
        bucket = account.buckets.get(change.bucket_id)
        term = f"bucket {change.bucket_id}"
        if bucket is None:
            account.differ(event, term, "changed", "unknown")
            continue
        before = (change.balance_before, change.reserved_before)
        if before != (bucket.balance, bucket.reserved):
            account.differ(event, f"{term} before", before, (bucket.balance, bucket.reserved))
        moved = (
            change.balance_after - change.balance_before,
            change.reserved_after - change.reserved_before,
        )
        expected = due.pop(change.bucket_id, (0, 0))
        if event.kind is EventKind.REFUND:
            _apply_refunds(account, event, change, bucket)
        elif event.kind in _CORRECTIONS:
            _apply_correction(account, event, change, bucket, moved)
        elif moved != expected:
            account.differ(event, f"{term} moved", moved, expected)
        _check_available(account, event, change)
        bucket.balance, bucket.reserved = change.balance_after, change.reserved_after
    if event.kind is EventKind.REFUND:
        stated = {change.bucket_id for change in event.buckets}
        for line in event.refunds:
            if line.to_bucket_id and line.to_bucket_id not in stated:
                account.differ(event, f"bucket {line.to_bucket_id} moved", 0, line.quantity)
    for bucket_id, moves in due.items():
        if moves != (0, 0):
            account.differ(event, f"bucket {bucket_id} moved", (0, 0), moves)


def _apply_refunds(
    account: FoldedAccount, event: ChargingEvent, change: BucketChange, bucket: FoldedBucket
) -> None:
    """What is given back undoes what the bucket spent; the rest is a credit."""
    due = 0
    for line in event.refunds:
        if line.to_bucket_id == change.bucket_id:
            unspent = min(line.quantity, bucket.spent)
            bucket.spent -= unspent
            bucket.credited += line.quantity - unspent
            due += line.quantity
    moved = (
        change.balance_after - change.balance_before,
        change.reserved_after - change.reserved_before,
    )
    if moved != (due, 0):
        account.differ(event, f"bucket {change.bucket_id} moved", moved, (due, 0))


def _check_available(account: FoldedAccount, event: ChargingEvent, change: BucketChange) -> None:
    """P2; below a credit limit that was lowered since, it gets no worse."""
    limit = account.credit_limit(change.bucket_id)
    before = change.balance_before + limit - change.reserved_before
    available = change.balance_after + limit - change.reserved_after
    if change.reserved_after < 0 or available < min(0, before):
        term = f"bucket {change.bucket_id} available"
        account.differ(event, term, available, "0 or more")


def _apply_correction(
    account: FoldedAccount,
    event: ChargingEvent,
    change: BucketChange,
    bucket: FoldedBucket,
    moved: tuple[int, int],
) -> None:
    """A credit adds to credited, what is taken out to withdrawn; nothing is held by it."""
    balance, reserved = moved
    if balance > 0:
        bucket.credited += balance
    else:
        bucket.withdrawn -= balance
    if change.bucket_id != event.ref:
        account.differ(event, f"bucket {change.bucket_id}", "credited", f"bucket {event.ref}")
    way = _CORRECTIONS[event.kind]
    if balance == 0 or balance * way < 0 or reserved != 0:
        account.differ(event, f"bucket {change.bucket_id} moved", moved, f"a {event.kind}")


def _due_moves(
    account: FoldedAccount, event: ChargingEvent, old: Hold | None, new: Hold | None
) -> Moves:
    moves: Moves = {}
    for hold, sign in ((old, -1), (new, 1)):
        for bucket_id, quantity in hold.lines if hold is not None else ():
            balance, reserved = moves.get(bucket_id, (0, 0))
            moves[bucket_id] = (balance, reserved + sign * quantity)
    for payment in event.payments:
        bucket = account.buckets.get(payment.bucket_id)
        if bucket is None:
            account.differ(event, f"bucket {payment.bucket_id}", "paid", "unknown")
            continue
        money = account.is_money(payment.bucket_id)
        if not money and payment.micros:
            account.differ(event, f"payment {payment.bucket_id} micros", payment.micros, 0)
        quantity = payment.micros if money else payment.units
        bucket.spent += quantity
        balance, reserved = moves.get(payment.bucket_id, (0, 0))
        moves[payment.bucket_id] = (balance - quantity, reserved)
    for bucket_id, quantity in credits_of(event).items():
        bucket = account.buckets.get(bucket_id)
        if bucket is not None:
            bucket.credited += quantity
        balance, reserved = moves.get(bucket_id, (0, 0))
        moves[bucket_id] = (balance + quantity, reserved)
    return moves
