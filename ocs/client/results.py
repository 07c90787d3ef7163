"""What the service answers, as plain immutable values: ints, UTC datetimes and words.

A time left unset is None. Money is in micro-units, units are octets, seconds or counts; no float.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ocs.client.values import (
    AccountStatus,
    CapHolder,
    FinalUnitAction,
    HealthStatus,
    Outcome,
    Period,
    Unit,
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What every answer of a mutation carries."""

    account_seq: int
    store_time: datetime | None
    replayed: bool  # the recorded answer of an earlier call with the same request_id


@dataclass(frozen=True, slots=True)
class CapReached:
    """The cap that refused a grant or cut it short."""

    cap_id: str
    holder: CapHolder | None  # None: the whole account
    unit: Unit | None
    remaining: int
    reset_time: datetime | None


@dataclass(frozen=True, slots=True)
class GrantResult:
    """The decision on a request for units; `granted_units` is the whole usable grant."""

    outcome: Outcome
    reservation: str  # tenants/{t}/accounts/{a}/reservations/{r}; empty if nothing is open
    granted_units: int
    unit: Unit | None
    validity_time: datetime | None
    expire_time: datetime | None
    report_at_units: int
    tariff_change_time: datetime | None
    final_grant: bool
    final_unit_action: FinalUnitAction | None
    cap: CapReached | None
    reserved_micros: int
    receipt: Receipt

    @property
    def granted(self) -> bool:
        """Whether units are held for the caller."""
        return self.outcome is Outcome.GRANTED


@dataclass(frozen=True, slots=True)
class BucketCharge:
    """What one bucket paid."""

    bucket_id: str
    units: int
    micros: int


@dataclass(frozen=True, slots=True)
class Charge:
    """The settled part of a commit or debit. Uncollected units are part of the charged ones."""

    charged_units: int
    charged_micros: int
    uncollected_units: int
    uncollected_micros: int
    lines: tuple[BucketCharge, ...]
    late: bool
    sequence_gap: bool
    out_of_order: bool
    event: str


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The settled charge and, if one was asked for, the decision on the next grant."""

    reservation: str  # the one that continues: the committed one, or a late commit's successor
    charge: Charge
    grant: GrantResult | None
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """The reservation is closed, and what went back."""

    outcome: Outcome
    released_micros: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What a bucket that paid gets back. to_bucket_id: what was credited; empty: it lapsed."""

    bucket_id: str
    to_bucket_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class DebitResult:
    """The decision on a debit, and what was charged."""

    outcome: Outcome
    charge: Charge
    cap: CapReached | None
    receipt: Receipt

    @property
    def charged(self) -> bool:
        """Whether the debit was taken."""
        return self.outcome is Outcome.CHARGED


@dataclass(frozen=True, slots=True)
class Bucket:
    """One balance of an account: money (MICROS) or units."""

    bucket_id: str
    unit: Unit | None
    balance: int
    reserved: int
    available: int
    priority: int
    start_time: datetime | None
    expire_time: datetime | None
    service_ids: tuple[str, ...]
    zones: tuple[str, ...]
    blocking: bool
    credited: int
    spent: int
    threshold: int | None  # a balance that comes down to it is reported
    low: bool


@dataclass(frozen=True, slots=True)
class HeldQuantity:
    """A quantity held in a bucket."""

    bucket_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """A held reservation."""

    reservation: str
    expire_time: datetime | None
    held: tuple[HeldQuantity, ...]


@dataclass(frozen=True, slots=True)
class SpendingCap:
    """A hard ceiling per period, and where it stands. One of the two limits is set."""

    cap_id: str
    holder: CapHolder | None  # None: the whole account
    service_id: str | None  # service_id and zone None: everything
    zone: str | None
    limit_micros: int | None
    limit_units: int | None
    unit: Unit | None  # of limit_units, or MICROS
    period: Period | None
    spent: int
    reserved: int
    remaining: int
    period_start_time: datetime | None
    reset_time: datetime | None
    window: timedelta | None  # of a rolling cap, in window_slots slots
    window_slots: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """A payer's store of value."""

    account_id: str
    currency: str
    time_zone: str
    billing_anchor_day: int
    plan: str
    segment: str
    credit_limit_micros: int
    buckets: tuple[Bucket, ...]
    caps: tuple[SpendingCap, ...]
    open_reservations: tuple[OpenReservation, ...]
    account_seq: int
    create_time: datetime | None
    subscriber_ids: tuple[str, ...]
    status: AccountStatus
    etag: str


@dataclass(frozen=True, slots=True)
class ReceiptResult:
    """The answer of an operation that has nothing else to tell."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class UpdateAccountResult:
    """The account as it stands."""

    account: Account
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CreateAccountResult:
    """The new account."""

    account: Account
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class GetAccountResult:
    """The account as of store_time."""

    account: Account
    store_time: datetime | None


@dataclass(frozen=True, slots=True)
class AddSubscriberResult:
    """The line that was added."""

    subscriber_id: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class LookupSubscriberResult:
    """The line found, and the account that pays for it."""

    account_id: str
    subscriber_id: str


@dataclass(frozen=True, slots=True)
class TopUpResult:
    """The bucket after the credit."""

    bucket_id: str
    unit: Unit  # what was credited, so what the bucket holds
    balance: int
    available: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class SetSpendingCapResult:
    """The cap as it stands."""

    cap: SpendingCap
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ListSpendingCapsResult:
    """The caps of one holder, ordered by id."""

    caps: tuple[SpendingCap, ...]
    store_time: datetime | None


@dataclass(frozen=True, slots=True)
class HealthResult:
    """What the service says of itself."""

    service: str
    status: HealthStatus

    @property
    def serving(self) -> bool:
        """Whether it takes calls."""
        return self.status is HealthStatus.SERVING
