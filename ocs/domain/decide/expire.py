"""Expiry: what lapsed is available to the next call on the account, sweeper or not (P7)."""

from dataclasses import replace

from ocs.domain.charging_event import EventKind
from ocs.domain.decide.turn import Turn
from ocs.domain.reservation import ReservationState
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.limits import EXPIRIES_PER_CALL_MAX, QUANTITY_MAX


def expire_due(turn: Turn) -> bool:
    """Expire due holds, oldest first, at most 64; then close ended buckets that hold nothing.

    Return True if more holds are due: then the call goes no further.
    """
    due = turn.state.due_holds(turn.now_ms)
    for reservation_id in due[:EXPIRIES_PER_CALL_MAX]:
        _expire(turn, reservation_id)
    if len(due) > EXPIRIES_PER_CALL_MAX:
        return True
    close_buckets(turn)
    return False


def close_buckets(turn: Turn) -> None:
    """Close ended buckets that hold nothing, but not what waits for a renewal.

    What is left rolls over as far as its bundle says; the rest is forfeited.
    """
    closing = [
        bucket.bucket_id
        for bucket in turn.state.in_consumption_order()
        if bucket.ended(turn.now_ms)
        and bucket.reserved == 0
        and not turn.state.waits(bucket.bucket_id)
    ]
    for bucket_id in closing:
        _close_bucket(turn, bucket_id, closing)


def _expire(turn: Turn, reservation_id: str) -> None:
    hold = turn.state.holds.pop(reservation_id)
    for bucket_id, quantity in hold.lines:
        turn.hold(bucket_id, -quantity)
    for line in hold.cap_lines:
        key = (line.holder, line.cap_id)
        if line.holder == ACCOUNT_HOLDER and turn.counts_in(key, line.period_start_ms):
            turn.count(key, line.period_start_ms, spent=0, held=-line.quantity)
    reservation = turn.state.reservations.get(reservation_id)
    if reservation is not None:
        turn.state.reservations[reservation_id] = replace(
            reservation, state=ReservationState.EXPIRED
        )
    turn.emit(EventKind.EXPIRE, ref=reservation_id, hold=(0, 0))


def _close_bucket(turn: Turn, bucket_id: str, closing: list[str]) -> None:
    state = turn.state
    bucket = state.buckets.pop(bucket_id)
    state.thresholds.pop(bucket_id, None)
    order = state.roll_overs.pop(bucket_id, None)
    moved = 0
    if order is not None and order.to_bucket_id not in closing:
        target = state.buckets.get(order.to_bucket_id)
        if target is not None:
            moved = min(bucket.balance, order.most, QUANTITY_MAX - target.credited)
            state.buckets[order.to_bucket_id] = replace(
                target, balance=target.balance + moved, credited=target.credited + moved
            )
    expired, withdrawn = bucket.expired + bucket.balance - moved, bucket.withdrawn + moved
    totals = (bucket.credited, bucket.spent, expired, withdrawn)
    terms = [("z", *map(str, totals))]
    if order is not None and moved:
        terms.append(("o", bucket_id, order.to_bucket_id, str(moved)))
    turn.emit(EventKind.BUCKET_CLOSED, ref=bucket_id, terms=terms)
