"""Use cases of AccountService and SpendingCapService."""

from ocs.domain.answer import RECORDED_REASONS, Answer, Reason
from ocs.domain.commands import (
    AddSubscriber,
    CreateAccount,
    DeleteSpendingCap,
    SetSpendingCap,
    TopUp,
)
from ocs.domain.decide.grant import CapInForce
from ocs.domain.event_context import EventContext
from ocs.domain.periods import check_time_zone
from ocs.domain.spending_cap import TIER_PREFIX
from ocs.domain.state import AccountState
from ocs.domain.view import as_of, caps_of
from ocs.limits import PAGE_DEFAULT, PAGE_MAX
from ocs.ports import Claim, EventLog, Ledger, LoggedEvent, StoreUnavailableError
from ocs.service.books import Books
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError, failure
from ocs.service.mutations import Mutations
from ocs.service.requests import (
    AddSubscriberAsked,
    CreateAccountAsked,
    DeleteSpendingCapAsked,
    ListEventsAsked,
    SetSpendingCapAsked,
    TopUpAsked,
)

# After these no attempt under the request_id has taken the claimed ids, or ever will. After any
# other an earlier attempt may have, so the claim is left to lapse: then the account is asked.
_CLAIM_REFUSALS = RECORDED_REASONS | {
    Reason.ACCOUNT_BUSY,
    Reason.IDENTITY_TAKEN,
    Reason.PAYMENT_REFERENCE_USED,
    Reason.SUBSCRIBER_EXISTS,
    Reason.TOO_MANY_REFUSALS,
}


