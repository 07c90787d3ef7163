"""What can be asked of an account: one slotted class per operation.

Not frozen on purpose: one is made per call on the hot path. Fields that only the store's adapter
needs (server_ms, deadline_ms, context) are opaque to the decision.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ocs.domain.answer import Outcome, Reason
from ocs.domain.bucket import BucketTerms
from ocs.domain.bundle import Bundle
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus, AccountTerms
from ocs.domain.units import Unit

Pieces: TypeAlias = tuple[tuple[int, ServiceTerms | None], ...]


class Basis(StrEnum):
    """Whether a debit asks or reports."""

    AUTHORIZE = "authorize"
    USED = "used"


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
    """Hold units. terms: the price, or why there is none (refusal).

    change_ms: when the price may change, 0 = not known to. later: what follows, if the hold may
    last until then.
    """

    profile: Profile
    service_id: str
    terms: ServiceTerms | None
    refusal: Outcome | Reason | None
    wish: GrantWish
    reservation_id: str
    session_id: str
    sequence_number: int = -1
    change_ms: int = 0
    later: ServiceTerms | None = None

    def tiers(self) -> tuple[str, ...]:
        """Return the counters that its prices go by, sorted."""
        return _tiers(self.terms, self.later)

    def facts(self) -> ReservationFacts:
        """Return what is known of the reservation once it is granted."""
        assert self.terms is not None
        return ReservationFacts.granted(
            self.terms,
            self.profile.terms.plan,
            self.session_id,
            self.profile.subscriber_id,
            self.change_ms,
        )


@dataclass(slots=True, kw_only=True)
class Commit(Call):
    """Settle use. reservation: the service's memory of it; None if it knows none.

    pieces: the use in order, (units, price); None = the price it was granted by; empty: all of it
    by that. terms: the price of the next grant, None = as before, or why there is none
    (grant_refusal); change_ms, later: as in Reserve, only with terms.
    """

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
    pieces: Pieces = ()
    terms: ServiceTerms | None = None
    grant_refusal: Outcome | None = None
    change_ms: int = 0
    later: ServiceTerms | None = None

    def tiers(self) -> tuple[str, ...]:
        """Return the counters that its prices go by, sorted."""
        found = _tiers(self.terms, self.later, *(piece for _, piece in self.pieces))
        if self.reservation is None or not self.reservation.tier:
            return found
        return tuple(sorted({*found, self.reservation.tier}))

    def facts(self) -> ReservationFacts | None:
        """Return what is known of the reservation after a next grant."""
        known, profile = self.reservation, self.profile
        if known is None or profile is None or self.terms is None:
            return known
        return ReservationFacts.granted(
            self.terms, profile.terms.plan, known.session_id, known.subscriber_id, self.change_ms
        )


@dataclass(slots=True, kw_only=True)
class Release(Call):
    """Give back what is held."""

    profile: Profile | None
    reservation: ReservationFacts | None
    reservation_id: str


@dataclass(slots=True, kw_only=True)
class Debit(Call):
    """Charge at once. session_id: empty = rated by itself. pieces: as in Commit; None = terms."""

    profile: Profile
    service_id: str
    terms: ServiceTerms | None
    refusal: Outcome | Reason | None
    basis: Basis
    used_units: int
    session_id: str = ""
    sequence_number: int = -1
    pieces: Pieces = ()

    def tiers(self) -> tuple[str, ...]:
        """Return the counters that its prices go by, sorted."""
        return _tiers(self.terms, *(piece for _, piece in self.pieces))


def _tiers(*lines: ServiceTerms | None) -> tuple[str, ...]:
    return tuple(sorted({line.tier for line in lines if line is not None and line.tier}))


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
class UpdateSubscriber(Call):
    """Give a line other groups.

    open_ids: the account's open reservations as the service found them. etag: as of UpdateAccount.
    """

    subscriber_id: str
    group_ids: tuple[str, ...]
    etag: str = ""
    open_ids: tuple[str, ...] = ()


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

    seq: the event's. position: where the service found it, empty if it did not; line: its text
    there, for a store that has let go of it; collected: what it says. shares: (bucket_id,
    quantity) wanted; empty: all that is left. bucket_id: where to if a bucket that paid is gone;
    empty: not named.
    """

    seq: int
    position: str
    line: str = ""
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
    | UpdateSubscriber
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
