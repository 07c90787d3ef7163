"""Spending caps: what they count, for whom, and their counter of the current period."""

from dataclasses import dataclass
from typing import Final

from ocs.domain.periods import Period, PeriodBounds, period_bounds
from ocs.domain.units import Unit

ACCOUNT_HOLDER: Final = "account"


def subscriber_holder(subscriber_id: str) -> str:
    """Name a subscriber as the holder of caps."""
    return f"subscriber/{subscriber_id}"


def group_holder(group_id: str) -> str:
    """Name a group as the holder of caps."""
    return f"group/{group_id}"


@dataclass(frozen=True, slots=True)
class SpendingCap:
    """A hard ceiling per period.

    holder: `account`, `subscriber/<id>` or `group/<id>`. unit: MICROS counts the money collected,
    another unit counts the use of services metered in it, whoever pays. limit: 0 .. 2^53-1.
    service_id, zone: what it counts; empty = all; at most one is set.
    """

    holder: str
    cap_id: str
    unit: Unit
    limit: int
    period: Period
    service_id: str = ""
    zone: str = ""

    def counts(self, unit: Unit, service_id: str, zone: str) -> bool:
        """Say whether a charge for this service and zone counts towards the cap."""
        return (
            self.unit in (unit, Unit.MICROS)
            and self.service_id in ("", service_id)
            and self.zone in ("", zone)
        )

    def same_meaning(self, other: "SpendingCap") -> bool:
        """Say whether two definitions differ in nothing but the limit."""
        return (self.unit, self.period, self.service_id, self.zone) == (
            other.unit,
            other.period,
            other.service_id,
            other.zone,
        )

    def bounds(self, time_zone: str, anchor_day: int, now_ms: int) -> PeriodBounds | None:
        """Bounds of the current period; None for a cap per request, which keeps no counter."""
        if self.period is Period.REQUEST:
            return None
        return period_bounds(self.period, time_zone=time_zone, anchor_day=anchor_day, now_ms=now_ms)


@dataclass(frozen=True, slots=True)
class CapCounter:
    """What a cap counted in one period, named by its start.

    reserved counts the open holds of that period; it is stored for account caps and summed from
    the holder's own holds for subscribers and groups.
    """

    period_start_ms: int
    spent: int = 0
    reserved: int = 0
