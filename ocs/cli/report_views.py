"""Figures as a human reads them; registered with views."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ocs.cli.output import Block, Fields, Listing
from ocs.cli.parse import decimal_of
from ocs.cli.rerate_views import blocks_of
from ocs.cli.views import moment
from ocs.client.insights import (
    AsOf,
    RefusalRow,
    RefusalsResult,
    RevenueResult,
    RevenueRow,
    UsageResult,
    UsageRow,
)

__all__ = ["blocks_of"]

_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Leakage:
    """What nobody paid, of a revenue report."""

    as_of: AsOf
    rows: tuple[RevenueRow, ...]
    truncated: bool

    @classmethod
    def of(cls, result: RevenueResult) -> "Leakage":
        """Those rows of a report that have some."""
        rows = tuple(row for row in result.rows if row.uncollected_micros)
        return cls(result.as_of, rows, result.truncated)


def as_of_fields(as_of: AsOf, *, truncated: bool) -> Fields:
    """As of when figures are."""
    behind = f"{as_of.lag_ms / 1000:.1f} s behind"
    return Fields(
        [
            ("as of", f"{moment(as_of.as_of_time)}, {behind}"),
            ("days of", as_of.time_zone),
            ("rows", "there are more: narrow the range" if truncated else ""),
        ]
    )


def _place(start: datetime | None, keys: Mapping[str, str]) -> list[str]:
    return [moment(start), *(value or "-" for value in keys.values())]


def _costs(row: RevenueRow) -> str:
    """The cost, with its currency where it is another one than the revenue's."""
    known = [
        decimal_of(cost.micros) + ("" if cost.currency == row.currency else f" {cost.currency}")
        for cost in row.costs
    ]
    if row.uncosted_units:
        known.append(_UNKNOWN)
    return " + ".join(known) or decimal_of(0)


def _margin(row: RevenueRow) -> str:
    return _UNKNOWN if row.margin_micros is None else decimal_of(row.margin_micros)


Report = RevenueResult | UsageResult | RefusalsResult | Leakage


def _cells(report: Report) -> tuple[list[str], list[list[str]]]:
    """Columns and cells of a report, but for when and where."""
    if isinstance(report, RevenueResult):
        return (
            ["currency", "revenue", "cost", "margin", "charged", "refunded", "charges"],
            [
                [
                    row.currency,
                    decimal_of(row.revenue_micros),
                    _costs(row),
                    _margin(row),
                    decimal_of(row.charged_micros),
                    decimal_of(row.refunded_micros),
                    str(row.charge_count),
                ]
                for row in report.rows
            ],
        )
    if isinstance(report, Leakage):
        cells = [[row.currency, decimal_of(row.uncollected_micros)] for row in report.rows]
        return ["currency", "uncollected"], cells
    if isinstance(report, UsageResult):
        return (
            ["unit", "used", "uncollected", "of unknown cost"],
            [
                [
                    (row.unit or _UNKNOWN).lower(),
                    str(row.used_units),
                    str(row.uncollected_units),
                    str(row.uncosted_units),
                ]
                for row in report.rows
            ],
        )
    return ["outcome", "refusals"], [[row.outcome.value, str(row.count)] for row in report.rows]


def _table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a report."""
    columns, cells = _cells(report)
    rows: Sequence[RevenueRow | UsageRow | RefusalRow] = report.rows
    names = list(rows[0].keys) if rows else []
    told = [
        [*_place(row.start_time, row.keys), *mine] for row, mine in zip(rows, cells, strict=True)
    ]
    return ["from", *names, *columns], told


def _blocks(report: Report) -> list[Block]:
    columns, rows = _table(report)
    blocks: list[Block] = [as_of_fields(report.as_of, truncated=report.truncated)]
    if rows:
        blocks.append(Listing(columns, rows))
    else:
        blocks.append(Fields([("figures", "none in this range")]))
    return blocks


for _report in (RevenueResult, UsageResult, RefusalsResult, Leakage):
    blocks_of.register(_report)(_blocks)
