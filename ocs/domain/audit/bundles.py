"""Folds bundles: what they open, when they renew, what rolls over; and marks on balances."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ocs.domain.answer import Outcome
from ocs.domain.audit.folded import FoldedAccount, FoldedBucket
from ocs.domain.audit.terms import all_fields_of, bucket_terms, fields_of
from ocs.domain.bundle import Renewal, RollOver, Threshold, renewal_due
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.limits import QUANTITY_MAX, RENEWAL_RETRY_MS

SALES: Final = frozenset({EventKind.PURCHASE_BUNDLE, EventKind.RENEW_BUNDLE})


def apply_bundle(account: FoldedAccount, event: ChargingEvent) -> None:
    """Take over what happened to a bundle or threshold. ValueError if a term cannot be read."""
    match event.kind:
        case EventKind.PURCHASE_BUNDLE | EventKind.RENEW_BUNDLE:
            _apply_sale(account, event)
        case EventKind.CANCEL_BUNDLE_RENEWAL:
            _cancel_renewal(account, event)
        case EventKind.SET_BUCKET_THRESHOLD:
            _set_threshold(account, event)
        case _:
            return


def _apply_sale(account: FoldedAccount, event: ChargingEvent) -> None:
    """Take over what a purchase or renewal opened, and when the bundle renews next."""
    old = account.renewals.get(event.ref)
    sold = event.outcome == Outcome.CHARGED
    renews = event.kind is EventKind.RENEW_BUNDLE
    if renews and (old is None or old.due_ms > event.store_ms):
        account.differ(event, "renewal", event.ref, "one that is due")
    new = _renewal(event)
    if renews or new is not None:
        _check_renewal(account, event, old if renews else None, new)
        account.renewals.pop(event.ref, None)
        if new is not None:
            account.renewals[event.ref] = new
    elif sold:
        _period(account, event, None)
    if sold and renews:
        _order(account, event)
    elif renews and new is None:
        _stop_waiting(account, event.ref)
    for fields in all_fields_of(event, "v"):
        _open(account, event, fields, renews=new is not None)


def _cancel_renewal(account: FoldedAccount, event: ChargingEvent) -> None:
    """A bundle ends."""
    if account.renewals.pop(event.ref, None) is None:
        account.differ(event, "renewal", event.ref, "one that is there")
    _stop_waiting(account, event.ref)


def hasten_renewals(account: FoldedAccount, event: ChargingEvent) -> None:
    """A credit of money brings forward what could not be paid for."""
    if account.is_money(event.ref):
        for bundle_id, renewal in account.renewals.items():
            if renewal.tries:
                account.renewals[bundle_id] = replace(renewal, due_ms=event.store_ms)


def _stop_waiting(account: FoldedAccount, bundle_id: str) -> None:
    """Nothing waits for a bundle any more."""
    for bucket_id, order in list(account.roll_overs.items()):
        if order.bundle_id == bundle_id and not order.to_bucket_id:
            del account.roll_overs[bucket_id]


def rolled_over(account: FoldedAccount, event: ChargingEvent, bucket: FoldedBucket) -> int:
    """Return how much of a closed bucket rolled over, and check it against what was due."""
    order = account.roll_overs.pop(event.ref, None)
    fields = fields_of(event, "o")
    moved = int(fields[2]) if fields is not None else 0
    most = 0
    if order is not None:
        target = account.buckets.get(order.to_bucket_id)
        if not order.to_bucket_id:
            account.differ(event, f"bucket {event.ref}", "closed", "waits for a renewal")
        elif target is not None:
            most = min(bucket.balance, order.most, QUANTITY_MAX - target.credited)
            ended = 0 < target.terms.expire_ms <= event.store_ms
            if ended and fields is None:
                most = 0  # it closes, too
    if moved != most or (
        order is not None and fields is not None and fields[:2] != (event.ref, order.to_bucket_id)
    ):
        account.differ(event, f"bucket {event.ref} rolls over", fields or 0, most)
    return moved


def credits_of(event: ChargingEvent) -> Mapping[str, int]:
    """Return what an event credits to buckets beside payments, refunds and corrections."""
    if event.kind in SALES:
        return {fields[0]: int(fields[1]) for fields in all_fields_of(event, "v")}
    fields = fields_of(event, "o") if event.kind is EventKind.BUCKET_CLOSED else None
    return {fields[1]: int(fields[2])} if fields is not None else {}


def _set_threshold(account: FoldedAccount, event: ChargingEvent) -> None:
    """A balance is marked, or the mark is taken off."""
    (text,) = fields_of(event, "i") or ()
    account.thresholds.pop(event.ref, None)
    bucket = account.buckets.get(event.ref)
    if bucket is None:
        account.differ(event, f"bucket {event.ref}", "marked", "unknown")
    elif text != "-":
        account.thresholds[event.ref] = Threshold(int(text), bucket.balance <= int(text))


def check_thresholds(account: FoldedAccount, event: ChargingEvent) -> None:
    """Compare the balances that came down to their thresholds with those that the event names."""
    due = []
    for change in event.buckets:
        mark = account.thresholds.get(change.bucket_id)
        if mark is not None:
            low = change.balance_after <= mark.quantity
            if low and not mark.low:
                due.append((change.bucket_id, mark.quantity))
            account.thresholds[change.bucket_id] = Threshold(mark.quantity, low)
    if due != event.low:
        account.differ(event, "thresholds", event.low or "none", due or "none")


def _renewal(event: ChargingEvent) -> Renewal | None:
    fields = fields_of(event, "s")
    return Renewal(*map(int, fields)) if fields is not None else None


def _check_renewal(
    account: FoldedAccount, event: ChargingEvent, old: Renewal | None, new: Renewal | None
) -> None:
    """Compare the renewal after with the one before. old: None of a purchase."""
    if event.outcome == Outcome.CHARGED:
        left = old.left - 1 if old is not None else new.left if new is not None else 0
        start_ms, end_ms = _period(account, event, old)
        due = Renewal(renewal_due(start_ms, end_ms), end_ms, left) if left else None
    elif old is not None and new is not None:
        retry_ms = event.store_ms + RENEWAL_RETRY_MS
        due = Renewal(retry_ms, old.end_ms, old.left, old.tries + 1)
    else:
        due = None
    if new != due:
        account.differ(event, "renewal", new or "none", due or "none")


def _period(account: FoldedAccount, event: ChargingEvent, old: Renewal | None) -> tuple[int, int]:
    """Return when what was bought starts and ends: all of it together, now or after the last."""
    spans = sorted({tuple(map(int, fields[6:8])) for fields in all_fields_of(event, "v")})
    start_ms, end_ms = spans[0]
    due_ms = max(event.store_ms, old.end_ms) if old is not None else event.store_ms
    if len(spans) > 1 or start_ms != due_ms or end_ms <= start_ms:
        account.differ(event, "period", spans, f"one that starts {due_ms}")
    return start_ms, end_ms


def _order(account: FoldedAccount, event: ChargingEvent) -> None:
    """What waited for the bundle rolls over to its new buckets, or does not wait any more."""
    orders = {fields[0]: fields[1:] for fields in all_fields_of(event, "o")}
    opened = {fields[0] for fields in all_fields_of(event, "v")}
    for bucket_id, (to_bucket_id, most) in orders.items():
        waits = account.roll_overs.get(bucket_id)
        due = RollOver(event.ref, "", int(most))
        if waits != due or to_bucket_id not in opened:
            account.differ(event, f"bucket {bucket_id} rolls over", orders[bucket_id], waits)
        account.roll_overs[bucket_id] = RollOver(event.ref, to_bucket_id, int(most))
    _stop_waiting(account, event.ref)


def _open(
    account: FoldedAccount, event: ChargingEvent, fields: tuple[str, ...], *, renews: bool
) -> None:
    bucket_id, _, roll_over, threshold, *terms = fields
    if bucket_id in account.buckets:
        account.differ(event, f"bucket {bucket_id}", "opened", "open already")
    if not bucket_id.startswith(f"{event.ref}.{event.seq}."):
        account.differ(event, f"bucket {bucket_id}", "opened", f"{event.ref}.{event.seq}.<number>")
    account.buckets[bucket_id] = FoldedBucket(bucket_terms(tuple(terms)))
    if threshold != "-":
        account.thresholds[bucket_id] = Threshold(int(threshold), low=False)
    if renews and int(roll_over):
        account.roll_overs[bucket_id] = RollOver(event.ref, "", int(roll_over))
