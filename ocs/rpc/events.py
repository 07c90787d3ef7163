"""Journal records at the edge."""

from typing import Final

from ocs.domain.answer import Outcome
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.ports import LoggedEvent
from ocs.rpc import convert
from ocs.rpc.names import event_name
from ocs.v1 import charging_event_pb2 as pb

KINDS: Final = {kind: pb.EventKind.Value(f"EVENT_KIND_{kind.name}") for kind in EventKind}
_FLAGS: Final = {"l": "late", "f": "final_grant", "g": "sequence_gap", "o": "out_of_order"}

_BUNDLE_KINDS: Final = (
    EventKind.PURCHASE_BUNDLE,
    EventKind.RENEW_BUNDLE,
    EventKind.CANCEL_BUNDLE_RENEWAL,
)


def event_message(logged: LoggedEvent) -> pb.ChargingEvent:
    """Write one journal record."""
    event = logged.event
    message = pb.ChargingEvent(
        event=event_name(event.tenant, event.account_id, event.seq),
        kind=KINDS[event.kind],
        account_seq=event.seq,
        reservation_id=event.ref if event.hold is not None or event.requested_units else "",
        used_units=event.used_units,
        granted_units=event.granted_units,
        uncollected_units=event.uncollected_units,
        uncollected_micros=event.uncollected_micros,
        connect_micros=event.connect_micros,
        next_reservation_id=event.successor_id,
        flags=[_FLAGS[letter] for letter in event.flags],
    )
    convert.set_time(message.store_time, event.store_ms)
    if event.outcome:
        message.outcome = convert.OUTCOMES[Outcome(event.outcome)]
    for payment in event.payments:
        message.charges.add(bucket_id=payment.bucket_id, units=payment.units, micros=payment.micros)
    for change in event.buckets:
        message.buckets.add(
            bucket_id=change.bucket_id,
            balance_before=change.balance_before,
            reserved_before=change.reserved_before,
            balance_after=change.balance_after,
            reserved_after=change.reserved_after,
        )
    for counter in event.counters:
        cap = message.caps.add(
            cap_id=counter.cap_id,
            spent_after=counter.spent_after,
            reserved_after=counter.reserved_after,
        )
        if counter.holder != "account":
            convert.set_holder(cap.holder, counter.holder)
        convert.set_time(cap.period_start_time, counter.period_start_ms)
    if event.kind is EventKind.REFUND:
        message.refunded_event = event_name(event.tenant, event.account_id, int(event.ref))
    for line in event.refunds:
        message.refunds.add(
            bucket_id=line.bucket_id, to_bucket_id=line.to_bucket_id, quantity=line.quantity
        )
    for bucket_id, units in event.stretches:
        message.stretches.add(bucket_id=bucket_id, units=units)
    for first, last in event.steps:
        message.steps.add(first=first, last=last)
    if event.position is not None:
        before, paid_before, after, paid_after = event.position
        message.progress.position_before = before
        message.progress.paid_to_before = paid_before
        message.progress.position_after = after
        message.progress.paid_to_after = paid_after
    _set_bundle_parts(message, event)
    message.context.ParseFromString(logged.context)
    return message


def _set_bundle_parts(message: pb.ChargingEvent, event: ChargingEvent) -> None:
    if event.kind in _BUNDLE_KINDS:
        message.bundle_id = event.ref
    for bucket_id, threshold in event.low:
        message.low_balances.add(bucket_id=bucket_id, threshold=threshold)
    if event.kind is EventKind.BUCKET_CLOSED:
        for letter, *fields in event.terms:
            if letter == "o":
                message.roll_overs.add(
                    bucket_id=fields[0], to_bucket_id=fields[1], quantity=int(fields[2])
                )
