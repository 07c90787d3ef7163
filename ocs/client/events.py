"""The journal's records. As in results."""

from dataclasses import dataclass
from datetime import datetime

from ocs.client.results import BucketCharge, RefundLine
from ocs.client.values import CapHolder, EventKind, LowBalance, Outcome, RollOver


@dataclass(frozen=True, slots=True)
class EventPiece:
    """Use that one line of the tariff priced."""

    units: int
    tariff_version: str
    price_id: str


@dataclass(frozen=True, slots=True)
class EventSegment:
    """A used segment as reported; a time not said is None."""

    units: int
    start_time: datetime | None
    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class EventContext:
    """What the service knew when it charged."""

    request_id: str
    session_id: str
    subscriber_id: str
    segment: str
    plan: str
    service_id: str
    zone: str
    partner: str
    currency: str
    tariff_version: str
    event_time: datetime | None
    actor: str
    sequence_number: int | None
    segments: tuple[EventSegment, ...]
    payment_reference: str
    reason: str
    decided_by: str
    price_id: str
    pieces: tuple[EventPiece, ...]
    unsplit: bool
    tax_included: bool | None
    corrects_seq: int  # of the event whose price a debit corrects; 0: it reports use
    time_zone: str  # of an account that is opened
    asked_units: int  # by the caller, if the tariff's grant_max cut it; 0: it did not


@dataclass(frozen=True, slots=True)
class BucketChange:
    """A bucket before and after an event."""

    bucket_id: str
    balance_before: int
    reserved_before: int
    balance_after: int
    reserved_after: int


@dataclass(frozen=True, slots=True)
class CapChange:
    """A cap counter after an event."""

    holder: CapHolder | None
    cap_id: str
    period_start_time: datetime | None
    spent_after: int
    reserved_after: int


@dataclass(frozen=True, slots=True)
class PaidStretch:
    """Units that a bucket paid for in one go."""

    bucket_id: str
    units: int


@dataclass(frozen=True, slots=True)
class StepRange:
    """Which steps of a price list some use ran through, counted from 1."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class SessionProgress:
    """How far a session had come, and has come: units used, and rated in whole increments."""

    position_before: int
    paid_to_before: int
    position_after: int
    paid_to_after: int


@dataclass(frozen=True, slots=True)
class ChargingEvent:
    """One journal record."""

    event: str
    kind: EventKind
    account_seq: int
    store_time: datetime | None
    outcome: Outcome | None  # None where there was nothing to decide
    reservation_id: str
    used_units: int
    granted_units: int
    charges: tuple[BucketCharge, ...]
    uncollected_units: int
    uncollected_micros: int
    buckets: tuple[BucketChange, ...]
    caps: tuple[CapChange, ...]
    flags: tuple[str, ...]
    context: EventContext
    refunded_event: str  # empty unless a REFUND
    refunds: tuple[RefundLine, ...]
    connect_micros: int  # the session's connect fee, if it fell due here
    bundle_id: str  # empty unless it is about one
    low_balances: tuple[LowBalance, ...]
    roll_overs: tuple[RollOver, ...]
    progress: SessionProgress | None  # None if it charged nothing
    steps: tuple[StepRange, ...]  # one for each of context.pieces, else one for its price_id
    stretches: tuple[PaidStretch, ...]  # if a bucket paid for two of them; else charges say it
    next_reservation_id: str  # of a late commit whose next grant opened one


@dataclass(frozen=True, slots=True)
class ChargingEventPage:
    """One page of the journal, newest first."""

    events: tuple[ChargingEvent, ...]
    next_page_token: str  # empty at the end
