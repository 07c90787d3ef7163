"""One account as its journal tells it."""

from dataclasses import dataclass, field

from ocs.domain.audit.difference import Findings
from ocs.domain.audit.holds import FoldedHolds
from ocs.domain.audit.terms import OpeningTerms
from ocs.domain.bucket import MAIN, BucketTerms
from ocs.domain.bundle import Renewal, RollOver, Threshold
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.spending_cap import CapCounter, RollingWindow, SpendingCap
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit


@dataclass(slots=True)
class FoldedBucket:
    """A bucket's terms and figures."""

    terms: BucketTerms
    balance: int = 0
    reserved: int = 0
    credited: int = 0
    spent: int = 0
    expired: int = 0
    withdrawn: int = 0


@dataclass(slots=True)
class FoldedAccount:
    """Everything the events up to `seq` add up to. position: of the last event."""

    findings: Findings
    seq: int = 0
    position: str = ""
    store_ms: int = 0
    terms: OpeningTerms | None = None
    status: AccountStatus = AccountStatus.ACTIVE
    buckets: dict[str, FoldedBucket] = field(default_factory=dict)
    caps: dict[tuple[str, str], SpendingCap] = field(default_factory=dict)
    counters: dict[tuple[str, str], CapCounter] = field(default_factory=dict)
    slots: dict[tuple[str, str, int], CapCounter] = field(default_factory=dict)
    subscribers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    holds: FoldedHolds = field(default_factory=FoldedHolds)
    renewals: dict[str, Renewal] = field(default_factory=dict)
    roll_overs: dict[str, RollOver] = field(default_factory=dict)
    thresholds: dict[str, Threshold] = field(default_factory=dict)

    def differ(self, event: ChargingEvent, part: str, stated: object, due: object) -> None:
        """Note what an event says, and what it should say."""
        self.findings.add(f"event {event.seq} {part}", stated, due)

    def credit_limit(self, bucket_id: str) -> int:
        """How far a bucket may go below zero."""
        return self.terms.credit_limit if bucket_id == MAIN and self.terms is not None else 0

    def is_money(self, bucket_id: str) -> bool:
        """Say whether a bucket is known and holds money."""
        bucket = self.buckets.get(bucket_id)
        return bucket is not None and bucket.terms.unit is Unit.MICROS

    def window_of(self, cap: tuple[str, str]) -> RollingWindow | None:
        """Return the window of a cap that is known and rolling."""
        found = self.caps.get(cap)
        return found.window if found is not None else None

    def slots_inside(self, cap: SpendingCap, now_ms: int) -> dict[int, CapCounter]:
        """Return the slots of a rolling cap that are inside its window."""
        assert cap.window is not None
        first = cap.window.first_slot(now_ms)
        return {
            start: counter
            for (holder, cap_id, start), counter in self.slots.items()
            if (holder, cap_id) == (cap.holder, cap.cap_id) and start >= first
        }

    def forget_slots(self, key: tuple[str, str], before_ms: int = 2**62) -> None:
        """Forget the slots of a cap that began before a time."""
        gone = [place for place in self.slots if place[:2] == key and place[2] < before_ms]
        for place in gone:
            del self.slots[place]

    def counts_money(self, cap: tuple[str, str]) -> bool:
        """Say whether a cap is known and counts money."""
        found = self.caps.get(cap)
        return found is not None and found.unit is Unit.MICROS
