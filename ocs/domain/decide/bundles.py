"""Bundles: buy one, renew it, let it end; thresholds of buckets."""

from dataclasses import dataclass, replace

from ocs.domain.answer import Answer, BoughtBucket, CapReached, Outcome, Payment, Reason
from ocs.domain.bucket import Bucket, BucketTerms
from ocs.domain.bundle import Bundle, BundleContent, Renewal, RollOver, Threshold, renewal_due
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import (
    CancelBundleRenewal,
    PurchaseBundle,
    RenewBundle,
    SetBucketThreshold,
)
from ocs.domain.decide.corrections import bucket_parts
from ocs.domain.decide.debit import denial
from ocs.domain.decide.expire import close_buckets
from ocs.domain.decide.grant import caps_in_force
from ocs.domain.decide.settle import Settlement, settle_available
from ocs.domain.decide.status import status_denial
from ocs.domain.decide.turn import Turn
from ocs.limits import BUCKETS_MAX, RENEWAL_RETRY_MS, RENEWAL_TRIES_MAX

# After these a bundle is not tried again: no top-up changes them.
_FINAL = (Outcome.ACCOUNT_CLOSED, Outcome.SERVICE_DENIED, Outcome.RATING_FAILED)


@dataclass(slots=True)
class _Sale:
    """What became of the wish to buy. bought: the buckets, with the content each is of."""

    outcome: Outcome
    cap: CapReached | None = None
    payments: tuple[Payment, ...] = ()
    end_ms: int = 0
    bought: tuple[tuple[Bucket, BundleContent], ...] = ()

    @property
    def charged_micros(self) -> int:
        return sum(payment.micros for payment in self.payments)


def ends(turn: Turn, command: PurchaseBundle | RenewBundle) -> int | None:
    """When the bundle would end; None if the month that it starts in was not said."""
    assert command.bundle is not None
    return command.bundle.end(_start(turn, command), command.month_ends)


def purchase_bundle(turn: Turn, command: PurchaseBundle) -> Answer:
    """Take the price and open the buckets, or refuse."""
    if isinstance(command.refusal, Reason):
        return turn.refuse(command.refusal)
    state, bundle_id = turn.state, command.bundle_id
    if command.renew and bundle_id in state.renewals:
        return turn.refuse(Reason.RENEWAL_EXISTS)
    sale = _sell(turn, command)
    orders = []
    if sale.outcome is Outcome.CHARGED and command.renew:
        assert command.bundle is not None
        _renew_from(turn, command, sale, command.bundle.renewals)
        orders = _renewal_token(turn, bundle_id)
    return _finish(turn, EventKind.PURCHASE_BUNDLE, bundle_id, sale, orders)


def renew_bundle(turn: Turn, command: RenewBundle) -> Answer:
    """Buy it again for the next period; if that fails try again later, or give up."""
    state, bundle_id = turn.state, command.bundle_id
    renewal = state.renewals[bundle_id]
    waiting = [
        bucket
        for bucket in state.in_consumption_order()
        if state.waits(bucket.bucket_id)
        and state.roll_overs[bucket.bucket_id].bundle_id == bundle_id
    ]
    sale = _sell(turn, command)
    orders = []
    if sale.outcome is Outcome.CHARGED:
        orders = _roll_over(turn, waiting, sale)
        _renew_from(turn, command, sale, renewal.left - 1)
    elif sale.outcome in _FINAL or renewal.tries + 1 >= RENEWAL_TRIES_MAX:
        _give_up(turn, bundle_id)
    else:
        state.renewals[bundle_id] = replace(
            renewal, due_ms=turn.now_ms + RENEWAL_RETRY_MS, tries=renewal.tries + 1
        )
    orders += _renewal_token(turn, bundle_id)
    answer = _finish(turn, EventKind.RENEW_BUNDLE, bundle_id, sale, orders)
    close_buckets(turn)
    return answer


def cancel_bundle_renewal(turn: Turn, command: CancelBundleRenewal) -> Answer:
    """Let a bundle end; what only waited for its renewal is forfeited."""
    if command.bundle_id not in turn.state.renewals:
        return turn.refuse(Reason.RENEWAL_NOT_FOUND)
    _give_up(turn, command.bundle_id)
    turn.emit(EventKind.CANCEL_BUNDLE_RENEWAL, ref=command.bundle_id)
    answer = turn.answer(outcome=Outcome.DONE)
    close_buckets(turn)
    return answer


def hasten_renewals(turn: Turn) -> None:
    """Try at once what could not be paid for."""
    for bundle_id, renewal in turn.state.renewals.items():
        if renewal.tries:
            turn.state.renewals[bundle_id] = replace(renewal, due_ms=turn.now_ms)


def set_bucket_threshold(turn: Turn, command: SetBucketThreshold) -> Answer:
    """Mark a balance; one that is as low already is not reported."""
    bucket = turn.state.buckets.get(command.bucket_id)
    if bucket is None:
        return turn.refuse(Reason.BUCKET_NOT_FOUND)
    if bucket.terms.unit is not command.unit:
        return turn.refuse(Reason.BUCKET_MISMATCH)
    quantity = command.threshold
    turn.state.thresholds.pop(command.bucket_id, None)
    if quantity >= 0:
        low = bucket.balance <= quantity
        turn.state.thresholds[command.bucket_id] = Threshold(quantity, low)
    said = str(quantity) if quantity >= 0 else "-"
    turn.emit(EventKind.SET_BUCKET_THRESHOLD, ref=command.bucket_id, terms=[("i", said)])
    return turn.answer(outcome=Outcome.DONE, **bucket_parts(turn, command.bucket_id))


