"""Operations of InsightsService: figures, at the address of `ocs insights`."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ocs.client import encode
from ocs.client.decode import insights as decode
from ocs.client.insights import (
    Dimension,
    LimitPage,
    PositionResult,
    QueryResult,
    RefusalsResult,
    RevenueResult,
    Step,
    TimelinePage,
    UsageResult,
)
from ocs.client.operation import Operation, read
from ocs.v1 import insights_service_pb2 as insights

Filters = Mapping[Dimension, Sequence[str]]


def get_revenue(
    start_time: datetime,
    end_time: datetime | None = None,
    *,
    step: Step | None = None,
    group_by: Sequence[Dimension] = (),
    filters: Filters | None = None,
    timeout_s: float | None = None,
) -> Operation[RevenueResult]:
    """Revenue, cost and margin from start_time to end_time (None: now), by step and dimension.

    filters: the values that are wanted, by dimension. The client's target is `ocs insights`.
    """
    request = insights.GetRevenueRequest(
        range=_range(start_time, end_time, step, group_by, filters)
    )
    return read("insights", "GetRevenue", request, decode.revenue, timeout_s)


def get_usage(
    start_time: datetime,
    end_time: datetime | None = None,
    *,
    step: Step | None = None,
    group_by: Sequence[Dimension] = (),
    filters: Filters | None = None,
    timeout_s: float | None = None,
) -> Operation[UsageResult]:
    """Units used, by step, dimension and unit; arguments as of get_revenue."""
    request = insights.GetUsageRequest(range=_range(start_time, end_time, step, group_by, filters))
    return read("insights", "GetUsage", request, decode.usage, timeout_s)


def list_refusals(
    start_time: datetime,
    end_time: datetime | None = None,
    *,
    step: Step | None = None,
    group_by: Sequence[Dimension] = (),
    filters: Filters | None = None,
    timeout_s: float | None = None,
) -> Operation[RefusalsResult]:
    """What was refused, by step, dimension and outcome; arguments as of get_revenue."""
    request = insights.ListRefusalsRequest(
        range=_range(start_time, end_time, step, group_by, filters)
    )
    return read("insights", "ListRefusals", request, decode.refusals, timeout_s)


def get_position(*, timeout_s: float | None = None) -> Operation[PositionResult]:
    """What is held, and what customers have paid for and not used, as of now."""
    return read(
        "insights", "GetPosition", insights.GetPositionRequest(), decode.position, timeout_s
    )


def list_limits_page(
    *,
    share_permille_min: int | None = None,
    segment: str | None = None,
    account_id: str = "",
    page_size: int = 0,
    page_token: str = "",
    timeout_s: float | None = None,
) -> Operation[LimitPage]:
    """Caps by the part of them that is spent (at least 800 permille), the nearest first.

    account_id: only those of an account, of its lines and of its groups.
    """
    request = insights.ListLimitsRequest(
        account_id=account_id,
        page_size=encode.small("page_size", page_size),
        page_token=page_token,
    )
    if share_permille_min is not None:
        request.share_permille_min = encode.small("share_permille_min", share_permille_min)
    if segment is not None:
        request.segment = segment
    return read("insights", "ListLimits", request, decode.limits, timeout_s)


def list_timeline_page(
    account_id: str, *, page_size: int = 0, page_token: str = "", timeout_s: float | None = None
) -> Operation[TimelinePage]:
    """What happened to an account, newest first, with what it brought and cost."""
    request = insights.ListTimelineRequest(
        account_id=account_id,
        page_size=encode.small("page_size", page_size),
        page_token=page_token,
    )
    return read("insights", "ListTimeline", request, decode.timeline, timeout_s)


def run_query(sql: str, *, timeout_s: float | None = None) -> Operation[QueryResult]:
    """One SELECT over the tables of the figures, for operators: 10,000 rows, 20 s at most."""
    return read("insights", "RunQuery", insights.RunQueryRequest(sql=sql), decode.query, timeout_s)


def _range(
    start_time: datetime,
    end_time: datetime | None,
    step: Step | None,
    group_by: Sequence[Dimension],
    filters: Filters | None,
) -> insights.FigureRange:
    message = insights.FigureRange(
        start_time=encode.timestamp("start_time", start_time),
        end_time=encode.optional_timestamp("end_time", end_time),
        group_by=[_dimension(one) for one in group_by],
    )
    if step is not None:
        message.step = insights.FigureStep.Value(f"FIGURE_STEP_{step}")
    for dimension, values in (filters or {}).items():
        message.filters.add(dimension=_dimension(dimension), values=values)
    return message


def _dimension(one: Dimension) -> insights.FigureDimension.ValueType:
    return insights.FigureDimension.Value(f"FIGURE_DIMENSION_{one}")
