"""Refund: find the event, then let the script read it again and give back what it collected."""

from ocs.domain.answer import Answer
from ocs.domain.commands import Collected, Refund
from ocs.domain.decide.refund import collected_by
from ocs.domain.event_context import EventContext
from ocs.ports import EventLog, StoreUnavailableError
from ocs.service.errors import ServiceError
from ocs.service.mutations import Mutations
from ocs.service.requests import RefundAsked


class Refunds:
    """Gives charges back. Raises ServiceError for every reason."""

    def __init__(self, mutations: Mutations, events: EventLog) -> None:
        self._mutations = mutations
        self._events = events

    async def refund(self, ask: RefundAsked) -> Answer:
        """Give back what an event collected, whole or in part."""
        asked, at = ask.asked, (ask.asked.tenant, ask.account_id)
        terms = (await self._mutations.profile(*at)).terms
        try:
            found = await self._events.find(*at, ask.seq)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        context = EventContext(
            segment=terms.segment, plan=terms.plan, currency=terms.currency, reason=ask.reason
        )
        meaning = (ask.seq, ask.shares, ask.bucket_id, ask.reason)
        call = self._mutations.call(asked, ask.account_id, "Refund", context, *meaning)
        return await self._mutations.run(
            Refund(
                seq=ask.seq,
                position=found.position if found is not None else "",
                line=found.line if found is not None else "",
                collected=collected_by(found.event) if found is not None else Collected((), ()),
                shares=ask.shares,
                bucket_id=ask.bucket_id,
                **call,
            )
        )
