"""What reads answer: prices, reservations, request records, lists. As in results."""

from dataclasses import dataclass
from datetime import datetime

from ocs.client.results import BucketCharge, CapReached, Charge, GrantResult, HeldQuantity, Receipt
from ocs.client.values import (
    AccountStatus,
    CapHolder,
    EventKind,
    ExplanationCause,
    Outcome,
    ReservationState,
    UnexplainedCause,
    Unit,
)


@dataclass(frozen=True, slots=True)
class RateStep:
    """From `from_units` of the session on, each per_units cost micros, in whole increments."""

    from_units: int
    increment_units: int
    micros: int
    per_units: int


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """Why a price is what it is: as data, and as a sentence.

    What it is about is units [from_units, to_units), and micros + rest_numerator /
    rest_denominator micro-units, exactly.
    """

    cause: ExplanationCause
    text: str
    from_units: int
    to_units: int
    micros: int
    rest_numerator: int
    rest_denominator: int
    price_id: str
    tariff_version: str
    bucket_id: str
    step_number: int  # which of the price list, from 1; 0: the line is about none
    step: RateStep | None


@dataclass(frozen=True, slots=True)
class ExplainChargeResult:
    """A charge of the past, and how it came about."""

    event: str
    kind: EventKind
    outcome: Outcome | None  # None for a refund
    store_time: datetime | None
    event_time: datetime | None
    service_id: str
    unit: Unit | None
    zone: str
    used_units: int
    rated_units: int
    charged_micros: int  # below 0: given back
    uncollected_units: int
    uncollected_micros: int
    currency: str
    tariff_version: str
    # The lines before those of who paid add up to what was charged and not collected.
    explanation: tuple[ExplanationLine, ...]
    unexplained: UnexplainedCause | None  # None: it is explained
    unexplained_text: str
    about_event: str  # that was refunded or corrected; empty: none
    unsplit: bool


@dataclass(frozen=True, slots=True)
class QuoteResult:
    """What units would cost, and who would pay if they were debited now."""

    outcome: Outcome  # CHARGED, or why a debit would be refused
    unit: Unit | None
    rated_units: int
    price_micros: int
    lines: tuple[BucketCharge, ...]
    cap: CapReached | None
    currency: str
    zone: str
    tariff_version: str
    steps: tuple[RateStep, ...]
    connect_micros: int  # part of the price
    explanation: tuple[ExplanationLine, ...]  # those before the buckets' add up to the price
    grant_min_units: int
    grant_default_units: int  # 0: a reserve must name units
    grant_max_units: int  # 0: no bound
    store_time: datetime | None


@dataclass(frozen=True, slots=True)
class HeldInCap:
    """A quantity held in a period of a cap."""

    cap_id: str
    holder: CapHolder | None  # None: the whole account
    period_start_time: datetime | None
    quantity: int


@dataclass(frozen=True, slots=True)
class ReservationReading:
    """A reservation as of one moment; it holds something only while it is OPEN."""

    reservation: str
    state: ReservationState
    session_id: str
    subscriber_id: str
    service_id: str
    unit: Unit | None
    zone: str
    granted_units: int
    held: tuple[HeldQuantity, ...]
    held_in_caps: tuple[HeldInCap, ...]
    expire_time: datetime | None
    forget_time: datetime | None
    tariff_version: str
    steps: tuple[RateStep, ...]


@dataclass(frozen=True, slots=True)
class GetReservationResult:
    """The reservation as of store_time."""

    reservation: ReservationReading
    store_time: datetime | None


@dataclass(frozen=True, slots=True)
class ReservationPage:
    """One page of the open reservations, ordered by id."""

    reservations: tuple[ReservationReading, ...]
    next_page_token: str  # empty at the end


@dataclass(frozen=True, slots=True)
class GetRequestResult:
    """What a request led to."""

    outcome: Outcome | None  # None if it failed, or had nothing to decide
    reason: str  # why it failed; empty if it did not
    charge: Charge | None
    grant: GrantResult | None
    reservation: str
    bucket_id: str
    receipt: Receipt
    expire_time: datetime | None  # until when a resend is answered from the record


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """What a list says of an account."""

    account_id: str
    status: AccountStatus
    currency: str
    plan: str
    segment: str
    credit_limit_micros: int
    create_time: datetime | None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One page of the tenant's accounts, in an order that never changes."""

    accounts: tuple[AccountSummary, ...]
    next_page_token: str  # empty at the end
