"""What an operation answers: a decision, or the reason why it does not fit."""

import enum
from dataclasses import dataclass, field

from ocs.domain.units import Unit


class Outcome(enum.StrEnum):
    """The decision on a charge; journaled and replayed. Names equal the proto's and Lua's."""

    GRANTED = "GRANTED"
    CHARGED = "CHARGED"
    RELEASED = "RELEASED"
    CREDIT_LIMIT_REACHED = "CREDIT_LIMIT_REACHED"
    SPENDING_CAP_REACHED = "SPENDING_CAP_REACHED"
    SERVICE_DENIED = "SERVICE_DENIED"
    RATING_FAILED = "RATING_FAILED"
    TOO_MANY_RESERVATIONS = "TOO_MANY_RESERVATIONS"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
    TOO_MANY_BUCKETS = "TOO_MANY_BUCKETS"
    GRANT_MAX_EXCEEDED = "GRANT_MAX_EXCEEDED"
    # Account keeping, which decides nothing.
    DONE = "DONE"


class Reason(enum.StrEnum):
    """Why a call failed; names equal the proto's ErrorReason."""

    INVALID_FIELD = "INVALID_FIELD"
    QUERY_TOO_LONG = "QUERY_TOO_LONG"
    SQL_REFUSED = "SQL_REFUSED"
    FIGURES_BEHIND = "FIGURES_BEHIND"
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    SUBSCRIBER_NOT_FOUND = "SUBSCRIBER_NOT_FOUND"
    RESERVATION_NOT_FOUND = "RESERVATION_NOT_FOUND"
    ACCOUNT_EXISTS = "ACCOUNT_EXISTS"
    SUBSCRIBER_EXISTS = "SUBSCRIBER_EXISTS"
    IDENTITY_TAKEN = "IDENTITY_TAKEN"
    REQUEST_NOT_FOUND = "REQUEST_NOT_FOUND"
    BUCKET_NOT_FOUND = "BUCKET_NOT_FOUND"
    PAYMENT_NOT_FOUND = "PAYMENT_NOT_FOUND"
    EVENT_NOT_FOUND = "EVENT_NOT_FOUND"
    CAP_NOT_FOUND = "CAP_NOT_FOUND"
    BUNDLE_NOT_FOUND = "BUNDLE_NOT_FOUND"
    RENEWAL_NOT_FOUND = "RENEWAL_NOT_FOUND"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    RESERVATION_EXISTS = "RESERVATION_EXISTS"
    SEQUENCE_NUMBER_REUSED = "SEQUENCE_NUMBER_REUSED"
    PAYMENT_REFERENCE_USED = "PAYMENT_REFERENCE_USED"
    REQUEST_TOO_OLD = "REQUEST_TOO_OLD"
    REQUEST_TIME_AHEAD = "REQUEST_TIME_AHEAD"
    RESERVATION_CLOSED = "RESERVATION_CLOSED"
    RESERVATION_EXPIRED = "RESERVATION_EXPIRED"
    COMMIT_EXCEEDS_RESERVED = "COMMIT_EXCEEDS_RESERVED"
    UNIT_MISMATCH = "UNIT_MISMATCH"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    BALANCE_LIMIT = "BALANCE_LIMIT"
    CHARGE_LIMIT = "CHARGE_LIMIT"
    TOP_UP_EXPIRED = "TOP_UP_EXPIRED"
    BUCKET_MISMATCH = "BUCKET_MISMATCH"
    TOO_MANY_BUCKETS = "TOO_MANY_BUCKETS"
    CAP_MISMATCH = "CAP_MISMATCH"
    TOO_MANY_CAPS = "TOO_MANY_CAPS"
    TARIFF_REFUSED = "TARIFF_REFUSED"
    TARIFF_NOT_FOUND = "TARIFF_NOT_FOUND"
    TARIFF_EXISTS = "TARIFF_EXISTS"
    TARIFF_SCHEDULED = "TARIFF_SCHEDULED"
    ACTIVATION_TOO_SOON = "ACTIVATION_TOO_SOON"
    ACTIVATION_TAKEN = "ACTIVATION_TAKEN"
    TOO_MANY_TARIFFS = "TOO_MANY_TARIFFS"
    TARIFF_UNCONFIRMED = "TARIFF_UNCONFIRMED"
    ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
    ACCOUNT_HOLDS_RESERVATIONS = "ACCOUNT_HOLDS_RESERVATIONS"
    ACCOUNT_HAS_BALANCE = "ACCOUNT_HAS_BALANCE"
    SUBSCRIBER_HOLDS_RESERVATIONS = "SUBSCRIBER_HOLDS_RESERVATIONS"
    ETAG_MISMATCH = "ETAG_MISMATCH"
    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    TOP_UP_ALREADY_USED = "TOP_UP_ALREADY_USED"
    TOP_UP_REVERSED = "TOP_UP_REVERSED"
    REFUND_EXCEEDS = "REFUND_EXCEEDS"
    RENEWAL_NOT_OFFERED = "RENEWAL_NOT_OFFERED"
    RENEWAL_EXISTS = "RENEWAL_EXISTS"
    CLOCK_SKEW = "CLOCK_SKEW"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    DEADLINE_TOO_SHORT = "DEADLINE_TOO_SHORT"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    STORE_FULL = "STORE_FULL"
    JOURNAL_FULL = "JOURNAL_FULL"
    ARCHIVE_UNREADABLE = "ARCHIVE_UNREADABLE"
    TOO_MANY_REFUSALS = "TOO_MANY_REFUSALS"
    ACCOUNT_BUSY = "ACCOUNT_BUSY"
    STATE_CORRUPT = "STATE_CORRUPT"
    INTERNAL = "INTERNAL"
    # Never leave the service: the caller's view of the account is out of date, or more holds are
    # due than one call may expire. Nothing is recorded under the request_id.
    STALE_PROFILE = "STALE_PROFILE"
    STALE_RESERVATION = "STALE_RESERVATION"
    EXPIRE_MORE = "EXPIRE_MORE"
    # Only the job hears of it: the renewal has been made, or is not due.
    RENEWAL_NOT_DUE = "RENEWAL_NOT_DUE"


