"""What the service knew when it charged; journaled beside the event, opaque to the scripts."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class EventContext:
    """Context of one event; empty or 0 where there was nothing to know.

    sequence_number: -1 = none. segments: (units, start_ms, end_ms) as reported. pieces: (units,
    tariff_version, price_id) if more than one price applied, in order. unsplit: the price changed
    meanwhile, and the use did not say when it happened. tax_included: whether the prices contain
    the tax; None where nothing was priced. corrects_seq: number of the event whose price a debit
    corrects, in micro-units; 0 = it reports use. asked_units: what the caller asked for, if the
    tariff's grant_max cut it; 0 = it did not.
    """

    request_id: str = ""
    session_id: str = ""
    subscriber_id: str = ""
    segment: str = ""
    plan: str = ""
    service_id: str = ""
    zone: str = ""
    partner: str = ""
    currency: str = ""
    tariff_version: str = ""
    event_time_ms: int = 0
    actor: str = ""
    sequence_number: int = -1
    segments: tuple[tuple[int, int, int], ...] = ()
    payment_reference: str = ""
    reason: str = ""
    decided_by: str = ""
    price_id: str = ""
    pieces: tuple[tuple[int, str, str], ...] = ()
    unsplit: bool = False
    tax_included: bool | None = None
    corrects_seq: int = 0
    asked_units: int = 0
