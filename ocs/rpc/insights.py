"""InsightsService at the edge: messages to use cases and back."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from ocs.domain.answer import Outcome
from ocs.domain.insights import Dimension, RevenueRow
from ocs.domain.units import Unit
from ocs.limits import FIGURE_ROWS_MAX
from ocs.rpc import convert
from ocs.rpc.answer_stream import AnswerStreamMethod
from ocs.rpc.call import CallInfo
from ocs.rpc.export_stream import ExportStream
from ocs.rpc.figures import DIMENSIONS, range_of, set_as_of
from ocs.rpc.insights_accounts import InsightsAccountHandlers
from ocs.rpc.method import RpcService
from ocs.rpc.now_stream import NowStream
from ocs.service.insights import InsightsUse
from ocs.service.watch_now import NowWatch
from ocs.v1 import insights_service_pb2 as pb

_DIMENSION_TYPES: Final = {dimension: number for number, dimension in DIMENSIONS.items()}


class InsightsServicer:
    """Handlers of ocs.v1.InsightsService."""

    def __init__(self, use: InsightsUse, watch: NowWatch) -> None:
        self._use = use
        self._watch = watch
        self._accounts = InsightsAccountHandlers(use)

    def service(self) -> RpcService:
        """Name the handlers for the server."""
        return RpcService(
            pb.DESCRIPTOR.services_by_name["InsightsService"],
            {
                "GetRevenue": self.get_revenue,
                "GetUsage": self.get_usage,
                "ListRefusals": self.list_refusals,
                **self._accounts.handlers(),
            },
            streams={
                "ExportEvents": partial(
                    AnswerStreamMethod, stream=partial(ExportStream, use=self._use)
                ),
                "WatchNow": partial(
                    AnswerStreamMethod,
                    stream=partial(NowStream, use=self._use, watch=self._watch),
                ),
            },
        )

    async def get_revenue(
        self, call: CallInfo, request: pb.GetRevenueRequest
    ) -> pb.GetRevenueResponse:
        """Revenue, cost and margin."""
        asked = range_of(call, request.range)
        found = await self._use.revenue(asked)
        response = pb.GetRevenueResponse(truncated=len(found.rows) > FIGURE_ROWS_MAX)
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for row in found.rows[:FIGURE_ROWS_MAX]:
            _set_revenue(response.rows.add(), row, asked.by)
        return response

    async def get_usage(self, call: CallInfo, request: pb.GetUsageRequest) -> pb.GetUsageResponse:
        """Units used."""
        asked = range_of(call, request.range)
        found = await self._use.usage(asked)
        response = pb.GetUsageResponse(truncated=len(found.rows) > FIGURE_ROWS_MAX)
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for row in found.rows[:FIGURE_ROWS_MAX]:
            message = response.rows.add(
                used_units=row.used_units,
                uncollected_units=row.uncollected_units,
                uncosted_units=row.uncosted_units,
            )
            if row.unit:
                message.unit = convert.UNIT_TYPES[Unit(row.unit)]
            _set_place(message, row.start_ms, row.key, asked.by)
        return response

    async def list_refusals(
        self, call: CallInfo, request: pb.ListRefusalsRequest
    ) -> pb.ListRefusalsResponse:
        """What was refused."""
        asked = range_of(call, request.range)
        found = await self._use.refusals(asked)
        response = pb.ListRefusalsResponse(truncated=len(found.rows) > FIGURE_ROWS_MAX)
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for row in found.rows[:FIGURE_ROWS_MAX]:
            message = response.rows.add(
                outcome=convert.OUTCOMES[Outcome(row.outcome)], count=row.refusal_count
            )
            _set_place(message, row.start_ms, row.key, asked.by)
        return response


def _set_revenue(message: pb.RevenueRow, row: RevenueRow, by: Iterable[Dimension]) -> None:
    _set_place(message, row.start_ms, row.key, by)
    message.currency = row.currency
    message.revenue_micros = row.revenue_micros
    message.charged_micros = row.charged_micros
    message.refunded_micros = row.refunded_micros
    message.charge_count = row.charge_count
    for cost in row.costs:
        message.costs.add(currency=cost.currency, micros=cost.micros)
    if row.margin_micros is not None:
        message.margin_micros = row.margin_micros
    message.uncosted_units = row.uncosted_units
    message.uncollected_micros = row.uncollected_micros
    message.topped_up_micros = row.topped_up_micros


def _set_place(message: Any, start_ms: int, key: Sequence[str], by: Iterable[Dimension]) -> None:
    convert.set_time(message.start_time, start_ms)
    for dimension, value in zip(by, key, strict=True):
        message.keys.add(dimension=_DIMENSION_TYPES[dimension], value=value)