# Refusals that depend on the state of what the call names: recorded under the request_id, so that
# a resend gets the same answer. All others leave the request_id unconsumed.
RECORDED_REASONS = frozenset(
    {
        Reason.RESERVATION_CLOSED,
        Reason.RESERVATION_EXPIRED,
        Reason.COMMIT_EXCEEDS_RESERVED,
        Reason.UNIT_MISMATCH,
        Reason.CURRENCY_MISMATCH,
        Reason.BALANCE_LIMIT,
        Reason.CHARGE_LIMIT,
        Reason.TOP_UP_EXPIRED,
        Reason.BUCKET_MISMATCH,
        Reason.TOO_MANY_BUCKETS,
        Reason.CAP_MISMATCH,
        Reason.TOO_MANY_CAPS,
        Reason.ACCOUNT_CLOSED,
        Reason.ACCOUNT_HOLDS_RESERVATIONS,
        Reason.ACCOUNT_HAS_BALANCE,
        Reason.SUBSCRIBER_HOLDS_RESERVATIONS,
        Reason.ETAG_MISMATCH,
        Reason.BALANCE_TOO_LOW,
        Reason.TOP_UP_ALREADY_USED,
        Reason.TOP_UP_REVERSED,
        Reason.REFUND_EXCEEDS,
        Reason.RENEWAL_NOT_OFFERED,
        Reason.RENEWAL_EXISTS,
    }
)


@dataclass(frozen=True, slots=True)
class CapReached:
    """The cap that refused or cut a grant. reset_ms: 0 = never starts again."""

    holder: str
    cap_id: str
    unit: Unit
    remaining: int
    reset_ms: int


@dataclass(slots=True)
class Payment:
    """What one bucket paid: units of the service, and money (0 for a bucket of units)."""

    bucket_id: str
    units: int
    micros: int


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What a bucket that paid gets back, and where it went; to_bucket_id empty: it lapsed."""

    bucket_id: str
    to_bucket_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class BoughtBucket:
    """A bucket that a purchase opened, and what was credited to it."""

    bucket_id: str
    unit: Unit
    quantity: int


@dataclass(slots=True)
class Answer:
    """The answer of a charging operation; equal for a replay but for `replayed`.

    Either `outcome` or `reason` is set. Units are the service's; micros are micro-units of the
    account's currency; times are store time, 0 = unset. rated_units counts uncollected ones too.
    bucket_* answer what changes one bucket by hand; bucket_moved: what a reversal took back.
    identities: (kind, value) pairs of a line that was removed. bought: the buckets of a bundle,
    which end at expire_ms; renew_ms: when it is bought again, or tried again. renewals_due:
    (bundle_id, due_ms) of bundles that are to be renewed now.
    """

    seq: int
    store_ms: int
    outcome: Outcome | None = None
    reason: Reason | None = None
    reservation_id: str = ""
    granted_units: int = 0
    valid_until_ms: int = 0
    expire_ms: int = 0
    price_change_ms: int = 0
    final_grant: bool = False
    held_micros: int = 0
    rated_units: int = 0
    charged_micros: int = 0
    uncollected_units: int = 0
    uncollected_micros: int = 0
    late: bool = False
    sequence_gap: bool = False
    out_of_order: bool = False
    cap: CapReached | None = None
    payments: tuple[Payment, ...] = field(default=())
    bucket_id: str = ""
    bucket_balance: int = 0
    bucket_available: int = 0
    bucket_moved: int = 0
    refunds: tuple[RefundLine, ...] = field(default=())
    refunded_micros: int = 0
    identities: tuple[tuple[str, str], ...] = field(default=())
    bought: tuple[BoughtBucket, ...] = field(default=())
    renew_ms: int = 0
    expired_count: int = 0
    renewals_due: tuple[tuple[str, int], ...] = field(default=())
    replayed: bool = False
