"""Journal records as the domain reads them, from those of the API."""

from datetime import UTC, datetime, timedelta
from typing import Final

from ocs.client import CapHolder
from ocs.client import events as api
from ocs.domain.answer import Payment, RefundLine
from ocs.domain.charging_event import BucketChange, ChargingEvent, CounterChange, EventKind
from ocs.domain.event_context import EventContext
from ocs.domain.spending_cap import ACCOUNT_HOLDER, group_holder, subscriber_holder

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MS: Final = timedelta(milliseconds=1)


def event_of(event: api.ChargingEvent, tenant: str, account_id: str) -> ChargingEvent:
    """Return what the API tells of a journal record; what it does not tell is left out."""
    progress = event.progress
    position = None
    if progress is not None:
        position = (
            progress.position_before,
            progress.paid_to_before,
            progress.position_after,
            progress.paid_to_after,
        )
    return ChargingEvent(
        kind=EventKind(event.kind.value),
        tenant=tenant,
        account_id=account_id,
        seq=event.account_seq,
        store_ms=_ms(event.store_time),
        outcome=event.outcome.value if event.outcome is not None else "",
        ref=event.refunded_event.rpartition("/")[2] or event.reservation_id,
        used_units=event.used_units,
        granted_units=event.granted_units,
        position=position,
        buckets=[
            BucketChange(
                one.bucket_id,
                one.balance_before,
                one.reserved_before,
                one.balance_after,
                one.reserved_after,
            )
            for one in event.buckets
        ],
        payments=[Payment(one.bucket_id, one.units, one.micros) for one in event.charges],
        steps=[(one.first, one.last) for one in event.steps],
        stretches=[(one.bucket_id, one.units) for one in event.stretches],
        uncollected_units=event.uncollected_units,
        uncollected_micros=event.uncollected_micros,
        connect_micros=event.connect_micros,
        counters=[
            CounterChange(
                _holder(one.holder),
                one.cap_id,
                _ms(one.period_start_time),
                one.spent_after,
                one.reserved_after,
            )
            for one in event.caps
        ],
        successor_id=event.next_reservation_id,
        refunds=[
            RefundLine(one.bucket_id, one.to_bucket_id, one.quantity) for one in event.refunds
        ],
    )


def context_of(context: api.EventContext) -> EventContext:
    """Return a record's context."""
    return EventContext(
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
        event_time_ms=_ms(context.event_time),
        actor=context.actor,
        segments=tuple(
            (one.units, _ms(one.start_time), _ms(one.end_time)) for one in context.segments
        ),
        reason=context.reason,
        price_id=context.price_id,
        pieces=tuple((one.units, one.tariff_version, one.price_id) for one in context.pieces),
        unsplit=context.unsplit,
        tax_included=context.tax_included,
        corrects_seq=context.corrects_seq,
        asked_units=context.asked_units,
    )


def _ms(moment: datetime | None) -> int:
    return (moment - EPOCH) // MS if moment is not None else 0


def _holder(holder: CapHolder | None) -> str:
    if holder is None:
        return ACCOUNT_HOLDER
    if holder.subscriber_id:
        return subscriber_holder(holder.subscriber_id)
    assert holder.group_id is not None
    return group_holder(holder.group_id)
