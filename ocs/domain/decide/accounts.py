"""Account keeping: open an account, credit a bucket."""

from dataclasses import replace

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.bucket import MAIN, Bucket, BucketTerms
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import CreateAccount, TopUp
from ocs.domain.decide.bundles import hasten_renewals
from ocs.domain.decide.corrections import bucket_parts
from ocs.domain.decide.prelude import answer_from_record, check_age, record
from ocs.domain.decide.turn import Decision, Turn
from ocs.domain.state import AccountState, AccountStatus, Credit
from ocs.domain.units import Unit
from ocs.limits import BUCKET_PRIORITY_MAX, BUCKETS_MAX, QUANTITY_MAX


def create_account(state: AccountState | None, command: CreateAccount, now_ms: int) -> Decision:
    """Open an account with an empty `main`; an equal one is answered as a replay."""
    if state is not None:
        turn = Turn(state.clone(), max(now_ms, state.floor_ms))
        early = answer_from_record(turn, command)
        closed = state.status is AccountStatus.CLOSED
        if early is None and state.terms == command.terms and not closed:
            turn.state.replayed_count += 1
            early = turn.answer(outcome=Outcome.DONE, replayed=True)
        if early is None:
            early = turn.refuse(Reason.ACCOUNT_EXISTS)
        return Decision(turn.state if early.replayed else state, early, [])
    fresh = AccountState(
        command.tenant, command.account_id, command.terms, create_ms=now_ms, floor_ms=now_ms
    )
    turn = Turn(fresh, now_ms)
    early = check_age(turn, command)
    if early is not None:
        return Decision(None, early, [])
    fresh.buckets[MAIN] = Bucket(MAIN, BucketTerms(Unit.MICROS, BUCKET_PRIORITY_MAX))
    terms = command.terms
    turn.emit(
        EventKind.CREATE_ACCOUNT,
        terms=[("a", terms.currency, str(terms.anchor_day), str(terms.credit_limit))],
    )
    answer = turn.answer(outcome=Outcome.DONE)
    record(turn, command, answer)
    return turn.finish(answer)


def top_up(turn: Turn, command: TopUp) -> Answer:
    """Credit an existing bucket, or open one with terms."""
    if command.payment_reference in turn.state.credits:
        return turn.refuse(Reason.PAYMENT_REFERENCE_USED)
    if command.refusal is not None:
        return turn.refuse(command.refusal)
    bucket = turn.state.buckets.get(command.bucket_id)
    refusal = _top_up_refusal(turn, command, bucket)
    if refusal is not None:
        return turn.refuse(refusal)
    opened = bucket is None
    if bucket is None:
        assert command.terms is not None
        bucket = Bucket(command.bucket_id, command.terms)
    bucket = replace(
        bucket,
        balance=bucket.balance + command.quantity,
        credited=bucket.credited + command.quantity,
    )
    turn.state.buckets[command.bucket_id] = bucket
    credit = Credit(command.bucket_id, bucket.terms.unit, command.quantity)
    turn.state.credits[command.payment_reference] = credit
    if bucket.terms.unit is Unit.MICROS:
        hasten_renewals(turn)
    turn.emit(
        EventKind.TOP_UP,
        ref=command.bucket_id,
        terms=[("t", *bucket.terms.fields())] if opened else [],
    )
    return turn.answer(outcome=Outcome.DONE, **bucket_parts(turn, command.bucket_id))


def _top_up_refusal(turn: Turn, command: TopUp, bucket: Bucket | None) -> Reason | None:
    terms = bucket.terms if bucket is not None else command.terms
    if terms is None or terms.unit != command.unit:
        return Reason.BUCKET_MISMATCH
    if bucket is not None and command.terms is not None and command.terms != bucket.terms:
        return Reason.BUCKET_MISMATCH
    if 0 < terms.expire_ms <= turn.now_ms:
        return Reason.TOP_UP_EXPIRED
    if bucket is None and len(turn.state.buckets) >= BUCKETS_MAX:
        return Reason.TOO_MANY_BUCKETS
    # Bounds every figure the bucket can ever show, available under the credit limit included.
    limit = turn.state.terms.credit_limit if command.bucket_id == MAIN else 0
    credited = bucket.credited if bucket is not None else 0
    if credited + command.quantity + limit > QUANTITY_MAX:
        return Reason.BALANCE_LIMIT
    return None
