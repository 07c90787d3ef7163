"""What the figures are asked for, and what they say.

Money is in micro-units of a currency that stands beside it, never added up across currencies;
times are milliseconds since 1970 UTC by the store's clock: a charge counts when it was made.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ocs.domain.spending_cap import SpendingCap

# Outcomes that are no refusals: granted, charged, or given back.
GRANTED: Final = frozenset({"GRANTED", "CHARGED", "RELEASED"})


class Dimension(enum.StrEnum):
    """By what figures may be added up, or restricted."""

    TENANT = "tenant"
    SEGMENT = "segment"
    PLAN = "plan"
    SERVICE = "service"
    ZONE = "zone"
    PARTNER = "partner"


class Step(enum.Enum):
    """How long each step of a range is, by a clock on the wall."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class AsOf(NamedTuple):
    """Until when figures are whole: all that was charged before `as_of_ms` is in them.

    lag_ms: how far that was behind the store's clock when the journal was read last.
    """

    as_of_ms: int
    lag_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresAsked:
    """Which figures.

    tenant: whose; empty: all tenants'. start_ms, end_ms: from, inclusive, and to, exclusive.
    steps: start of each step in between, in order, the first at start_ms; one: no steps. by: the
    dimensions that are told apart. only: the values that are wanted, by dimension.
    """

    tenant: str
    start_ms: int
    end_ms: int
    steps: Sequence[int]
    by: Sequence[Dimension] = ()
    only: Mapping[Dimension, Sequence[str]] = field(default_factory=dict)


class Money(NamedTuple):
    """An amount of one currency."""

    currency: str
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRow:
    """Revenue of one step and value of each dimension.

    key: of the dimensions asked for, in their order. charged: collected by charges and for
    bundles. refunded: given back of that, at the time of the refund. costs: owed to carriers for
    the use of the step, by currency. uncosted_units: use whose wholesale price no tariff says.
    uncollected_micros: rated, and paid by nobody.
    """

    start_ms: int
    key: tuple[str, ...]
    currency: str
    charge_count: int
    charged_micros: int
    refunded_micros: int
    topped_up_micros: int
    uncollected_micros: int
    costs: tuple[Money, ...]
    uncosted_units: int

    @property
    def revenue_micros(self) -> int:
        """What was collected and not given back."""
        return self.charged_micros - self.refunded_micros

    @property
    def moves(self) -> bool:
        """Whether there is anything but use that costs nobody anything."""
        return bool(
            self.charge_count
            or self.charged_micros
            or self.refunded_micros
            or self.topped_up_micros
            or self.uncollected_micros
            or self.uncosted_units
            or self.costs
        )

    @property
    def margin_micros(self) -> int | None:
        """Revenue without cost; None if a cost is unknown, or of another currency."""
        if self.uncosted_units or any(cost.currency != self.currency for cost in self.costs):
            return None
        return self.revenue_micros - sum(cost.micros for cost in self.costs)


class Figures(NamedTuple):
    """Rows, and as of when."""

    as_of: AsOf
    rows: tuple[RevenueRow, ...]


class UsageRow(NamedTuple):
    """Use of one step and value of each dimension, in one unit; empty: the unit is unknown."""

    start_ms: int
    key: tuple[str, ...]
    unit: str
    used_units: int
    uncollected_units: int
    uncosted_units: int


class Usage(NamedTuple):
    """Rows, and as of when."""

    as_of: AsOf
    rows: tuple[UsageRow, ...]


class RefusalRow(NamedTuple):
    """What was refused in one step, by value of each dimension and outcome."""

    start_ms: int
    key: tuple[str, ...]
    outcome: str
    refusal_count: int


class Refusals(NamedTuple):
    """Rows, and as of when."""

    as_of: AsOf
    rows: tuple[RefusalRow, ...]


class MinuteRevenue(NamedTuple):
    """Revenue of one minute."""

    minute_ms: int
    currency: str
    revenue_micros: int


class MinuteCost(NamedTuple):
    """Cost of one minute."""

    minute_ms: int
    currency: str
    cost_micros: int


