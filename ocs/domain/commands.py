"""What can be asked of an account: one slotted class per operation.

Not frozen on purpose: one is made per call on the hot path. Fields that only the store's adapter
needs (server_ms, deadline_ms, context) are opaque to the decision.
"""

from dataclasses import dataclass
from enum import StrEnum

from ocs.domain.answer import Outcome, Reason
from ocs.domain.bucket import BucketTerms
from ocs.domain.bundle import Bundle
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus, AccountTerms
from ocs.domain.units import Unit


class Basis(StrEnum):
    """Whether a debit asks or reports."""

    AUTHORIZE = "authorize"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the service knows of an account and, if one asks, of its subscriber.

    version: moves with every change of terms or caps; a command that carries an old one is
    answered STALE_PROFILE. caps: those of the account, the subscriber and its groups. identities:
    (kind, value) pairs of the subscriber.
    """

    tenant: str
    account_id: str
    version: int
    terms: AccountTerms
    subscriber_id: str
    group_ids: tuple[str, ...]
    caps: tuple[SpendingCap, ...]
    identities: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class ReservationFacts:
    """What the service must know of a reservation to name its keys and its caps.

    unit: the service's. zone, subscriber_id: empty for none.
    """

    service_id: str
    unit: Unit
    zone: str
    session_id: str
    subscriber_id: str


@dataclass(slots=True, kw_only=True)
class Call:
    """What every mutation carries.

    fingerprint: over the caller's meaning. request_time_ms: first send. window_ms: how long the
    request_id protects. context: the event's context, encoded.
    """

    tenant: str
    account_id: str
    request_id: str
    fingerprint: str
    request_time_ms: int
    window_ms: int
    context: bytes = b""
    deadline_ms: int = 0


@dataclass(slots=True, kw_only=True)
class GrantWish:
    """Units wanted. validity_ms: 0 = the service's. jitter_permille: 0 .. 100, see grant rules."""

    requested_units: int
    all_or_nothing: bool = False
    validity_ms: int = 0
    jitter_permille: int = 0


@dataclass(slots=True, kw_only=True)
class Reserve(Call):
    """Hold units. terms: the price, or why there is none (refusal)."""

    profile: Profile
    service_id: str
    terms: ServiceTerms | None
    refusal: Outcome | Reason | None
    wish: GrantWish
    reservation_id: str
    session_id: str
    sequence_number: int = -1


@dataclass(slots=True, kw_only=True)
class Commit(Call):
    """Settle use. reservation: the service's memory of it; None if it knows none."""

    profile: Profile | None
    reservation: ReservationFacts | None
    reservation_id: str
    used_units: int
    step: Step
    wish: GrantWish | None = None
    next_reservation_id: str = ""
    sequence_number: int = -1
    reject_overrun: bool = False
    refusal: Reason | None = None


@dataclass(slots=True, kw_only=True)
class Release(Call):
    """Give back what is held."""

    profile: Profile | None
    reservation: ReservationFacts | None
    reservation_id: str


@dataclass(slots=True, kw_only=True)
class Debit(Call):
    """Charge at once. session_id: empty = rated by itself."""

    profile: Profile
    service_id: str
    terms: ServiceTerms | None
    refusal: Outcome | Reason | None
    basis: Basis
    used_units: int
    session_id: str = ""
    sequence_number: int = -1


@dataclass(slots=True, kw_only=True)
class TopUp(Call):
    """Credit a bucket. terms: None = credit an existing bucket on its own terms."""

    payment_reference: str
    bucket_id: str
    terms: BucketTerms | None
    quantity: int
    unit: str
    refusal: Reason | None = None


@dataclass(slots=True, kw_only=True)
class CreateAccount(Call):
    """Open an account."""

    terms: AccountTerms


