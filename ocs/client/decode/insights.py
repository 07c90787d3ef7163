"""Figures."""

from collections.abc import Iterable

from ocs.client import insights as results
from ocs.client.decode.charge import holder, outcome, time, unit
from ocs.client.values import Period
from ocs.v1 import insights_service_pb2 as insights
from ocs.v1 import types_pb2 as types

_DIMENSIONS: dict[int, results.Dimension] = {
    insights.FigureDimension.Value(f"FIGURE_DIMENSION_{one}"): one for one in results.Dimension
}

_PERIODS: dict[int, Period] = {types.CapPeriod.Value(f"CAP_PERIOD_{one}"): one for one in Period}


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


def position(message: insights.GetPositionResponse) -> results.PositionResult:
    """The answer of GetPosition."""
    unused = tuple(
        results.UnusedRow(
            segment=row.segment,
            currency=row.currency,
            unit=unit(row.unit),
            of_bundles=row.of_bundles,
            balance=row.balance,
            reserved=row.reserved,
            owed=row.owed,
            bucket_count=row.bucket_count,
        )
        for row in message.unused
    )
    return results.PositionResult(
        as_of(message.as_of), message.open_reservation_count, _money(message.held), unused
    )


def limits(message: insights.ListLimitsResponse) -> results.LimitPage:
    """The answer of ListLimits."""
    rows = tuple(
        results.LimitRow(
            tenant=row.tenant,
            account_id=row.account_id,
            segment=row.segment,
            holder=holder(row.holder),
            cap_id=row.cap_id,
            unit=unit(row.unit),
            currency=row.currency,
            limit=row.limit,
            spent=row.spent,
            share_permille=row.share_permille,
            period=_PERIODS.get(row.period),
            reset_time=time(row, "reset_time"),
        )
        for row in message.limits
    )
    return results.LimitPage(as_of(message.as_of), rows, message.next_page_token)


def timeline(message: insights.ListTimelineResponse) -> results.TimelinePage:
    """The answer of ListTimeline."""
    events = tuple(map(_event, message.events))
    return results.TimelinePage(as_of(message.as_of), events, message.next_page_token)


def _event(message: insights.TimelineEvent) -> results.TimelineEvent:
    return results.TimelineEvent(
        event=message.event,
        account_seq=message.account_seq,
        store_time=time(message, "store_time"),
        event_time=time(message, "event_time"),
        kind=message.kind,
        outcome=outcome(message.outcome),
        about=message.about,
        subscriber_id=message.subscriber_id,
        service_id=message.service_id,
        zone=message.zone,
        unit=unit(message.unit),
        requested_units=message.requested_units,
        granted_units=message.granted_units,
        used_units=message.used_units,
        currency=message.currency,
        charged_micros=message.charged_micros,
        refunded_micros=message.refunded_micros,
        topped_up_micros=message.topped_up_micros,
        uncollected_micros=message.uncollected_micros,
        costs=_money(message.costs),
        uncosted_units=message.uncosted_units,
        tariff_version=message.tariff_version,
        price_id=message.price_id,
        buckets=tuple(
            results.TimelineBucket(
                one.bucket_id, one.balance_before, one.balance_after, one.reserved_after
            )
            for one in message.buckets
        ),
    )


def query(message: insights.RunQueryResponse) -> results.QueryResult:
    """The answer of RunQuery."""
    return results.QueryResult(
        as_of(message.as_of),
        tuple(results.QueryColumn(one.name, one.type) for one in message.columns),
        tuple(
            tuple(cell.text if cell.HasField("text") else None for cell in row.cells)
            for row in message.rows
        ),
        message.truncated,
    )