class OutcomeCount(NamedTuple):
    """How often something was refused."""

    outcome: str
    refusal_count: int


class SecondDecisions(NamedTuple):
    """What was granted and refused in one second."""

    second_ms: int
    granted_count: int
    refused_count: int


class Now(NamedTuple):
    """What happens now: one snapshot, shared by all who watch.

    revenue, costs: by minute and currency, of the last hour, oldest first. grants_per_s: over the
    last ten seconds. refusals: of the last hour, most frequent first. held, uncollected: money
    that is held now; that nobody paid in the last hour. decisions: by second, of the last minute,
    oldest first; seconds without are left out. tenants: all that have an account, if the snapshot
    is of all of them.
    """

    as_of: AsOf
    revenue: tuple[MinuteRevenue, ...]
    costs: tuple[MinuteCost, ...]
    grants_per_s: float
    refusals: tuple[OutcomeCount, ...]
    open_reservation_count: int
    held: tuple[Money, ...]
    uncollected: tuple[Money, ...]
    projected_event_count: int
    rewritten_count: int
    unreadable_count: int
    decisions: tuple[SecondDecisions, ...]
    tenants: tuple[str, ...]


class UnusedRow(NamedTuple):
    """What customers of a segment have in their buckets of one unit, and owe below zero.

    of_bundles: bundles opened the buckets. currency: of money.
    """

    segment: str
    currency: str
    unit: str
    of_bundles: bool
    balance: int
    reserved: int
    owed: int
    bucket_count: int


class Position(NamedTuple):
    """What is held, and paid for and not used."""

    as_of: AsOf
    open_reservation_count: int
    held: tuple[Money, ...]
    unused: tuple[UnusedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsAsked:
    """Which caps: spent to `share_permille` of their limit at least, of a segment (None: any).

    account_id: of one account, its lines and groups; empty: of all.
    """

    tenant: str
    share_permille: int
    segment: str | None
    offset: int
    count: int
    account_id: str = ""


class LimitRow(NamedTuple):
    """How much of a cap is spent in its present period. reset_ms: 0 = never, or not known."""

    tenant: str
    account_id: str
    segment: str
    currency: str
    cap: SpendingCap
    spent: int
    reset_ms: int

    @property
    def share_permille(self) -> int:
        """Part of the limit that is spent."""
        return self.spent * 1000 // self.cap.limit


class Limits(NamedTuple):
    """A page of caps, nearest first. next_offset: 0 = this was the last."""

    as_of: AsOf
    rows: tuple[LimitRow, ...]
    next_offset: int


class TimelineBucket(NamedTuple):
    """A bucket before and after an event."""

    bucket_id: str
    balance_before: int
    balance_after: int
    reserved_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """An event with what it brought and cost; fields as in the proto's TimelineEvent."""

    tenant: str
    account_id: str
    seq: int
    store_ms: int
    event_ms: int
    kind: str
    outcome: str
    about: str
    subscriber_id: str
    service_id: str
    zone: str
    unit: str
    requested_units: int
    granted_units: int
    used_units: int
    currency: str
    charged_micros: int
    refunded_micros: int
    topped_up_micros: int
    uncollected_micros: int
    uncosted_units: int
    tariff_version: str
    price_id: str
    costs: tuple[Money, ...]
    buckets: tuple[TimelineBucket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAsked:
    """Which events: of a range of figures, a kind and an outcome (empty: any), a page of them."""

    figures: FiguresAsked
    kind: str
    outcome: str
    refused: bool
    uncollected: bool
    offset: int
    count: int


class Events(NamedTuple):
    """Events of many accounts, newest first. next_offset: 0 = this was the last page."""

    as_of: AsOf
    events: tuple[TimelineEvent, ...]
    next_offset: int


class Timeline(NamedTuple):
    """Events of an account, newest first. next_seq: to go on below; 0 = this was the last."""

    as_of: AsOf
    events: tuple[TimelineEvent, ...]
    next_seq: int


class QueryResult(NamedTuple):
    """What a query selected; cells as text, None = null. columns: (name, type)."""

    as_of: AsOf
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str | None, ...], ...]
    truncated: bool
