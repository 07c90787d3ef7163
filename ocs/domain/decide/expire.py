"""Expiry: what lapsed is available to the next call on the account, sweeper or not (P7)."""

from dataclasses import replace

from ocs.domain.charging_event import EventKind
from ocs.domain.decide.turn import Turn
from ocs.domain.reservation import ReservationState
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.limits import EXPIRIES_PER_CALL_MAX


def expire_due(turn: Turn) -> bool:
    """Expire due holds, oldest first, at most 64; then close ended buckets that hold nothing.

    Return True if more holds are due: then the call goes no further.
    """
    due = turn.state.due_holds(turn.now_ms)
    for reservation_id in due[:EXPIRIES_PER_CALL_MAX]:
        _expire(turn, reservation_id)
    if len(due) > EXPIRIES_PER_CALL_MAX:
        return True
    for bucket in turn.state.in_consumption_order():
        if bucket.ended(turn.now_ms) and bucket.reserved == 0:
            _close_bucket(turn, bucket.bucket_id)
    return False


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


def _close_bucket(turn: Turn, bucket_id: str) -> None:
    bucket = turn.state.buckets.pop(bucket_id)
    expired = bucket.expired + bucket.balance
    totals = (bucket.credited, bucket.spent, expired, bucket.withdrawn)
    turn.emit(EventKind.BUCKET_CLOSED, ref=bucket_id, terms=[("z", *map(str, totals))])
