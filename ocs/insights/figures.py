"""Figures by step and dimension."""

from typing import Any

from ocs.domain.insights import (
    GRANTED,
    AsOf,
    Figures,
    FiguresAsked,
    Money,
    RefusalRow,
    Refusals,
    RevenueRow,
    Usage,
    UsageRow,
)
from ocs.insights.question import Question

_MONEY = (
    "charge_count",
    "charged_micros",
    "refunded_micros",
    "topped_up_micros",
    "uncollected_micros",
    "uncosted_units",
)


def revenue(question: Question, asked: FiguresAsked, as_of: AsOf) -> Figures:
    """Add up money; costs stand beside the revenue of the charges that they are of."""
    # Step, dimensions and currency; a carrier may be owed where another one sold.
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    costs: dict[tuple[Any, ...], list[Money]] = {}
    behind = len(asked.by) + 2
    for row in question.added_up(asked, "minutes", ["currency"], _MONEY):
        found[row[:behind]] = dict(zip(_MONEY, row[behind:], strict=True))
    keys = ["currency", "cost_currency"]
    for row in question.added_up(asked, "cost_minutes", keys, ["cost_micros"]):
        costs.setdefault(row[:behind], []).append(Money(*row[behind:]))
    nothing = dict.fromkeys(_MONEY, 0)
    rows = []
    for place in sorted({*found, *costs}):
        start_ms, *key, currency = place
        rows.append(
            RevenueRow(
                start_ms=start_ms,
                key=tuple(key),
                currency=currency,
                costs=tuple(costs.get(place, ())),
                **found.get(place, nothing),
            )
        )
    return Figures(as_of, tuple(row for row in rows if row.moves))


def usage(question: Question, asked: FiguresAsked, as_of: AsOf) -> Usage:
    """Add up use, by unit."""
    sums = ("used_units", "uncollected_units", "uncosted_units")
    rows = question.added_up(asked, "minutes", ["unit"], sums)
    found = [UsageRow(row[0], row[1:-4], *row[-4:]) for row in rows]
    return Usage(as_of, tuple(row for row in found if row.used_units or row.uncollected_units))


def refusals(question: Question, asked: FiguresAsked, as_of: AsOf) -> Refusals:
    """Count what was refused, whoever asked for what."""
    found = question.added_up(asked, "decision_minutes", ["outcome"], ["decision_count"])
    rows = (RefusalRow(row[0], row[1:-2], *row[-2:]) for row in found)
    return Refusals(as_of, tuple(row for row in rows if row.outcome not in GRANTED))
