"""Balances corrected by hand: withdraw, adjust, reverse a top-up."""

from dataclasses import replace

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.bucket import MAIN, Bucket
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import AdjustBucket, ReverseTopUp, WithdrawBalance
from ocs.domain.decide.turn import Turn
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX


def withdraw_balance(turn: Turn, command: WithdrawBalance) -> Answer:
    """Take out what the bucket has and does not hold; credit is never paid out."""
    bucket = _find(turn, command.bucket_id, command.unit)
    if isinstance(bucket, Reason):
        return turn.refuse(bucket)
    if command.quantity > bucket.balance - bucket.reserved:
        return turn.refuse(Reason.BALANCE_TOO_LOW)
    _take_out(turn, bucket, command.quantity)
    turn.emit(EventKind.WITHDRAW_BALANCE, ref=bucket.bucket_id)
    return turn.answer(outcome=Outcome.DONE, **bucket_parts(turn, bucket.bucket_id))


def adjust_bucket(turn: Turn, command: AdjustBucket) -> Answer:
    """Credit without a payment, or take off at most what is available."""
    bucket = _find(turn, command.bucket_id, command.unit)
    if isinstance(bucket, Reason):
        return turn.refuse(bucket)
    limit = turn.state.terms.credit_limit
    if command.quantity < 0:
        if -command.quantity > bucket.available(limit):
            return turn.refuse(Reason.BALANCE_TOO_LOW)
        _take_out(turn, bucket, -command.quantity)
    else:
        refusal = credit_refusal(turn, bucket, command.quantity)
        if refusal is not None:
            return turn.refuse(refusal)
        turn.state.buckets[bucket.bucket_id] = replace(
            bucket,
            balance=bucket.balance + command.quantity,
            credited=bucket.credited + command.quantity,
        )
    turn.emit(EventKind.ADJUST_BUCKET, ref=bucket.bucket_id)
    return turn.answer(outcome=Outcome.DONE, **bucket_parts(turn, bucket.bucket_id))


def reverse_top_up(turn: Turn, command: ReverseTopUp) -> Answer:
    """Take back what a payment credited, once; what is left of it if that is allowed."""
    credit = turn.state.credits.get(command.payment_reference)
    if credit is None:
        return turn.refuse(Reason.PAYMENT_NOT_FOUND)
    if credit.reversed_quantity >= 0:
        return turn.refuse(Reason.TOP_UP_REVERSED)
    bucket = _find(turn, credit.bucket_id, credit.unit)
    if isinstance(bucket, Reason):
        return turn.refuse(Reason.TOP_UP_ALREADY_USED)
    quantity = min(credit.quantity, max(0, bucket.balance - bucket.reserved))
    if quantity == 0 or (quantity < credit.quantity and not command.allow_partial):
        return turn.refuse(Reason.TOP_UP_ALREADY_USED)
    _take_out(turn, bucket, quantity)
    turn.state.credits[command.payment_reference] = replace(credit, reversed_quantity=quantity)
    turn.emit(EventKind.REVERSE_TOP_UP, ref=bucket.bucket_id)
    parts = bucket_parts(turn, bucket.bucket_id)
    return turn.answer(outcome=Outcome.DONE, bucket_moved=quantity, **parts)


def _find(turn: Turn, bucket_id: str, unit: Unit) -> Bucket | Reason:
    bucket = turn.state.buckets.get(bucket_id)
    if bucket is None:
        return Reason.BUCKET_NOT_FOUND
    return bucket if bucket.terms.unit is unit else Reason.BUCKET_MISMATCH


def _take_out(turn: Turn, bucket: Bucket, quantity: int) -> None:
    turn.state.buckets[bucket.bucket_id] = replace(
        bucket, balance=bucket.balance - quantity, withdrawn=bucket.withdrawn + quantity
    )


def credit_refusal(turn: Turn, bucket: Bucket, quantity: int) -> Reason | None:
    """Say why a bucket takes no credit: it has ended, or a figure would pass 2^53-1."""
    if bucket.ended(turn.now_ms):
        return Reason.TOP_UP_EXPIRED
    limit = turn.state.terms.credit_limit if bucket.bucket_id == MAIN else 0
    return Reason.BALANCE_LIMIT if bucket.credited + quantity + limit > QUANTITY_MAX else None


def bucket_parts(turn: Turn, bucket_id: str) -> dict[str, object]:
    """Return the fields of the answer that tell of a bucket."""
    bucket = turn.state.buckets[bucket_id]
    spendable = bucket.terms.start_ms <= turn.now_ms and not bucket.ended(turn.now_ms)
    return {
        "bucket_id": bucket_id,
        "bucket_balance": bucket.balance,
        "bucket_available": bucket.available(turn.state.terms.credit_limit) if spendable else 0,
    }
