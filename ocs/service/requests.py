"""What callers ask, in plain types; the edge has checked every field's own rule."""

from dataclasses import dataclass

from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import Basis, GrantWish
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus, AccountTerms
from ocs.domain.units import Unit


@dataclass(slots=True)
class Asked:
    """What every mutation carries. deadline_ms: when the caller stops waiting, service clock."""

    tenant: str
    actor: str
    deadline_ms: int
    request_id: str
    request_time_ms: int


@dataclass(slots=True)
class Payer:
    """Who pays: an account and perhaps its subscriber, or a line's identity (kind, value)."""

    account_id: str = ""
    subscriber_id: str = ""
    identity: tuple[str, str] | None = None


@dataclass(slots=True)
class Place:
    """What picks the price. event_time_ms: 0 = request_time."""

    service_id: str
    unit: Unit | None
    other_party: str
    visited_network: str
    event_time_ms: int


@dataclass(slots=True)
class ReserveAsked:
    """Hold units. Empty ids take their defaults."""

    asked: Asked
    payer: Payer
    place: Place
    wish: GrantWish
    reservation_id: str
    session_id: str
    sequence_number: int


@dataclass(slots=True)
class CommitAsked:
    """Settle use. segments: (units, start_ms, end_ms), times 0 if not said."""

    asked: Asked
    account_id: str
    reservation_id: str
    segments: tuple[tuple[int, int, int], ...]
    step: Step
    wish: GrantWish | None
    next_reservation_id: str
    sequence_number: int
    reject_overrun: bool
    unit: Unit | None


@dataclass(slots=True)
class ReleaseAsked:
    """Give back what is held."""

    asked: Asked
    account_id: str
    reservation_id: str


@dataclass(slots=True)
class DebitAsked:
    """Charge at once."""

    asked: Asked
    payer: Payer
    place: Place
    basis: Basis
    used_units: int
    session_id: str
    sequence_number: int


@dataclass(slots=True)
class TopUpAsked:
    """Credit a bucket. currency: of money, empty for units. terms: None = the bucket's own."""

    asked: Asked
    account_id: str
    payment_reference: str
    unit: Unit
    quantity: int
    currency: str
    bucket_id: str
    terms: BucketTerms | None


@dataclass(slots=True)
class CreateAccountAsked:
    """Open an account."""

    asked: Asked
    account_id: str
    terms: AccountTerms


@dataclass(slots=True)
class AddSubscriberAsked:
    """Add a line. identities: (kind, value) pairs."""

    asked: Asked
    account_id: str
    subscriber_id: str
    identities: tuple[tuple[str, str], ...]
    group_ids: tuple[str, ...]


@dataclass(slots=True)
class RemoveSubscriberAsked:
    """Remove a line."""

    asked: Asked
    account_id: str
    subscriber_id: str


@dataclass(slots=True)
class UpdateSubscriberAsked:
    """Give a line other groups."""

    asked: Asked
    account_id: str
    subscriber_id: str
    group_ids: tuple[str, ...]
    etag: str


@dataclass(slots=True)
class SetSpendingCapAsked:
    """Create a cap, or change its limit."""

    asked: Asked
    account_id: str
    cap: SpendingCap


@dataclass(slots=True)
class DeleteSpendingCapAsked:
    """Remove a cap."""

    asked: Asked
    account_id: str
    holder: str
    cap_id: str


@dataclass(slots=True)
class SetAccountStatusAsked:
    """Suspend, resume or close. reason: the caller's words."""

    asked: Asked
    account_id: str
    status: AccountStatus
    reason: str


@dataclass(slots=True)
class UpdateAccountAsked:
    """Change what was agreed. Empty plan or segment, credit_limit -1: as it is; etag empty: any."""

    asked: Asked
    account_id: str
    plan: str
    segment: str
    credit_limit: int
    etag: str


@dataclass(slots=True)
class ListEventsAsked:
    """Read a page of an account's journal. start_seq: only with oldest_first."""

    tenant: str
    account_id: str
    page_size: int
    page_token: str
    oldest_first: bool
    start_seq: int


@dataclass(slots=True)
class CorrectionAsked:
    """Withdraw from a bucket, or adjust it (quantity signed, decided_by said)."""

    asked: Asked
    account_id: str
    bucket_id: str
    quantity: int
    unit: Unit
    reason: str
    decided_by: str = ""


@dataclass(slots=True)
class ReverseTopUpAsked:
    """Take back what a payment credited."""

    asked: Asked
    account_id: str
    payment_reference: str
    allow_partial: bool
    reason: str


@dataclass(slots=True)
class RefundAsked:
    """Give back what an event collected. shares: (bucket_id, quantity); empty: all that is left."""

    asked: Asked
    account_id: str
    seq: int
    shares: tuple[tuple[str, int], ...]
    bucket_id: str
    reason: str


@dataclass(slots=True)
class CorrectChargeAsked:
    """Charge money more for an event. micros: 1 .. 2^53-1."""

    asked: Asked
    account_id: str
    seq: int
    micros: int
    tariff_version: str
    reason: str


@dataclass(slots=True)
class SetBucketThresholdAsked:
    """Mark a bucket's balance. threshold: -1 takes the mark off."""

    asked: Asked
    account_id: str
    bucket_id: str
    threshold: int
    unit: Unit


@dataclass(slots=True)
class PurchaseBundleAsked:
    """Buy a bundle. renew: buy it again at its end."""

    asked: Asked
    account_id: str
    bundle_id: str
    renew: bool


@dataclass(slots=True)
class CancelBundleRenewalAsked:
    """Let a bundle end."""

    asked: Asked
    account_id: str
    bundle_id: str
