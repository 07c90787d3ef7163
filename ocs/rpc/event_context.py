"""EventContext on the wire: encoded once per event, opaque to the store."""

from ocs.domain.event_context import EventContext
from ocs.v1 import charging_event_pb2


def encode_context(context: EventContext) -> bytes:
    """Spell what the service knew."""
    message = charging_event_pb2.EventContext(
        request_id=context.request_id,
        session_id=context.session_id,
        subscriber_id=context.subscriber_id,
        segment=context.segment,
        plan=context.plan,
        service_id=context.service_id,
        zone=context.zone,
        partner=context.partner,
        currency=context.currency,
        tariff_version=context.tariff_version,
        event_time_ms=context.event_time_ms,
        actor=context.actor,
        payment_reference=context.payment_reference,
        reason=context.reason,
        decided_by=context.decided_by,
        price_id=context.price_id,
        unsplit=context.unsplit,
        corrects_seq=context.corrects_seq,
        asked_units=context.asked_units,
        time_zone=context.time_zone,
    )
    if context.tax_included is not None:
        message.tax_included = context.tax_included
    if context.sequence_number >= 0:
        message.sequence_number = context.sequence_number
    for units, start_ms, end_ms in context.segments:
        message.segments.add(units=units, start_time_ms=start_ms, end_time_ms=end_ms)
    for units, tariff_version, price_id in context.pieces:
        message.pieces.add(units=units, tariff_version=tariff_version, price_id=price_id)
    return message.SerializeToString()


def decode_context(context: bytes) -> EventContext:
    """Read what was encoded."""
    message = charging_event_pb2.EventContext.FromString(context)
    numbered = message.HasField("sequence_number")
    return EventContext(
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
        event_time_ms=message.event_time_ms,
        actor=message.actor,
        sequence_number=message.sequence_number if numbered else -1,
        segments=tuple((one.units, one.start_time_ms, one.end_time_ms) for one in message.segments),
        payment_reference=message.payment_reference,
        reason=message.reason,
        decided_by=message.decided_by,
        price_id=message.price_id,
        pieces=tuple((one.units, one.tariff_version, one.price_id) for one in message.pieces),
        unsplit=message.unsplit,
        tax_included=message.tax_included if message.HasField("tax_included") else None,
        corrects_seq=message.corrects_seq,
        asked_units=message.asked_units,
        time_zone=message.time_zone,
    )
