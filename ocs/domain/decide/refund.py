"""Refund: give back what an event collected; all refunds of one event together never exceed it."""

from dataclasses import replace

from ocs.domain.answer import Answer, Outcome, Reason, RefundLine
from ocs.domain.bucket import MAIN, Bucket
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.commands import Collected, Refund
from ocs.domain.decide.turn import Turn
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX


def collected_by(event: ChargingEvent) -> Collected:
    """Return what an event collected: a payer's balance moved by just that."""
    moved = {
        change.bucket_id: change.balance_before - change.balance_after for change in event.buckets
    }
    paid = [
        (payment.bucket_id, moved.get(payment.bucket_id, 0), payment.micros > 0)
        for payment in event.payments
    ]
    return Collected(
        tuple(line for line in paid if line[1] > 0),
        tuple((one.holder, one.cap_id, one.period_start_ms) for one in event.counters),
    )


def refund(turn: Turn, command: Refund) -> Answer:
    """Check each share against what is left of it, then credit."""
    if not command.position:
        return turn.refuse(Reason.EVENT_NOT_FOUND)
    paid = {bucket_id: quantity for bucket_id, quantity, _ in command.collected.paid}
    money = {bucket_id: is_money for bucket_id, _, is_money in command.collected.paid}
    before = dict(turn.state.refunded.get(command.seq, ()))
    left = {bucket_id: quantity - before.get(bucket_id, 0) for bucket_id, quantity in paid.items()}
    shares = command.shares or tuple((name, rest) for name, rest in left.items() if rest > 0)
    if not shares or any(quantity > left.get(name, 0) for name, quantity in shares):
        return turn.refuse(Reason.REFUND_EXCEEDS)
    buckets = dict(turn.state.buckets)
    lines = []
    for name, quantity in shares:
        to = _target(turn, name, command.bucket_id, money=money[name])
        if isinstance(to, Reason):
            return turn.refuse(to)
        if to and not _credit(buckets, to, quantity, turn.state.terms.credit_limit):
            return turn.refuse(Reason.BALANCE_LIMIT)
        lines.append(RefundLine(name, to, quantity))
    turn.state.buckets = buckets
    wanted = dict(shares)
    turn.state.refunded[command.seq] = tuple(
        (name, total) for name in paid if (total := before.get(name, 0) + wanted.get(name, 0)) > 0
    )
    micros = sum(quantity for name, quantity in shares if money[name])
    _uncount(turn, command.collected, micros)
    turn.emit(EventKind.REFUND, ref=str(command.seq), refunds=lines)
    return turn.answer(outcome=Outcome.DONE, refunds=tuple(lines), refunded_micros=micros)


def _target(turn: Turn, name: str, named: str, *, money: bool) -> str | Reason:
    """Return where a share goes: where it came from, or the named bucket, `main`, or nowhere."""
    buckets = turn.state.buckets
    bucket = buckets.get(name)
    if bucket is not None and (bucket.terms.unit is Unit.MICROS) == money:
        return name
    if not named:
        return MAIN if money else ""
    if named not in buckets:
        return Reason.BUCKET_NOT_FOUND
    is_money = buckets[named].terms.unit is Unit.MICROS
    return named if is_money == money else Reason.BUCKET_MISMATCH


def _credit(buckets: dict[str, Bucket], to: str, quantity: int, credit_limit: int) -> bool:
    """Undo what a bucket spent; what another one spent is a credit here. False: past the bound."""
    bucket = buckets[to]
    unspent = min(quantity, bucket.spent)
    credited = bucket.credited + quantity - unspent
    buckets[to] = replace(
        bucket, balance=bucket.balance + quantity, spent=bucket.spent - unspent, credited=credited
    )
    return credited + (credit_limit if to == MAIN else 0) <= QUANTITY_MAX


def _uncount(turn: Turn, collected: Collected, micros: int) -> None:
    """Take money off the caps that counted it, those whose counter is still of that period."""
    left: dict[tuple[str, str], int] = {}
    # Newest first: an event may have counted in two slots of a rolling cap.
    for holder, cap_id, period_start_ms in reversed(collected.counters):
        key = (holder, cap_id)
        cap = turn.state.caps.get(key)
        if cap is not None and cap.unit is Unit.MICROS:
            rest = left.get(key, micros)
            if rest > 0:
                left[key] = rest - turn.uncount(key, period_start_ms, rest)