@dataclass(slots=True, kw_only=True)
class AddSubscriber(Call):
    """Add a line. identities: (kind, value) pairs, sorted; kept for reads."""

    subscriber_id: str
    identities: tuple[tuple[str, str], ...]
    group_ids: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class RemoveSubscriber(Call):
    """Remove a line. open_ids: the reservations of the account that the service found open."""

    subscriber_id: str
    open_ids: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class SetSpendingCap(Call):
    """Create a cap, or change the limit of one."""

    cap: SpendingCap


@dataclass(slots=True, kw_only=True)
class DeleteSpendingCap(Call):
    """Remove a cap, with its counter and what is held in it."""

    holder: str
    cap_id: str


@dataclass(slots=True, kw_only=True)
class SetAccountStatus(Call):
    """Suspend, resume or close an account."""

    status: AccountStatus


@dataclass(slots=True, kw_only=True)
class UpdateAccount(Call):
    """Change what was agreed. Empty plan or segment, credit_limit -1: as it is.

    etag: the profile version that the caller has seen, as text; empty: any.
    """

    plan: str = ""
    segment: str = ""
    credit_limit: int = -1
    etag: str = ""


@dataclass(slots=True, kw_only=True)
class WithdrawBalance(Call):
    """Take money or units out of a bucket."""

    bucket_id: str
    unit: Unit
    quantity: int


@dataclass(slots=True, kw_only=True)
class AdjustBucket(Call):
    """Set a balance right; quantity is signed."""

    bucket_id: str
    unit: Unit
    quantity: int


@dataclass(slots=True, kw_only=True)
class ReverseTopUp(Call):
    """Take back what a payment credited."""

    payment_reference: str
    allow_partial: bool = False


@dataclass(slots=True, kw_only=True)
class SetBucketThreshold(Call):
    """Mark a bucket's balance, anew if it is marked already. threshold: -1 = no more."""

    bucket_id: str
    unit: Unit
    threshold: int


@dataclass(slots=True, kw_only=True)
class PurchaseBundle(Call):
    """Buy a bundle. bundle: None with a refusal. month_ends: see Bundle.end, of the present."""

    profile: Profile
    bundle_id: str
    bundle: Bundle | None
    refusal: Outcome | Reason | None
    month_ends: tuple[int, int] = (0, 0)
    renew: bool = False


@dataclass(slots=True, kw_only=True)
class RenewBundle(Call):
    """Buy a bundle again; sent by the job, not by callers. due_ms: which of the renewals."""

    profile: Profile
    bundle_id: str
    bundle: Bundle | None
    refusal: Outcome | None
    due_ms: int
    month_ends: tuple[int, int] = (0, 0)


@dataclass(slots=True, kw_only=True)
class CancelBundleRenewal(Call):
    """Let a bundle end."""

    bundle_id: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What an event collected: (bucket_id, quantity, is money), in paying order.

    counters: (holder, cap_id, period_start_ms) of the caps it moved.
    """

    paid: tuple[tuple[str, int, bool], ...]
    counters: tuple[tuple[str, str, int], ...]


@dataclass(slots=True, kw_only=True)
class Refund(Call):
    """Give back what an event collected.

    seq: the event's. position: where the service found it, empty if it did not; collected: what it
    read there. shares: (bucket_id, quantity) wanted; empty: all that is left. bucket_id: where to
    if a bucket that paid is gone; empty: not named.
    """

    seq: int
    position: str
    collected: Collected
    shares: tuple[tuple[str, int], ...] = ()
    bucket_id: str = ""


@dataclass(slots=True, kw_only=True)
class Expire:
    """Expire what is due; sent by the job, not by callers."""

    tenant: str
    account_id: str


Mutation = (
    Reserve
    | Commit
    | Release
    | Debit
    | TopUp
    | CreateAccount
    | AddSubscriber
    | RemoveSubscriber
    | SetSpendingCap
    | DeleteSpendingCap
    | SetAccountStatus
    | UpdateAccount
    | WithdrawBalance
    | AdjustBucket
    | ReverseTopUp
    | Refund
    | SetBucketThreshold
    | PurchaseBundle
    | RenewBundle
    | CancelBundleRenewal
)
Command = Mutation | Expire
