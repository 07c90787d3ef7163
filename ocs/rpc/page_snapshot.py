"""What a page that watches is told each second: answers of the API, made once for all of them.

{"now": WatchNowResponse, "five_minutes": GetRevenueResponse, "today": GetRevenueResponse}
"""

from collections.abc import Mapping
from typing import Final

from ocs.domain.periods import Period, period_bounds
from ocs.ports import Insights, StoreUnavailableError, Vitals, VitalsBoard
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.insights import InsightsServicer
from ocs.rpc.json_api import json_of
from ocs.rpc.now_stream import now_message
from ocs.v1 import insights_service_pb2 as pb

_FIVE_MINUTES_MS: Final = 5 * 60_000


class PageSnapshots:
    """Makes snapshots. board: where the service tells how it answers. time_zone: of reports.

    of_one, of_all: the handlers for one tenant's figures, and for those of all together.
    """

    def __init__(
        self,
        insights: Insights,
        of_one: InsightsServicer,
        of_all: InsightsServicer,
        board: VitalsBoard,
        time_zone: str,
    ) -> None:
        self._insights = insights
        self._of_one = of_one
        self._of_all = of_all
        self._board = board
        self._time_zone = time_zone

    async def of(self, tenant: str, now_ms: int) -> str:
        """Spell the snapshot of a tenant, empty: of all. Raises InsightsBusyError, ServiceError."""
        now = await self._insights.now(tenant)
        as_of_ms = now.as_of.as_of_ms
        day = period_bounds(Period.DAY, time_zone=self._time_zone, anchor_day=1, now_ms=as_of_ms)
        parts = {
            "now": now_message(now, self._time_zone, await self._vitals(now_ms), now.tenants),
            "five_minutes": await self._revenue(tenant, as_of_ms - _FIVE_MINUTES_MS, now_ms),
            "today": await self._revenue(tenant, day.start_ms, now_ms),
        }
        return _joined({name: json_of(message) for name, message in parts.items()})

    async def _revenue(self, tenant: str, start_ms: int, now_ms: int) -> pb.GetRevenueResponse:
        request = pb.GetRevenueRequest()
        convert.set_time(request.range.start_time, start_ms)
        call = CallInfo("snapshot", tenant, "snapshot", now_ms, now_ms)
        figures = self._of_one if tenant else self._of_all
        return await figures.get_revenue(call, request)

    async def _vitals(self, now_ms: int) -> list[Vitals]:
        try:
            return await self._board.read(now_ms)
        except StoreUnavailableError:
            return []  # figures are shown without


def _joined(parts: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"
