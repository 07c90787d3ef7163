"""Figures."""

from collections.abc import Iterable

from ocs.client import insights as results
from ocs.client.decode.charge import outcome, time, unit
from ocs.v1 import insights_service_pb2 as insights

_DIMENSIONS: dict[int, results.Dimension] = {
    insights.FigureDimension.Value(f"FIGURE_DIMENSION_{one}"): one for one in results.Dimension
}


def as_of(message: insights.FigureAsOf) -> results.AsOf:
    """Until when figures are whole."""
    return results.AsOf(time(message, "as_of_time"), message.lag_ms, message.time_zone)


def _keys(keys: Iterable[insights.FigureKey]) -> dict[str, str]:
    # A dimension of a newer service keeps its number.
    return {str(_DIMENSIONS.get(one.dimension, one.dimension)).lower(): one.value for one in keys}


def _money(amounts: Iterable[insights.FigureMoney]) -> tuple[results.Money, ...]:
    return tuple(results.Money(one.currency, one.micros) for one in amounts)


def revenue(message: insights.GetRevenueResponse) -> results.RevenueResult:
    """The answer of GetRevenue."""
    rows = tuple(
        results.RevenueRow(
            start_time=time(row, "start_time"),
            keys=_keys(row.keys),
            currency=row.currency,
            revenue_micros=row.revenue_micros,
            charged_micros=row.charged_micros,
            refunded_micros=row.refunded_micros,
            charge_count=row.charge_count,
            costs=_money(row.costs),
            margin_micros=row.margin_micros if row.HasField("margin_micros") else None,
            uncosted_units=row.uncosted_units,
            uncollected_micros=row.uncollected_micros,
            topped_up_micros=row.topped_up_micros,
        )
        for row in message.rows
    )
    return results.RevenueResult(as_of(message.as_of), rows, message.truncated)


def usage(message: insights.GetUsageResponse) -> results.UsageResult:
    """The answer of GetUsage."""
    rows = tuple(
        results.UsageRow(
            start_time=time(row, "start_time"),
            keys=_keys(row.keys),
            unit=unit(row.unit),
            used_units=row.used_units,
            uncollected_units=row.uncollected_units,
            uncosted_units=row.uncosted_units,
        )
        for row in message.rows
    )
    return results.UsageResult(as_of(message.as_of), rows, message.truncated)


def refusals(message: insights.ListRefusalsResponse) -> results.RefusalsResult:
    """The answer of ListRefusals."""
    rows = tuple(
        results.RefusalRow(
            start_time=time(row, "start_time"),
            keys=_keys(row.keys),
            outcome=outcome(row.outcome),
            count=row.count,
        )
        for row in message.rows
    )
    return results.RefusalsResult(as_of(message.as_of), rows, message.truncated)


def now(message: insights.WatchNowResponse) -> results.NowResult:
    """A snapshot of WatchNow."""

    def minutes(amounts: Iterable[insights.MinuteMoney]) -> tuple[results.MinuteMoney, ...]:
        return tuple(
            results.MinuteMoney(time(one, "minute_time"), one.currency, one.micros)
            for one in amounts
        )

    return results.NowResult(
        as_of=as_of(message.as_of),
        revenue=minutes(message.revenue),
        costs=minutes(message.costs),
        grants_per_s=message.grants_per_s,
        refusals=tuple(
            results.OutcomeCount(outcome(one.outcome), one.count) for one in message.refusals
        ),
        open_reservation_count=message.open_reservation_count,
        held=_money(message.held),
        uncollected=_money(message.uncollected),
        projected_event_count=message.projected_event_count,
        rewritten_count=message.rewritten_count,
        unreadable_count=message.unreadable_count,
    )
