"""Use cases that keep an account: its status, and what was agreed of it."""

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import SetAccountStatus, SetBucketThreshold, UpdateAccount
from ocs.domain.event_context import EventContext
from ocs.service.books import Books
from ocs.service.errors import ServiceError
from ocs.service.mutations import Mutations
from ocs.service.requests import (
    SetAccountStatusAsked,
    SetBucketThresholdAsked,
    UpdateAccountAsked,
)


class Keeping:
    """Suspend, resume, close, update. Raises ServiceError for every reason."""

    def __init__(self, mutations: Mutations, books: Books) -> None:
        self._mutations = mutations
        self._books = books

    async def set_status(self, ask: SetAccountStatusAsked) -> Answer:
        """Suspend, resume or close an account."""
        context = EventContext(reason=ask.reason)
        call = self._mutations.call(
            ask.asked, ask.account_id, "SetAccountStatus", context, ask.status, ask.reason
        )
        return await self._mutations.run(SetAccountStatus(status=ask.status, **call))

    async def update(self, ask: UpdateAccountAsked) -> Answer:
        """Change plan, segment or credit limit."""
        plans = self._books.of(ask.asked.tenant).at(ask.asked.request_time_ms).plans
        if ask.plan and ask.plan not in plans:
            violations = [("plan", "must be a plan of the tariff")]
            raise ServiceError(Reason.INVALID_FIELD, violations=violations)
        profile = await self._mutations.profile(ask.asked.tenant, ask.account_id, fresh=True)
        terms = profile.terms
        context = EventContext(
            segment=ask.segment or terms.segment,
            plan=ask.plan or terms.plan,
            currency=terms.currency,
        )
        meaning = (ask.plan, ask.segment, ask.credit_limit, ask.etag)
        call = self._mutations.call(ask.asked, ask.account_id, "UpdateAccount", context, *meaning)
        return await self._mutations.run(
            UpdateAccount(
                plan=ask.plan,
                segment=ask.segment,
                credit_limit=ask.credit_limit,
                etag=ask.etag,
                **call,
            )
        )

    async def set_bucket_threshold(self, ask: SetBucketThresholdAsked) -> Answer:
        """Mark a bucket's balance, or take the mark off."""
        meaning = (ask.bucket_id, ask.threshold, ask.unit)
        call = self._mutations.call(
            ask.asked, ask.account_id, "SetBucketThreshold", EventContext(), *meaning
        )
        return await self._mutations.run(
            SetBucketThreshold(
                bucket_id=ask.bucket_id, unit=ask.unit, threshold=ask.threshold, **call
            )
        )
