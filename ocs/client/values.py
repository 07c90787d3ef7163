"""The words of the contract as Python values, and the small values that requests are made of."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta


class Unit(enum.StrEnum):
    """What a quantity counts."""

    MICROS = "MICROS"  # money, millionths of the account's currency
    OCTETS = "OCTETS"
    SECONDS = "SECONDS"
    COUNT = "COUNT"


class Outcome(enum.StrEnum):
    """The decision on a charge. A refusal is a decision, not an exception."""

    # A decision that this version of the client does not know: treat it as a refusal.
    UNSPECIFIED = "UNSPECIFIED"
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


class FinalUnitAction(enum.StrEnum):
    """What the gateway does when a final grant is used up."""

    TERMINATE = "TERMINATE"
    REDIRECT = "REDIRECT"
    RESTRICT_ACCESS = "RESTRICT_ACCESS"


class Period(enum.StrEnum):
    """How often a spending cap starts again, in the account's time zone."""

    REQUEST = "REQUEST"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
    LIFETIME = "LIFETIME"
    ROLLING = "ROLLING"


class Basis(enum.StrEnum):
    """Whether a debit asks (AUTHORIZE: all or refused) or reports use that happened (USED)."""

    AUTHORIZE = "AUTHORIZE"
    USED = "USED"


class OverrunPolicy(enum.StrEnum):
    """What happens when a commit reports more than was held."""

    CHARGE = "CHARGE"
    REJECT = "REJECT"


class EventKind(enum.StrEnum):
    """What a charging event records."""

    UNSPECIFIED = "UNSPECIFIED"  # a kind that this version of the client does not know
    CREATE_ACCOUNT = "CREATE_ACCOUNT"
    ADD_SUBSCRIBER = "ADD_SUBSCRIBER"
    TOP_UP = "TOP_UP"
    SET_SPENDING_CAP = "SET_SPENDING_CAP"
    DELETE_SPENDING_CAP = "DELETE_SPENDING_CAP"
    REMOVE_SUBSCRIBER = "REMOVE_SUBSCRIBER"
    UPDATE_SUBSCRIBER = "UPDATE_SUBSCRIBER"
    SET_BUCKET_THRESHOLD = "SET_BUCKET_THRESHOLD"
    PURCHASE_BUNDLE = "PURCHASE_BUNDLE"
    RENEW_BUNDLE = "RENEW_BUNDLE"
    CANCEL_BUNDLE_RENEWAL = "CANCEL_BUNDLE_RENEWAL"
    RESERVE = "RESERVE"
    COMMIT = "COMMIT"
    RELEASE = "RELEASE"
    DEBIT = "DEBIT"
    EXPIRE = "EXPIRE"
    BUCKET_CLOSED = "BUCKET_CLOSED"
    SUSPEND_ACCOUNT = "SUSPEND_ACCOUNT"
    RESUME_ACCOUNT = "RESUME_ACCOUNT"
    CLOSE_ACCOUNT = "CLOSE_ACCOUNT"
    UPDATE_ACCOUNT = "UPDATE_ACCOUNT"
    WITHDRAW_BALANCE = "WITHDRAW_BALANCE"
    ADJUST_BUCKET = "ADJUST_BUCKET"
    REVERSE_TOP_UP = "REVERSE_TOP_UP"
    REFUND = "REFUND"


class ExplanationCause(enum.StrEnum):
    """What a line of an explained price is about."""

    UNSPECIFIED = "UNSPECIFIED"  # a cause that this version of the client does not know
    INCREMENT = "INCREMENT"
    TIER = "TIER"
    STEP = "STEP"
    ROUNDING = "ROUNDING"
    MAXIMUM = "MAXIMUM"
    CONNECT_FEE = "CONNECT_FEE"
    BUCKET = "BUCKET"
    GRANT_MAX = "GRANT_MAX"
    UNCOLLECTED = "UNCOLLECTED"
    CORRECTION = "CORRECTION"
    REFUND = "REFUND"


class UnexplainedCause(enum.StrEnum):
    """Why a price is not explained."""

    UNSPECIFIED = "UNSPECIFIED"  # a cause that this version of the client does not know
    NOTHING_CHARGED = "NOTHING_CHARGED"
    POSITION_UNKNOWN = "POSITION_UNKNOWN"
    VERSION_UNKNOWN = "VERSION_UNKNOWN"
    PRICE_UNKNOWN = "PRICE_UNKNOWN"
    TIER_UNKNOWN = "TIER_UNKNOWN"
    EVENT_GONE = "EVENT_GONE"
    OTHER_PRICE = "OTHER_PRICE"


class ReservationState(enum.StrEnum):
    """Where a reservation is in its life."""

    UNSPECIFIED = "UNSPECIFIED"  # a state that this version of the client does not know
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class AccountStatus(enum.StrEnum):
    """Whether an account may be granted anything; CLOSED is for ever."""

    UNSPECIFIED = "UNSPECIFIED"  # a status that this version of the client does not know
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


class HealthStatus(enum.StrEnum):
    """What the service says of itself."""

    UNKNOWN = "UNKNOWN"
    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    SERVICE_UNKNOWN = "SERVICE_UNKNOWN"


class IdentityKind(enum.StrEnum):
    """The kinds of network identity; the values are the contract's field names."""

    MSISDN = "msisdn"
    IMSI = "imsi"
    ICCID = "iccid"


@dataclass(frozen=True, slots=True)
class Identity:
    """A line by one of its network identities, digits only."""

    kind: IdentityKind
    digits: str

    @classmethod
    def msisdn(cls, digits: str) -> "Identity":
        """An E.164 number of 5 to 15 digits without a plus sign."""
        return cls(IdentityKind.MSISDN, digits)

    @classmethod
    def imsi(cls, digits: str) -> "Identity":
        """An IMSI, or the digits of a SUPI: 6 to 15 digits."""
        return cls(IdentityKind.IMSI, digits)

    @classmethod
    def iccid(cls, digits: str) -> "Identity":
        """The ICCID of an (e)SIM: 18 to 20 digits."""
        return cls(IdentityKind.ICCID, digits)


@dataclass(frozen=True, slots=True)
class CapHolder:
    """Whom a cap binds: exactly one of a subscriber and a group of the account."""

    subscriber_id: str | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class UsedSegment:
    """A stretch of use: its units, and when it began and ended if a price changed in between."""

    units: int
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class NextGrant:
    """What to hold anew after a commit; the whole next grant, never an addition.

    requested_units: None = the tariff's grant_default.
    """

    requested_units: int | None = None
    all_or_nothing: bool = False
    validity: timedelta | None = None
    next_reservation_id: str = ""


@dataclass(frozen=True, slots=True)
class LowBalance:
    """A balance that came down to its threshold, in the bucket's unit."""

    bucket_id: str
    threshold: int


@dataclass(frozen=True, slots=True)
class RollOver:
    """What rolled over from a bucket that closed."""

    bucket_id: str
    to_bucket_id: str
    quantity: int