def _start(turn: Turn, command: PurchaseBundle | RenewBundle) -> int:
    """Begin of the period that is bought: now, or where the last one ends if that is later."""
    if isinstance(command, RenewBundle):
        return max(turn.now_ms, turn.state.renewals[command.bundle_id].end_ms)
    return turn.now_ms


def _sell(turn: Turn, command: PurchaseBundle | RenewBundle) -> _Sale:
    refused = status_denial(turn) or command.refusal
    if refused is not None:
        assert isinstance(refused, Outcome)
        return _Sale(refused)
    bundle = command.bundle
    assert bundle is not None
    if len(turn.state.buckets) + len(bundle.contents) > BUCKETS_MAX:
        return _Sale(Outcome.TOO_MANY_BUCKETS)
    terms = bundle.terms()
    settlement = Settlement(terms.rate, 0, bundle.price_micros)
    caps = caps_in_force(turn, terms, "", ())
    outcome, cap = denial(turn, terms, settlement, caps)
    if outcome is not None:
        return _Sale(outcome, cap)
    settle_available(turn, terms, settlement, caps)
    start_ms, end_ms = _start(turn, command), ends(turn, command)
    assert end_ms is not None
    # What it was paid with are no units of a service.
    payments = tuple(Payment(one.bucket_id, 0, one.micros) for one in settlement.payments())
    bought = _open_buckets(turn, bundle, start_ms, end_ms)
    return _Sale(Outcome.CHARGED, None, payments, end_ms, bought)


def _open_buckets(
    turn: Turn, bundle: Bundle, start_ms: int, end_ms: int
) -> tuple[tuple[Bucket, BundleContent], ...]:
    """Open a bucket for each content: `bundle.seq.number`, numbers that are taken left out."""
    state, opened, number = turn.state, [], 0
    for content in bundle.contents:
        bucket_id = ""
        while not bucket_id or bucket_id in state.buckets:
            number += 1
            bucket_id = f"{bundle.bundle_id}.{state.seq + 1}.{number}"
        terms = BucketTerms(
            content.unit,
            content.priority,
            start_ms,
            end_ms,
            service_ids=content.service_ids,
            zones=content.zones,
        )
        quantity = content.quantity
        bucket = Bucket(bucket_id, terms, balance=quantity, credited=quantity)
        state.buckets[bucket_id] = bucket
        if content.threshold >= 0:
            state.thresholds[bucket_id] = Threshold(content.threshold, low=False)
        opened.append((bucket, content))
    return tuple(opened)


def _renew_from(turn: Turn, command: PurchaseBundle | RenewBundle, sale: _Sale, left: int) -> None:
    """Remember that the bundle is renewed so many times more, and what rolls over then."""
    if left == 0:
        turn.state.renewals.pop(command.bundle_id, None)
        return
    due_ms = renewal_due(_start(turn, command), sale.end_ms)
    turn.state.renewals[command.bundle_id] = Renewal(due_ms, sale.end_ms, left)
    for bucket, content in sale.bought:
        if content.roll_over:
            turn.state.roll_overs[bucket.bucket_id] = RollOver(
                command.bundle_id, "", content.roll_over
            )


def _roll_over(turn: Turn, waiting: list[Bucket], sale: _Sale) -> list[tuple[str, ...]]:
    """Say where what is left goes: to the first new bucket that may pay for the same."""
    orders: list[tuple[str, ...]] = []
    for old in waiting:
        order = turn.state.roll_overs.pop(old.bucket_id)
        for new, _ in sale.bought:
            if _same_use(old.terms, new.terms):
                turn.state.roll_overs[old.bucket_id] = replace(order, to_bucket_id=new.bucket_id)
                orders.append(("o", old.bucket_id, new.bucket_id, str(order.most)))
                break
    return orders


def _same_use(old: BucketTerms, new: BucketTerms) -> bool:
    return (old.unit, old.service_ids, old.zones) == (new.unit, new.service_ids, new.zones)


def _give_up(turn: Turn, bundle_id: str) -> None:
    state = turn.state
    del state.renewals[bundle_id]
    for bucket_id in [name for name in state.roll_overs if state.waits(name)]:
        if state.roll_overs[bucket_id].bundle_id == bundle_id:
            del state.roll_overs[bucket_id]


def _finish(
    turn: Turn,
    kind: EventKind,
    bundle_id: str,
    sale: _Sale,
    orders: list[tuple[str, ...]],
) -> Answer:
    """Journal what became of it, and answer."""
    terms = [_opened_token(*one) for one in sale.bought] + orders
    renewal = turn.state.renewals.get(bundle_id)
    turn.emit(kind, ref=bundle_id, outcome=sale.outcome, payments=list(sale.payments), terms=terms)
    return turn.answer(
        outcome=sale.outcome,
        cap=sale.cap,
        payments=sale.payments,
        charged_micros=sale.charged_micros,
        expire_ms=sale.end_ms,
        bought=tuple(
            BoughtBucket(bucket.bucket_id, content.unit, content.quantity)
            for bucket, content in sale.bought
        ),
        renew_ms=renewal.due_ms if renewal is not None else 0,
    )


def _renewal_token(turn: Turn, bundle_id: str) -> list[tuple[str, ...]]:
    renewal = turn.state.renewals.get(bundle_id)
    if renewal is None:
        return []
    figures = (renewal.due_ms, renewal.end_ms, renewal.left, renewal.tries)
    return [("s", *map(str, figures))]


def _opened_token(bucket: Bucket, content: BundleContent) -> tuple[str, ...]:
    terms = bucket.terms
    return (
        "v",
        bucket.bucket_id,
        str(content.quantity),
        str(content.roll_over),
        str(content.threshold) if content.threshold >= 0 else "-",
        *terms.fields(),
    )
