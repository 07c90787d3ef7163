"""Use cases of lines: remove one."""

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import RemoveSubscriber
from ocs.domain.event_context import EventContext
from ocs.limits import OPEN_RESERVATIONS_MAX, STALE_RETRIES_MAX
from ocs.ports import Ledger, Reader
from ocs.service.directory import Directory
from ocs.service.errors import failure
from ocs.service.mutations import Mutations
from ocs.service.requests import RemoveSubscriberAsked


class Lines:
    """Removes lines. Raises ServiceError for every reason."""

    def __init__(
        self, ledger: Ledger, reader: Reader, directory: Directory, mutations: Mutations
    ) -> None:
        self._ledger = ledger
        self._reader = reader
        self._directory = directory
        self._mutations = mutations

    async def remove(self, ask: RemoveSubscriberAsked) -> Answer:
        """Remove a line: from its account first, then free its identities.

        Resent after a crash in between, it completes what it began: the recorded answer has them.
        """
        answer = await self._remove(ask)
        for _ in range(STALE_RETRIES_MAX):
            if answer.reason is not Reason.STALE_PROFILE:
                break
            answer = await self._remove(ask)
        if answer.reason is not None:
            raise failure(answer)
        for identity in answer.identities:
            await self._directory.free(ask.asked, identity, ask.account_id, ask.subscriber_id)
        return answer

    async def _remove(self, ask: RemoveSubscriberAsked) -> Answer:
        """Try once; STALE_PROFILE if a reservation was opened in between."""
        found = await self._reader.open_reservations(
            ask.asked.tenant, ask.account_id, "", OPEN_RESERVATIONS_MAX
        )
        if isinstance(found, Answer):
            return found
        views, _ = found
        context = EventContext(subscriber_id=ask.subscriber_id)
        call = self._mutations.call(
            ask.asked, ask.account_id, "RemoveSubscriber", context, ask.subscriber_id
        )
        open_ids = tuple(view.reservation.reservation_id for view in views)
        return await self._ledger.execute(
            RemoveSubscriber(subscriber_id=ask.subscriber_id, open_ids=open_ids, **call)
        )
