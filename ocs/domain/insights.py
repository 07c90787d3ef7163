"""What the figures are asked for, and what they say.

Money is in micro-units of a currency that stands beside it, never added up across currencies;
times are milliseconds since 1970 UTC by the store's clock: a charge counts when it was made.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


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


class DecisionRow(NamedTuple):
    """Decisions of one step and value of each dimension that had an outcome."""

    start_ms: int
    key: tuple[str, ...]
    kind: str
    outcome: str
    decision_count: int


class Decisions(NamedTuple):
    """Rows, and as of when."""

    as_of: AsOf
    rows: tuple[DecisionRow, ...]


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
    count: int


class Now(NamedTuple):
    """What happens now: one snapshot, shared by all who watch.

    revenue, costs: by minute and currency, of the last hour, oldest first. grants_per_s: over the
    last ten seconds. refusals: of the last hour, most frequent first. held, uncollected: money
    that is held now; that nobody paid in the last hour.
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
