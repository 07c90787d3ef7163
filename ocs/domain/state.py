"""The whole state of one account: what one script may read and change."""

import enum
from dataclasses import dataclass, field, replace

from ocs.domain.answer import Answer
from ocs.domain.bucket import Bucket, consumption_order
from ocs.domain.bundle import Renewal, RollOver, Threshold
from ocs.domain.reservation import Hold, Reservation, SessionRating
from ocs.domain.spending_cap import ACCOUNT_HOLDER, CapCounter, SpendingCap
from ocs.domain.units import Unit


class AccountStatus(enum.StrEnum):
    """Whether an account may be granted anything; closed is final."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What is agreed when an account opens; plan, segment and credit limit can be changed.

    currency: ISO 4217. time_zone: IANA name. anchor_day: 1 .. 31. credit_limit: micro-units.
    """

    currency: str
    time_zone: str
    anchor_day: int
    plan: str
    segment: str
    credit_limit: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What a payment reference credited, kept for ever. reversed_quantity: -1 = not reversed."""

    bucket_id: str
    unit: Unit
    quantity: int
    reversed_quantity: int = -1


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What a request_id was used for, and the answer it gets until expire_ms."""

    expire_ms: int
    fingerprint: str
    answer: Answer


@dataclass(slots=True)
class AccountState:
    """State of one account. refunded: by event, what each bucket that paid got back, for ever.

    refusals: since when refusals that are stored are counted, and how many there were.
    slots: counters of rolling caps by holder, cap and start; what left the window may linger.
    renewals: by bundle. roll_overs, thresholds: by bucket.

    `decide` never changes one in place: it returns a changed clone.
    """

    tenant: str
    account_id: str
    terms: AccountTerms
    create_ms: int
    floor_ms: int
    status: AccountStatus = AccountStatus.ACTIVE
    profile_version: int = 1
    seq: int = 0
    replayed_count: int = 0
    refusals: tuple[int, int] = (0, 0)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    caps: dict[tuple[str, str], SpendingCap] = field(default_factory=dict)
    counters: dict[tuple[str, str], CapCounter] = field(default_factory=dict)
    slots: dict[tuple[str, str, int], CapCounter] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    sessions: dict[tuple[str, str], SessionRating] = field(default_factory=dict)
    records: dict[str, RequestRecord] = field(default_factory=dict)
    subscribers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    identities: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    credits: dict[str, Credit] = field(default_factory=dict)
    refunded: dict[int, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    renewals: dict[str, Renewal] = field(default_factory=dict)
    roll_overs: dict[str, RollOver] = field(default_factory=dict)
    thresholds: dict[str, Threshold] = field(default_factory=dict)

    def clone(self) -> "AccountState":
        """Copy as far as anything can change; the values themselves are frozen."""
        return replace(
            self,
            buckets=dict(self.buckets),
            caps=dict(self.caps),
            counters=dict(self.counters),
            slots=dict(self.slots),
            holds=dict(self.holds),
            reservations=dict(self.reservations),
            sessions=dict(self.sessions),
            records=dict(self.records),
            subscribers=dict(self.subscribers),
            identities=dict(self.identities),
            credits=dict(self.credits),
            refunded=dict(self.refunded),
            renewals=dict(self.renewals),
            roll_overs=dict(self.roll_overs),
            thresholds=dict(self.thresholds),
        )

    def in_consumption_order(self) -> list[Bucket]:
        """All buckets, in the order they are drawn on."""
        return sorted(self.buckets.values(), key=consumption_order)

    def reserved_in(self, holder: str, cap_id: str, period_start_ms: int, now_ms: int) -> int:
        """What live holds of one period hold in a cap, summed from the holds themselves."""
        return sum(
            line.quantity
            for hold in self.holds.values()
            for line in hold.cap_lines
            if (line.holder, line.cap_id, line.period_start_ms) == (holder, cap_id, period_start_ms)
            and (holder == ACCOUNT_HOLDER or hold.expire_ms > now_ms)
        )

    def slots_inside(self, cap: SpendingCap, now_ms: int) -> dict[int, tuple[int, int]]:
        """Return (spent, reserved) of a rolling cap's slots that are inside and not empty."""
        assert cap.window is not None
        key = (cap.holder, cap.cap_id)
        first = cap.window.first_slot(now_ms)
        starts = {start for *own, start in self.slots if tuple(own) == key}
        lines = (line for hold in self.holds.values() for line in hold.cap_lines)
        starts |= {line.period_start_ms for line in lines if (line.holder, line.cap_id) == key}
        found = {}
        for start in sorted(start for start in starts if start >= first):
            spent = self.slots.get((*key, start), CapCounter(start)).spent
            reserved = self.reserved_in(*key, start, now_ms)
            if spent or reserved:
                found[start] = (spent, reserved)
        return found

    def waits(self, bucket_id: str) -> bool:
        """Say whether what is left in a bucket waits for its bundle to be renewed."""
        found = self.roll_overs.get(bucket_id)
        return found is not None and not found.to_bucket_id

    def due_renewals(self, now_ms: int) -> tuple[tuple[str, int], ...]:
        """Return (bundle_id, due_ms) of the bundles that are to be renewed, by id."""
        found = self.renewals.items()
        due = ((name, renewal.due_ms) for name, renewal in found if renewal.due_ms <= now_ms)
        return tuple(sorted(due, key=lambda one: f"{one[0]}:{one[1]}"))

    def due_holds(self, now_ms: int) -> list[str]:
        """Reservation ids whose hold has lapsed, oldest deadline first, ties by id."""
        due = [rid for rid, hold in self.holds.items() if hold.expire_ms <= now_ms]
        return sorted(due, key=lambda rid: (self.holds[rid].expire_ms, rid))