class Accounts:
    """Accounts, lines, credits, caps and the journal of an account."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        events: EventLog,
        books: Books,
        mutations: Mutations,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._events = events
        self._books = books
        self._mutations = mutations

    async def create_account(self, ask: CreateAccountAsked) -> tuple[Answer, AccountState, int]:
        """Open an account; answer with it as it stands. Raises ServiceError."""
        terms = ask.terms
        violations = []
        try:
            check_time_zone(terms.time_zone)
        except ValueError:
            violations.append(("time_zone", "must be the name of an IANA time zone"))
        tariff = self._books.of(ask.asked.tenant).at(ask.asked.request_time_ms)
        if terms.plan not in tariff.plans:
            violations.append(("plan", "must be a plan of the tariff"))
        if terms.currency != tariff.currency:
            violations.append(("currency", f"must be the tariff's, {tariff.currency}"))
        if violations:
            raise ServiceError(Reason.INVALID_FIELD, violations=violations)
        context = EventContext(
            segment=terms.segment,
            plan=terms.plan,
            currency=terms.currency,
            time_zone=terms.time_zone,
        )
        answer = await self._mutations.run(
            CreateAccount(
                terms=terms,
                **self._mutations.call(ask.asked, ask.account_id, "CreateAccount", context, terms),
            )
        )
        state, store_ms = await self.get_account(ask.asked.tenant, ask.account_id)
        return answer, state, store_ms

    async def get_account(
        self, tenant: str, account_id: str, group_id: str = ""
    ) -> tuple[AccountState, int]:
        """Read an account as of now: what is due counts as expired. Raises ServiceError.

        group_id: one whose caps are wanted though no line may be in it yet.
        """
        found = await self._ledger.snapshot(tenant, account_id, group_id)
        if isinstance(found, Answer):
            raise failure(found)
        state, store_ms = found
        return as_of(state, store_ms), store_ms

    async def add_subscriber(self, ask: AddSubscriberAsked) -> Answer:
        """Add a line: claim its identities, let the account take it, confirm. Raises ServiceError.

        Resent after a crash in between, it completes what it began.
        """
        asked = ask.asked
        owner = (ask.account_id, ask.subscriber_id, asked.request_id)
        identities = tuple(sorted(ask.identities))
        # The account first: an unknown one must leave no trace in the index.
        await self._mutations.profile(asked.tenant, ask.account_id)
        claims: dict[tuple[str, str], Claim] = {}
        try:
            for identity in identities:
                claims[identity] = await self._directory.claim(
                    asked, identity, owner, Reason.IDENTITY_TAKEN
                )
            meaning = (ask.subscriber_id, identities, ask.group_ids)
            answer = await self._mutations.run(
                AddSubscriber(
                    subscriber_id=ask.subscriber_id,
                    identities=identities,
                    group_ids=ask.group_ids,
                    **self._mutations.call(
                        asked,
                        ask.account_id,
                        "AddSubscriber",
                        EventContext(subscriber_id=ask.subscriber_id),
                        *meaning,
                    ),
                )
            )
        except ServiceError as error:
            if error.reason in _CLAIM_REFUSALS:
                for identity, claim in claims.items():
                    await self._directory.settle(asked, identity, claim, confirmed=False)
            raise
        for identity, claim in claims.items():
            # A resend of long ago: the line may have been removed since.
            there = not answer.replayed or await self._directory.owns(asked.tenant, identity, owner)
            await self._directory.settle(asked, identity, claim, confirmed=there)
        return answer

    async def lookup_subscriber(self, tenant: str, identity: tuple[str, str]) -> tuple[str, str]:
        """Return (account_id, subscriber_id). Raises SUBSCRIBER_NOT_FOUND."""
        return await self._directory.find(tenant, *identity, fresh=True)

    async def top_up(self, ask: TopUpAsked) -> Answer:
        """Credit a bucket, each payment reference once for ever. Raises ServiceError."""
        asked = ask.asked
        profile = await self._mutations.profile(asked.tenant, ask.account_id)
        owner = (ask.account_id, "-", asked.request_id)
        reference = ("payment", ask.payment_reference)
        claim = await self._directory.claim(asked, reference, owner, Reason.PAYMENT_REFERENCE_USED)
        wrong = ask.currency not in ("", profile.terms.currency)
        context = EventContext(
            segment=profile.terms.segment,
            plan=profile.terms.plan,
            currency=profile.terms.currency,
            payment_reference=ask.payment_reference,
        )
        try:
            answer = await self._mutations.run(
                TopUp(
                    payment_reference=ask.payment_reference,
                    bucket_id=ask.bucket_id,
                    terms=ask.terms,
                    quantity=ask.quantity,
                    unit=ask.unit,
                    refusal=Reason.CURRENCY_MISMATCH if wrong else None,
                    **self._mutations.call(
                        asked,
                        ask.account_id,
                        "TopUp",
                        context,
                        ask.payment_reference,
                        ask.bucket_id,
                        ask.terms,
                        ask.quantity,
                        ask.unit,
                        ask.currency,
                    ),
                )
            )
        except ServiceError as error:
            if error.reason in _CLAIM_REFUSALS:
                await self._directory.settle(asked, reference, claim, confirmed=False)
            raise
        await self._directory.settle(asked, reference, claim, confirmed=True)
        return answer

    async def set_spending_cap(self, ask: SetSpendingCapAsked) -> tuple[Answer, CapInForce]:
        """Create a cap or change its limit; answer with it as it stands. Raises ServiceError."""
        cap = ask.cap
        _check_cap_id("cap.cap_id", cap.cap_id)
        context = EventContext()
        answer = await self._mutations.run(
            SetSpendingCap(
                cap=cap,
                **self._mutations.call(ask.asked, ask.account_id, "SetSpendingCap", context, cap),
            )
        )
        caps, _ = await self.list_caps(ask.asked.tenant, ask.account_id, cap.holder)
        return answer, next(found for found in caps if found.cap.cap_id == cap.cap_id)

    async def delete_spending_cap(self, ask: DeleteSpendingCapAsked) -> Answer:
        """Remove a cap. Raises ServiceError."""
        _check_cap_id("cap_id", ask.cap_id)
        context = EventContext()
        call = self._mutations.call(
            ask.asked, ask.account_id, "DeleteSpendingCap", context, ask.holder, ask.cap_id
        )
        return await self._mutations.run(
            DeleteSpendingCap(holder=ask.holder, cap_id=ask.cap_id, **call)
        )

    async def list_caps(
        self, tenant: str, account_id: str, holder: str
    ) -> tuple[list[CapInForce], int]:
        """Return the caps of one holder in their current period. Raises ServiceError."""
        kind, _, holder_id = holder.partition("/")
        group_id = holder_id if kind == "group" else ""
        state, store_ms = await self.get_account(tenant, account_id, group_id)
        if kind == "subscriber" and holder_id not in state.subscribers:
            raise ServiceError(Reason.SUBSCRIBER_NOT_FOUND)
        return caps_of(state, holder, store_ms), store_ms

    async def list_events(self, ask: ListEventsAsked) -> tuple[list[LoggedEvent], str]:
        """Return a page of the account's journal, and the next page's token."""
        at, count = (ask.tenant, ask.account_id), min(ask.page_size or PAGE_DEFAULT, PAGE_MAX)
        if not ask.page_token:
            await self._mutations.profile(*at)
        try:
            if ask.oldest_first:
                return await self._events.oldest_first(*at, ask.page_token, ask.start_seq, count)
            found = await self._events.newest_first(*at, ask.page_token, count)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        more = found[-1].event.prev if len(found) == count else ""
        return found, more


def _check_cap_id(field: str, cap_id: str) -> None:
    """Refuse the name of a counter that the service keeps for graduated prices."""
    if cap_id.startswith(TIER_PREFIX):
        rule = f"must not begin with {TIER_PREFIX}, which names counters of graduated prices"
        raise ServiceError(Reason.INVALID_FIELD, violations=[(field, rule)])
