"""Figures as comma-separated values: the names and numbers of `--json`, one row for each.

Money is in micro-units and times are RFC 3339, as there; what is nested there is spread over
columns. What was not said is empty.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import singledispatch
from typing import Final, NamedTuple

from ocs.cli.report_views import Leakage
from ocs.client.insights import (
    AsOf,
    LimitPage,
    LimitRow,
    Money,
    PositionResult,
    QueryResult,
    RefusalRow,
    RefusalsResult,
    RevenueResult,
    RevenueRow,
    TimelineEvent,
    TimelinePage,
    UnusedRow,
    UsageResult,
    UsageRow,
)
from ocs.client.values import CapHolder, Unit

_Row = RevenueRow | UsageRow | RefusalRow | LimitRow | TimelineEvent | UnusedRow


class Table(NamedTuple):
    """Columns and cells. more: what is to be said of rows that are missing; empty: none are."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    more: str


@singledispatch
def table_of(result: object, by: Sequence[str]) -> Table:
    """An answer as a table. by: the dimensions that were asked for."""
    raise TypeError(f"{type(result).__name__} by {by}")


def print_csv(table: Table) -> None:
    """Print it; what is missing is said on standard error."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    if table.more:
        sys.stderr.write(f"note: {table.more}\n")


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


class _Columns:
    """Names and values of a row, in order."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def plain(self, row: _Row, *names: str) -> "_Columns":
        self.values |= {name: getattr(row, name) for name in names}
        return self

    def costs(self, costs: Sequence[Money], currency: str, *, unknown: bool) -> "_Columns":
        """Costs in the row's currency are a figure, those in others text like USD=5 GBP=7."""
        own = sum(cost.micros for cost in costs if cost.currency == currency)
        others = " ".join(
            f"{one.currency}={one.micros}" for one in costs if one.currency != currency
        )
        self.values |= {"cost_micros": own, "other_costs": others, "cost_complete": not unknown}
        return self

    def quantity(self, name: str, value: int, unit: Unit | None) -> "_Columns":
        """A figure of which the unit says whether it is money."""
        money = unit is Unit.MICROS
        self.values |= {
            f"{name}_micros": value if money else None,
            f"{name}_units": None if money else value,
        }
        return self


def _ranged(
    rows: Sequence[tuple[RevenueRow | UsageRow | RefusalRow, _Columns]],
    names: Sequence[str],
    by: Sequence[str],
    as_of: AsOf,
    *,
    truncated: bool,
) -> Table:
    cells = [
        [
            row.start_time,
            *(row.keys.get(one, "") for one in by),
            *made.values.values(),
            as_of.as_of_time,
        ]
        for row, made in rows
    ]
    more = "there are more rows: narrow the range" if truncated else ""
    return Table(["start_time", *by, *names, "as_of_time"], cells, more)


_REVENUE_FIRST: Final = (
    "currency",
    "revenue_micros",
    "charged_micros",
    "refunded_micros",
    "charge_count",
)
_COSTS: Final = ("cost_micros", "other_costs", "cost_complete")
_REVENUE_LAST: Final = (
    "margin_micros",
    "uncosted_units",
    "uncollected_micros",
    "topped_up_micros",
)


@table_of.register(RevenueResult)
@table_of.register(Leakage)
def _(result: RevenueResult | Leakage, by: Sequence[str]) -> Table:
    rows = [
        (
            row,
            _Columns()
            .plain(row, *_REVENUE_FIRST)
            .costs(row.costs, row.currency, unknown=bool(row.uncosted_units))
            .plain(row, *_REVENUE_LAST),
        )
        for row in result.rows
    ]
    names = (*_REVENUE_FIRST, *_COSTS, *_REVENUE_LAST)
    return _ranged(rows, names, by, result.as_of, truncated=result.truncated)


_USAGE: Final = ("unit", "used_units", "uncollected_units", "uncosted_units")
_REFUSALS: Final = ("outcome", "count")


@table_of.register
def _(result: UsageResult, by: Sequence[str]) -> Table:
    rows = [(row, _Columns().plain(row, *_USAGE)) for row in result.rows]
    return _ranged(rows, _USAGE, by, result.as_of, truncated=result.truncated)


