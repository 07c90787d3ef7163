"""What the figures say. As in results; the service answers at an address of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ocs.client.values import Outcome, Unit

INSIGHTS_TARGET_VARIABLE = "OCS_INSIGHTS_TARGET"
INSIGHTS_TARGET_DEFAULT = "localhost:7708"


class Dimension(StrEnum):
    """By what figures are added up, or restricted."""

    TENANT = "TENANT"
    SEGMENT = "SEGMENT"
    PLAN = "PLAN"
    SERVICE = "SERVICE"
    ZONE = "ZONE"
    PARTNER = "PARTNER"


class Step(StrEnum):
    """How long each step of a range is, by the clock of the reporting time zone."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"


@dataclass(frozen=True, slots=True)
class AsOf:
    """All that was charged before as_of_time is in the figures; lag_ms: behind the store's clock.

    time_zone: in whose days and hours steps are.
    """

    as_of_time: datetime | None
    lag_ms: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency."""

    currency: str
    micros: int


@dataclass(frozen=True, slots=True)
class RevenueRow:
    """Money of one step and value of each dimension. margin_micros None: no cost is known to fit.

    revenue_micros = charged_micros - refunded_micros. uncosted_units: use of unknown cost.
    """

    start_time: datetime | None
    keys: Mapping[str, str]
    currency: str
    revenue_micros: int
    charged_micros: int
    refunded_micros: int
    charge_count: int
    costs: tuple[Money, ...]
    margin_micros: int | None
    uncosted_units: int
    uncollected_micros: int
    topped_up_micros: int


@dataclass(frozen=True, slots=True)
class RevenueResult:
    """The answer of get_revenue."""

    as_of: AsOf
    rows: tuple[RevenueRow, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Use of one step and value of each dimension. unit None: no tariff says what it counts."""

    start_time: datetime | None
    keys: Mapping[str, str]
    unit: Unit | None
    used_units: int
    uncollected_units: int
    uncosted_units: int


@dataclass(frozen=True, slots=True)
class UsageResult:
    """The answer of get_usage."""

    as_of: AsOf
    rows: tuple[UsageRow, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Refusals of one step and value of each dimension with one outcome."""

    start_time: datetime | None
    keys: Mapping[str, str]
    outcome: Outcome
    count: int


@dataclass(frozen=True, slots=True)
class RefusalsResult:
    """The answer of list_refusals."""

    as_of: AsOf
    rows: tuple[RefusalRow, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class MinuteMoney:
    """Money of one minute."""

    minute_time: datetime | None
    currency: str
    micros: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How often something was refused."""

    outcome: Outcome
    count: int


@dataclass(frozen=True, slots=True)
class NowResult:
    """What happens now: revenue, costs, refusals and uncollected of the last hour."""

    as_of: AsOf
    revenue: tuple[MinuteMoney, ...]
    costs: tuple[MinuteMoney, ...]
    grants_per_s: float
    refusals: tuple[OutcomeCount, ...]
    open_reservation_count: int
    held: tuple[Money, ...]
    uncollected: tuple[Money, ...]
    projected_event_count: int
    rewritten_count: int
    unreadable_count: int
