"""WatchNow at the edge: one snapshot after the other, as fast as the caller reads."""

import asyncio
from collections.abc import Iterable, Sequence

from ocs.domain.answer import Outcome
from ocs.domain.insights import Now
from ocs.ports import Vitals
from ocs.rpc import convert, errors
from ocs.rpc.answer_stream import AnswerStream, AnswerStreamMethod
from ocs.rpc.errors import RefusedError
from ocs.rpc.figures import set_as_of
from ocs.rpc.identity import Context
from ocs.service.insights import InsightsUse
from ocs.service.watch_now import NowWatch
from ocs.v1 import insights_service_pb2 as pb


class NowStream(AnswerStream):
    """One watch; it ends when the caller leaves, may not watch any more, or the process ends."""

    def __init__(
        self, method: AnswerStreamMethod, context: Context, *, use: InsightsUse, watch: NowWatch
    ) -> None:
        super().__init__(method, context)
        self._use = use
        self._watch = watch

    async def serve(self) -> None:
        """Send snapshots. Raises RefusedError if the caller may have no more."""
        await self.method.host.arrivals.first(self.context)
        number = 0
        ending = asyncio.create_task(self.ending.wait())
        try:
            while True:
                tenant = self._use.scope(self.caller().tenant)
                waiting = asyncio.create_task(self._watch.next(tenant, number))
                try:
                    await asyncio.wait([ending, waiting], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not waiting.done():
                        waiting.cancel()
                if self.ending.is_set():
                    raise RefusedError(errors.SERVICE_STOPPING)
                number, found = waiting.result()
                await self.send(now_message(found, self._use.time_zone))
        finally:
            ending.cancel()


def now_message(
    now: Now, time_zone: str, vitals: Sequence[Vitals] = (), tenants: Iterable[str] = ()
) -> pb.WatchNowResponse:
    """Spell a snapshot. vitals: of each process that told them."""
    message = pb.WatchNowResponse(
        grants_per_s=now.grants_per_s,
        open_reservation_count=now.open_reservation_count,
        projected_event_count=now.projected_event_count,
        rewritten_count=now.rewritten_count,
        unreadable_count=now.unreadable_count,
    )
    set_as_of(message.as_of, now.as_of, time_zone)
    message.tenants.extend(tenants)
    if vitals:
        told_by = message.vitals
        told_by.process_count = len(vitals)
        told_by.calls_per_s = sum(each.calls_per_s_e3 for each in vitals) / 1000
        told_by.shed_per_s = sum(each.shed_per_s_e3 for each in vitals) / 1000
        told_by.p50_us = max(each.p50_us for each in vitals)
        told_by.p99_us = max(each.p99_us for each in vitals)
    for revenue in now.revenue:
        one = message.revenue.add(currency=revenue.currency, micros=revenue.revenue_micros)
        convert.set_time(one.minute_time, revenue.minute_ms)
    for cost in now.costs:
        one = message.costs.add(currency=cost.currency, micros=cost.cost_micros)
        convert.set_time(one.minute_time, cost.minute_ms)
    for refusal in now.refusals:
        outcome = convert.OUTCOMES[Outcome(refusal.outcome)]
        message.refusals.add(outcome=outcome, count=refusal.refusal_count)
    for second in now.decisions:
        counted = message.decisions.add(
            granted_count=second.granted_count, refused_count=second.refused_count
        )
        convert.set_time(counted.second_time, second.second_ms)
    for money in now.held:
        message.held.add(currency=money.currency, micros=money.micros)
    for money in now.uncollected:
        message.uncollected.add(currency=money.currency, micros=money.micros)
    return message