@table_of.register
def _(result: RefusalsResult, by: Sequence[str]) -> Table:
    rows = [(row, _Columns().plain(row, *_REFUSALS)) for row in result.rows]
    return _ranged(rows, _REFUSALS, by, result.as_of, truncated=result.truncated)


_POSITION: Final = (
    "figure", "segment", "currency", "unit", "of_bundles", "balance_micros", "balance_units",
    "reserved_micros", "reserved_units", "owed_micros", "bucket_count", "held_micros",
    "open_reservation_count",
)  # fmt: skip


@table_of.register
def _(result: PositionResult, by: Sequence[str]) -> Table:
    del by
    told: list[dict[str, object]] = [
        {"figure": "unused"}
        | _Columns()
        .plain(row, "segment", "currency", "unit", "of_bundles", "bucket_count")
        .quantity("balance", row.balance, row.unit)
        .quantity("reserved", row.reserved, row.unit)
        .values
        | {"owed_micros": row.owed if row.unit is Unit.MICROS else None}
        for row in result.unused
    ]
    told += [
        {"figure": "held", "currency": one.currency, "held_micros": one.micros}
        for one in result.held
    ]
    told.append({"figure": "open", "open_reservation_count": result.open_reservation_count})
    rows = [[*(one.get(name) for name in _POSITION), result.as_of.as_of_time] for one in told]
    return Table([*_POSITION, "as_of_time"], rows, "")


_LIMITS: Final = (
    "tenant", "account_id", "segment", "holder", "cap_id", "unit", "currency", "limit_micros",
    "limit_units", "spent_micros", "spent_units", "share_permille", "period", "reset_time",
)  # fmt: skip


def _holder(holder: CapHolder | None) -> str:
    if holder is None:
        return "account"
    (field,) = (one for one in fields(holder) if getattr(holder, one.name))
    return f"{field.name.removesuffix('_id')}/{getattr(holder, field.name)}"


@table_of.register
def _(result: LimitPage, by: Sequence[str]) -> Table:
    del by
    rows = []
    for row in result.limits:
        plain = (name for name in _LIMITS if name in LimitRow.__slots__ and name != "holder")
        made = (
            _Columns()
            .plain(row, *plain)
            .quantity("limit", row.limit, row.unit)
            .quantity("spent", row.spent, row.unit)
        )
        values = made.values | {"holder": _holder(row.holder)}
        rows.append([*(values[name] for name in _LIMITS), result.as_of.as_of_time])
    return Table([*_LIMITS, "as_of_time"], rows, _next(result.next_page_token))


_TIMELINE_FIRST: Final = (
    "event", "account_seq", "store_time", "event_time", "kind", "outcome", "about", "subscriber_id",
    "service_id", "zone", "unit", "requested_units", "granted_units", "used_units", "currency",
    "charged_micros", "refunded_micros", "topped_up_micros", "uncollected_micros",
)  # fmt: skip
_TIMELINE_LAST: Final = ("uncosted_units", "tariff_version", "price_id")


@table_of.register
def _(result: TimelinePage, by: Sequence[str]) -> Table:
    del by
    rows = []
    for event in result.events:
        made = (
            _Columns()
            .plain(event, *_TIMELINE_FIRST)
            .costs(event.costs, event.currency, unknown=bool(event.uncosted_units))
            .plain(event, *_TIMELINE_LAST)
        )
        # Of each bucket its balance before and after, and what is held of it after.
        buckets = " ".join(
            f"{one.bucket_id}:{one.balance_before}:{one.balance_after}:{one.reserved_after}"
            for one in event.buckets
        )
        rows.append([*made.values.values(), buckets, result.as_of.as_of_time])
    names = (*_TIMELINE_FIRST, *_COSTS, *_TIMELINE_LAST, "buckets", "as_of_time")
    return Table(names, rows, _next(result.next_page_token))


@table_of.register
def _(result: QueryResult, by: Sequence[str]) -> Table:
    del by
    more = "there are more rows" if result.truncated else ""
    return Table([column.name for column in result.columns], result.rows, more)


def _next(token: str) -> str:
    return f"there are more rows: go on with --page-token {token}" if token else ""
