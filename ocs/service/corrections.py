"""Use cases that correct balances by hand: withdraw, adjust, reverse a top-up."""

from ocs.domain.answer import Answer
from ocs.domain.commands import AdjustBucket, ReverseTopUp, WithdrawBalance
from ocs.domain.event_context import EventContext
from ocs.service.mutations import Mutations
from ocs.service.requests import CorrectionAsked, ReverseTopUpAsked


class Corrections:
    """Corrects balances. Raises ServiceError for every reason."""

    def __init__(self, mutations: Mutations) -> None:
        self._mutations = mutations

    async def withdraw(self, ask: CorrectionAsked) -> Answer:
        """Take money or units out of a bucket."""
        context = await self._context(ask)
        meaning = (ask.bucket_id, ask.quantity, ask.unit, ask.reason)
        call = self._mutations.call(ask.asked, ask.account_id, "WithdrawBalance", context, *meaning)
        return await self._mutations.run(
            WithdrawBalance(bucket_id=ask.bucket_id, unit=ask.unit, quantity=ask.quantity, **call)
        )

    async def adjust(self, ask: CorrectionAsked) -> Answer:
        """Set a balance right."""
        context = await self._context(ask)
        context.decided_by = ask.decided_by
        meaning = (ask.bucket_id, ask.quantity, ask.unit, ask.reason, ask.decided_by)
        call = self._mutations.call(ask.asked, ask.account_id, "AdjustBucket", context, *meaning)
        return await self._mutations.run(
            AdjustBucket(bucket_id=ask.bucket_id, unit=ask.unit, quantity=ask.quantity, **call)
        )

    async def reverse_top_up(self, ask: ReverseTopUpAsked) -> Answer:
        """Take back what a payment credited."""
        context = await self._context(ask)
        context.payment_reference = ask.payment_reference
        meaning = (ask.payment_reference, ask.allow_partial, ask.reason)
        call = self._mutations.call(ask.asked, ask.account_id, "ReverseTopUp", context, *meaning)
        return await self._mutations.run(
            ReverseTopUp(
                payment_reference=ask.payment_reference, allow_partial=ask.allow_partial, **call
            )
        )

    async def _context(self, ask: CorrectionAsked | ReverseTopUpAsked) -> EventContext:
        profile = await self._mutations.profile(ask.asked.tenant, ask.account_id)
        terms = profile.terms
        return EventContext(
            segment=terms.segment, plan=terms.plan, currency=terms.currency, reason=ask.reason
        )
