"""Spending caps: what they count, for whom, and their counter of the current period."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ocs.domain.periods import Period, PeriodBounds, period_bounds
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX

ACCOUNT_HOLDER: Final = "account"
# Begins the ids of the counters that graduated prices go by; no operator may use it.
TIER_PREFIX: Final = "tier@"


def tier_id(period: Period, service_id: str) -> str:
    """Name the counter of an account's use of a service, for graduated prices.

    Two periods are two counters, so that a tariff may change the period.
    """
    return f"{TIER_PREFIX}{period.value}@{service_id}"


def tier_counter(cap_id: str, unit: Unit) -> "SpendingCap":
    """Build the counter that such a name stands for: a cap that never binds."""
    period = cap_id.split("@", 2)[1]
    return SpendingCap(ACCOUNT_HOLDER, cap_id, unit, QUANTITY_MAX, Period(period))


def subscriber_holder(subscriber_id: str) -> str:
    """Name a subscriber as the holder of caps."""
    return f"subscriber/{subscriber_id}"


def group_holder(group_id: str) -> str:
    """Name a group as the holder of caps."""
    return f"group/{group_id}"


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """The last slots of a cap: the current one and those before it, slot_count in all.

    slot_ms: length of each. Slots are counted from 1970 UTC, so every clock finds the same ones.
    """

    slot_count: int
    slot_ms: int

    def slot(self, now_ms: int) -> int:
        """Start of the current slot."""
        return now_ms - now_ms % self.slot_ms

    def first_slot(self, now_ms: int) -> int:
        """Start of the oldest slot that is inside."""
        return self.slot(now_ms) - (self.slot_count - 1) * self.slot_ms

    def leaves_ms(self, slot_start_ms: int) -> int:
        """Say when a slot is no longer inside."""
        return slot_start_ms + self.slot_count * self.slot_ms


@dataclass(frozen=True, slots=True)
class SpendingCap:
    """A hard ceiling per period.

    holder: `account`, `subscriber/<id>` or `group/<id>`. unit: MICROS counts the money collected,
    another unit counts the use of services metered in it, whoever pays. limit: 0 .. 2^53-1.
    service_id, zone: what it counts; empty = all; at most one is set. window: of a ROLLING cap.
    """

    holder: str
    cap_id: str
    unit: Unit
    limit: int
    period: Period
    service_id: str = ""
    zone: str = ""
    window: RollingWindow | None = None

    @property
    def period_text(self) -> str:
        """The period as store and journal spell it: its word, or `rolling/slots/slot_ms`."""
        if self.window is None:
            return self.period.value
        return f"{self.period.value}/{self.window.slot_count}/{self.window.slot_ms}"

    def counts(self, unit: Unit, service_id: str, zone: str, tiers: Collection[str] = ()) -> bool:
        """Say whether a charge for this service and zone counts towards the cap.

        tiers: the counters that the charge's prices go by; no other charge moves them.
        """
        if self.cap_id.startswith(TIER_PREFIX):
            return self.cap_id in tiers
        return (
            self.unit in (unit, Unit.MICROS)
            and self.service_id in ("", service_id)
            and self.zone in ("", zone)
        )

    def same_meaning(self, other: "SpendingCap") -> bool:
        """Say whether two definitions differ in nothing but the limit."""
        return (self.unit, self.period_text, self.service_id, self.zone) == (
            other.unit,
            other.period_text,
            other.service_id,
            other.zone,
        )

    def bounds(self, time_zone: str, anchor_day: int, now_ms: int) -> PeriodBounds | None:
        """Bounds of the current period or slot; None for a cap per request: it has no counter."""
        if self.period is Period.REQUEST:
            return None
        if self.window is not None:
            slot = self.window.slot(now_ms)
            return PeriodBounds(slot, slot + self.window.slot_ms, slot + 2 * self.window.slot_ms)
        return period_bounds(self.period, time_zone=time_zone, anchor_day=anchor_day, now_ms=now_ms)


def read_period(text: str) -> tuple[Period, RollingWindow | None]:
    """Read a period as period_text spells it. ValueError if it is none."""
    word, *numbers = text.split("/")
    period = Period(word)
    if period is not Period.ROLLING and not numbers:
        return period, None
    slot_count, slot_ms = map(int, numbers)
    return Period.ROLLING, RollingWindow(slot_count, slot_ms)


@dataclass(frozen=True, slots=True)
class CapCounter:
    """What a cap counted in one period, or slot, named by its start.

    reserved counts the open holds of that period; it is stored for account caps and summed from
    the holder's own holds for subscribers and groups.
    """

    period_start_ms: int
    spent: int = 0
    reserved: int = 0
