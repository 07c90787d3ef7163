"""What the figures say. As in results; the service answers at an address of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ocs.client.values import CapHolder, Outcome, Period, Unit

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


@dataclass(frozen=True, slots=True)
class UnusedRow:
    """What customers of a segment have in buckets of one unit; owed: below zero, by credit."""

    segment: str
    currency: str
    unit: Unit | None
    of_bundles: bool
    balance: int
    reserved: int
    owed: int
    bucket_count: int


@dataclass(frozen=True, slots=True)
class PositionResult:
    """The answer of get_position: what is held, and paid for and not used."""

    as_of: AsOf
    open_reservation_count: int
    held: tuple[Money, ...]
    unused: tuple[UnusedRow, ...]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """How much of a cap is spent. holder None: the whole account. reset_time None: never."""

    tenant: str
    account_id: str
    segment: str
    holder: CapHolder | None
    cap_id: str
    unit: Unit | None
    currency: str
    limit: int
    spent: int
    share_permille: int
    period: Period | None
    reset_time: datetime | None


@dataclass(frozen=True, slots=True)
class LimitPage:
    """A page of caps, nearest to their limits first."""

    as_of: AsOf
    limits: tuple[LimitRow, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class TimelineBucket:
    """A bucket before and after an event."""

    bucket_id: str
    balance_before: int
    balance_after: int
    reserved_after: int


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of an account, with what it brought and cost."""

    event: str
    account_seq: int
    store_time: datetime | None
    event_time: datetime | None
    kind: str
    outcome: Outcome
    about: str
    subscriber_id: str
    service_id: str
    zone: str
    unit: Unit | None
    requested_units: int
    granted_units: int
    used_units: int
    currency: str
    charged_micros: int
    refunded_micros: int
    topped_up_micros: int
    uncollected_micros: int
    costs: tuple[Money, ...]
    uncosted_units: int
    tariff_version: str
    price_id: str
    buckets: tuple[TimelineBucket, ...]


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page of an account's events, newest first."""

    as_of: AsOf
    events: tuple[TimelineEvent, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A column of a result; type: DuckDB's."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query selected: cells as text, None = null."""

    as_of: AsOf
    columns: tuple[QueryColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    truncated: bool
