"""Use cases of lines: give one other groups, remove one."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import Mutation, RemoveSubscriber, UpdateSubscriber
from ocs.domain.event_context import EventContext
from ocs.limits import OPEN_RESERVATIONS_MAX, STALE_RETRIES_MAX
from ocs.ports import Ledger, Reader
from ocs.service.directory import Directory
from ocs.service.errors import failure
from ocs.service.mutations import Mutations
from ocs.service.requests import RemoveSubscriberAsked, UpdateSubscriberAsked

# Makes a command of the reservations that are open and of what every command carries.
_Make: TypeAlias = Callable[[tuple[str, ...], dict[str, Any]], Mutation]


class Lines:
    """Changes and removes lines. Raises ServiceError for every reason."""

    def __init__(
        self, ledger: Ledger, reader: Reader, directory: Directory, mutations: Mutations
    ) -> None:
        self._ledger = ledger
        self._reader = reader
        self._directory = directory
        self._mutations = mutations

    async def update(self, ask: UpdateSubscriberAsked) -> Answer:
        """Give a line other groups."""
        return await self._run(
            ask,
            "UpdateSubscriber",
            (ask.subscriber_id, ask.group_ids, ask.etag),
            lambda open_ids, call: UpdateSubscriber(
                subscriber_id=ask.subscriber_id,
                group_ids=ask.group_ids,
                etag=ask.etag,
                open_ids=open_ids,
                **call,
            ),
        )

    async def remove(self, ask: RemoveSubscriberAsked) -> Answer:
        """Remove a line: from its account first, then free its identities.

        Resent after a crash in between, it completes what it began: the recorded answer has them.
        """
        answer = await self._run(
            ask,
            "RemoveSubscriber",
            (ask.subscriber_id,),
            lambda open_ids, call: RemoveSubscriber(
                subscriber_id=ask.subscriber_id, open_ids=open_ids, **call
            ),
        )
        for identity in answer.identities:
            await self._directory.free(ask.asked, identity, ask.account_id, ask.subscriber_id)
        return answer

    async def _run(
        self,
        ask: RemoveSubscriberAsked | UpdateSubscriberAsked,
        operation: str,
        meaning: tuple[object, ...],
        make: _Make,
    ) -> Answer:
        """Run a command that has to know what is open; again if more was opened in between."""
        answer = await self._attempt(ask, operation, meaning, make)
        for _ in range(STALE_RETRIES_MAX):
            if answer.reason is not Reason.STALE_PROFILE:
                break
            answer = await self._attempt(ask, operation, meaning, make)
        if answer.reason is not None:
            raise failure(answer)
        return answer

    async def _attempt(
        self,
        ask: RemoveSubscriberAsked | UpdateSubscriberAsked,
        operation: str,
        meaning: tuple[object, ...],
        make: _Make,
    ) -> Answer:
        """Try once; STALE_PROFILE if a reservation was opened in between."""
        found = await self._reader.open_reservations(
            ask.asked.tenant, ask.account_id, "", OPEN_RESERVATIONS_MAX
        )
        if isinstance(found, Answer):
            return found
        views, _ = found
        context = EventContext(subscriber_id=ask.subscriber_id)
        call = self._mutations.call(ask.asked, ask.account_id, operation, context, *meaning)
        open_ids = tuple(view.reservation.reservation_id for view in views)
        return await self._ledger.execute(make(open_ids, call))
