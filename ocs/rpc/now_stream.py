"""WatchNow at the edge: one snapshot after the other, as fast as the caller reads."""

import asyncio
import time
from collections.abc import Iterable, Sequence

import structlog
from google.protobuf.descriptor import MethodDescriptor

from ocs.domain.answer import Outcome
from ocs.domain.insights import Now
from ocs.ports import Vitals
from ocs.rpc import convert, errors
from ocs.rpc.errors import RefusedError
from ocs.rpc.failure import told
from ocs.rpc.figures import set_as_of
from ocs.rpc.identity import Context
from ocs.rpc.method import CallHost
from ocs.rpc.roles import roles_for
from ocs.service.insights import InsightsUse
from ocs.service.watch_now import NowWatch
from ocs.v1 import insights_service_pb2 as pb

_OVERLOADED = errors.status_message(errors.OVERLOADED, metadata={})


class NowStreamMethod:
    """The method: what its streams share."""

    def __init__(
        self, method: MethodDescriptor, host: CallHost, *, use: InsightsUse, watch: NowWatch
    ) -> None:
        self.name = f"{method.containing_service.full_name}/{method.name}"
        self.host = host
        self.use = use
        self.watch = watch
        self.roles = roles_for(self.name)

    async def handle(self, _: object, context: Context) -> None:
        """Serve one stream until the caller leaves, may not watch any more, or the process ends."""
        streams, stream = self.host.streams, _NowStream(self, context)
        if streams.full:
            self.host.metrics.durations(self.name, "RESOURCE_EXHAUSTED").record(0.0)
            await context.abort_with_status(errors.call_status(_OVERLOADED))
        streams.add(stream)
        began_s, code = time.perf_counter(), "CANCELLED"
        try:
            await stream.serve()
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            reason, status = told(error, self.name)
            code = errors.FAILURES[reason].code.name
        else:
            raise AssertionError("a stream ends by an error, or by being cancelled")
        finally:
            streams.remove(stream)
            seconds = time.perf_counter() - began_s
            self.host.metrics.durations(self.name, code).record(seconds)
            structlog.get_logger().info(
                "rpc stream", method=self.name, code=code, duration_ms=round(seconds * 1000, 3)
            )
        await context.abort_with_status(errors.call_status(status))


class _NowStream:
    """One stream."""

    def __init__(self, method: NowStreamMethod, context: Context) -> None:
        self._method = method
        self._context = context
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Send no more."""
        self._ending.set()

    async def serve(self) -> None:
        """Send snapshots. Raises RefusedError if the caller may have no more."""
        await self._method.host.arrivals.first(self._context)
        number = 0
        ending = asyncio.create_task(self._ending.wait())
        try:
            while True:
                tenant = self._method.use.scope(self._tenant())
                waiting = asyncio.create_task(self._method.watch.next(tenant, number))
                try:
                    await asyncio.wait([ending, waiting], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not waiting.done():
                        waiting.cancel()
                if self._ending.is_set():
                    raise RefusedError(errors.SERVICE_STOPPING)
                number, found = waiting.result()
                message = now_message(found, self._method.use.time_zone)
                await self._context.write(message.SerializeToString())
        finally:
            ending.cancel()

    def _tenant(self) -> str:
        """Look who calls, before each snapshot. Raises RefusedError if it is closed to them."""
        host = self._method.host
        caller = host.gate.identify(self._context, time.time_ns() // 1_000_000)
        if self._method.roles.isdisjoint(caller.roles):
            raise RefusedError(errors.ROLE_MISSING)
        return caller.tenant


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
