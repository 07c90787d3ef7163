"""The journal."""

from ocs.client import events as records
from ocs.client.decode.charge import bucket_charge, holder, outcome, refund_line, time, time_of_ms
from ocs.client.values import EventKind, LowBalance, RollOver
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_event_pb2 as events

_KINDS: dict[int, EventKind] = {
    events.EventKind.Value(f"EVENT_KIND_{one}"): one for one in EventKind
}


def event_kind(number: int) -> EventKind:
    """What happened."""
    return _KINDS.get(number, EventKind.UNSPECIFIED)


def event_context(message: events.EventContext) -> records.EventContext:
    """What the service knew when it charged."""
    numbered = message.HasField("sequence_number")
    return records.EventContext(
        request_id=message.request_id,
        session_id=message.session_id,
        subscriber_id=message.subscriber_id,
        segment=message.segment,
        plan=message.plan,
        service_id=message.service_id,
        zone=message.zone,
        partner=message.partner,
        currency=message.currency,
        tariff_version=message.tariff_version,
        event_time=time_of_ms(message.event_time_ms),
        actor=message.actor,
        sequence_number=message.sequence_number if numbered else None,
        segments=tuple(
            records.EventSegment(
                units=segment.units,
                start_time=time_of_ms(segment.start_time_ms),
                end_time=time_of_ms(segment.end_time_ms),
            )
            for segment in message.segments
        ),
        payment_reference=message.payment_reference,
        reason=message.reason,
        decided_by=message.decided_by,
        price_id=message.price_id,
        pieces=tuple(
            records.EventPiece(
                units=piece.units, tariff_version=piece.tariff_version, price_id=piece.price_id
            )
            for piece in message.pieces
        ),
        unsplit=message.unsplit,
        tax_included=message.tax_included if message.HasField("tax_included") else None,
        corrects_seq=message.corrects_seq,
        time_zone=message.time_zone,
        asked_units=message.asked_units,
    )


def bucket_change(message: events.BucketChange) -> records.BucketChange:
    """A bucket before and after."""
    return records.BucketChange(
        bucket_id=message.bucket_id,
        balance_before=message.balance_before,
        reserved_before=message.reserved_before,
        balance_after=message.balance_after,
        reserved_after=message.reserved_after,
    )


def cap_change(message: events.CapChange) -> records.CapChange:
    """A cap counter after the event."""
    return records.CapChange(
        holder=holder(message.holder),
        cap_id=message.cap_id,
        period_start_time=time(message, "period_start_time"),
        spent_after=message.spent_after,
        reserved_after=message.reserved_after,
    )


def charging_event(message: events.ChargingEvent) -> records.ChargingEvent:
    """One journal record."""
    return records.ChargingEvent(
        event=message.event,
        kind=event_kind(message.kind),
        account_seq=message.account_seq,
        store_time=time(message, "store_time"),
        outcome=outcome(message.outcome) if message.outcome else None,
        reservation_id=message.reservation_id,
        used_units=message.used_units,
        granted_units=message.granted_units,
        charges=tuple(bucket_charge(one) for one in message.charges),
        uncollected_units=message.uncollected_units,
        uncollected_micros=message.uncollected_micros,
        connect_micros=message.connect_micros,
        buckets=tuple(bucket_change(one) for one in message.buckets),
        caps=tuple(cap_change(one) for one in message.caps),
        flags=tuple(message.flags),
        context=event_context(message.context),
        refunded_event=message.refunded_event,
        refunds=tuple(map(refund_line, message.refunds)),
        bundle_id=message.bundle_id,
        low_balances=tuple(
            LowBalance(bucket_id=one.bucket_id, threshold=one.threshold)
            for one in message.low_balances
        ),
        roll_overs=tuple(
            RollOver(bucket_id=one.bucket_id, to_bucket_id=one.to_bucket_id, quantity=one.quantity)
            for one in message.roll_overs
        ),
        progress=_progress(message.progress) if message.HasField("progress") else None,
        steps=tuple(records.StepRange(first=one.first, last=one.last) for one in message.steps),
        stretches=tuple(
            records.PaidStretch(bucket_id=one.bucket_id, units=one.units)
            for one in message.stretches
        ),
        next_reservation_id=message.next_reservation_id,
    )


def _progress(message: events.SessionProgress) -> records.SessionProgress:
    return records.SessionProgress(
        position_before=message.position_before,
        paid_to_before=message.paid_to_before,
        position_after=message.position_after,
        paid_to_after=message.paid_to_after,
    )


def charging_event_page(message: accounts.ListChargingEventsResponse) -> records.ChargingEventPage:
    """The answer of ListChargingEvents."""
    return records.ChargingEventPage(
        events=tuple(charging_event(one) for one in message.events),
        next_page_token=message.next_page_token,
    )
