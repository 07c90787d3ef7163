"""The methods of InsightsService that tell of accounts, caps and whatever a query selects."""

from collections.abc import Iterable
from typing import Any, Final

from ocs import limits
from ocs.domain.answer import Outcome
from ocs.domain.insights import LimitRow, LimitsAsked, Money, TimelineEvent
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.domain.units import Unit
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.figures import range_of, set_as_of
from ocs.rpc.method import Handler
from ocs.rpc.names import event_name
from ocs.service.insights import EventsWanted, InsightsUse
from ocs.v1 import insights_service_pb2 as pb

_SHARE_DEFAULT: Final = 800
_OUTCOMES: Final = {number: outcome.value for outcome, number in convert.OUTCOMES.items()}


class InsightsAccountHandlers:
    """Handlers of GetPosition, ListLimits, ListEvents, ListTimeline and RunQuery."""

    def __init__(self, use: InsightsUse) -> None:
        self._use = use

    def handlers(self) -> dict[str, Handler]:
        """Name the handlers."""
        return {
            "GetPosition": self.get_position,
            "ListLimits": self.list_limits,
            "ListEvents": self.list_events,
            "ListTimeline": self.list_timeline,
            "RunQuery": self.run_query,
        }

    async def get_position(
        self, call: CallInfo, _: pb.GetPositionRequest
    ) -> pb.GetPositionResponse:
        """What is held, and paid for and not used."""
        found = await self._use.position(call.tenant)
        response = pb.GetPositionResponse(open_reservation_count=found.open_reservation_count)
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        _add_money(response.held, found.held)
        for row in found.unused:
            message = response.unused.add(
                segment=row.segment,
                currency=row.currency,
                of_bundles=row.of_bundles,
                balance=row.balance,
                reserved=row.reserved,
                owed=row.owed,
                bucket_count=row.bucket_count,
            )
            if row.unit:
                message.unit = convert.UNIT_TYPES[Unit(row.unit)]
        return response

    async def list_limits(
        self, call: CallInfo, request: pb.ListLimitsRequest
    ) -> pb.ListLimitsResponse:
        """Caps, nearest to their limits first."""
        share = request.share_permille_min
        asked = LimitsAsked(
            tenant=call.tenant,
            share_permille=share if request.HasField("share_permille_min") else _SHARE_DEFAULT,
            segment=request.segment if request.HasField("segment") else None,
            offset=int(request.page_token or 0),
            count=request.page_size or limits.PAGE_DEFAULT,
            account_id=request.account_id,
        )
        found = await self._use.limits(asked)
        response = pb.ListLimitsResponse(next_page_token=str(found.next_offset or ""))
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for row in found.rows:
            _set_limit(response.limits.add(), row)
        return response

    async def list_events(
        self, call: CallInfo, request: pb.ListEventsRequest
    ) -> pb.ListEventsResponse:
        """The events behind a figure."""
        outcome = _OUTCOMES[request.outcome] if request.outcome else ""
        more = EventsWanted(
            kind=request.kind,
            outcome=outcome,
            refused=request.refused,
            uncollected=request.uncollected,
            offset=int(request.page_token or 0),
            count=request.page_size or limits.PAGE_DEFAULT,
        )
        found = await self._use.events(range_of(call, request.range), more)
        response = pb.ListEventsResponse(next_page_token=str(found.next_offset or ""))
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for event in found.events:
            _set_event(response.events.add(), event)
        return response

    async def list_timeline(
        self, call: CallInfo, request: pb.ListTimelineRequest
    ) -> pb.ListTimelineResponse:
        """What happened to an account."""
        found = await self._use.timeline(
            call.tenant,
            request.account_id,
            int(request.page_token or 0),
            request.page_size or limits.PAGE_DEFAULT,
        )
        response = pb.ListTimelineResponse(next_page_token=str(found.next_seq or ""))
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for event in found.events:
            _set_event(response.events.add(), event)
        return response

    async def run_query(self, call: CallInfo, request: pb.RunQueryRequest) -> pb.RunQueryResponse:
        """One SELECT."""
        found = await self._use.query(call.tenant, request.sql)
        response = pb.RunQueryResponse(truncated=found.truncated)
        set_as_of(response.as_of, found.as_of, self._use.time_zone)
        for name, kind in found.columns:
            response.columns.add(name=name, type=kind)
        for row in found.rows:
            cells = response.rows.add().cells
            for text in row:
                cells.add(text=text)
        return response


def _add_money(messages: Any, amounts: Iterable[Money]) -> None:
    for one in amounts:
        messages.add(currency=one.currency, micros=one.micros)


def _set_limit(message: pb.LimitRow, row: LimitRow) -> None:
    cap = row.cap
    message.tenant = row.tenant
    message.account_id = row.account_id
    message.segment = row.segment
    if cap.holder != ACCOUNT_HOLDER:
        convert.set_holder(message.holder, cap.holder)
    message.cap_id = cap.cap_id
    message.unit = convert.UNIT_TYPES[cap.unit]
    message.currency = row.currency
    message.limit = cap.limit
    message.spent = row.spent
    message.share_permille = row.share_permille
    message.period = convert.PERIOD_TYPES[cap.period]
    convert.set_time(message.reset_time, row.reset_ms)


def _set_event(message: pb.TimelineEvent, event: TimelineEvent) -> None:
    message.event = event_name(event.tenant, event.account_id, event.seq)
    message.account_seq = event.seq
    convert.set_time(message.store_time, event.store_ms)
    convert.set_time(message.event_time, event.event_ms)
    if event.outcome:
        message.outcome = convert.OUTCOMES[Outcome(event.outcome)]
    if event.unit:
        message.unit = convert.UNIT_TYPES[Unit(event.unit)]
    for name in _COPIED:
        setattr(message, name, getattr(event, name))
    _add_money(message.costs, event.costs)
    for change in event.buckets:
        message.buckets.add(
            bucket_id=change.bucket_id,
            balance_before=change.balance_before,
            balance_after=change.balance_after,
            reserved_after=change.reserved_after,
        )


_COPIED: Final = (
    "kind",
    "about",
    "subscriber_id",
    "service_id",
    "zone",
    "requested_units",
    "granted_units",
    "used_units",
    "currency",
    "charged_micros",
    "refunded_micros",
    "topped_up_micros",
    "uncollected_micros",
    "uncosted_units",
    "tariff_version",
    "price_id",
)
