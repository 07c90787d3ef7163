"""Who is who: identities and payment references, claimed in an index, owned by an account.

An id lives in another partition than its account, so no script can take it together with the
account. It is claimed first (pending, 60 s), then the account takes it, then the claim is
confirmed. Whatever dies in between, the account's own key is the truth: a claim past its deadline
is decided by asking the account that made it. A line is removed in its account first, then its ids
are freed; one that was not freed in time is found by asking, too, and freed by who wants it next.
"""

from ocs.domain.answer import Reason
from ocs.ports import Claim, LookupIndex, StoreUnavailableError
from ocs.service.errors import ServiceError
from ocs.service.requests import Asked, Payer

# An id whose claim lapsed is free again after one round of asking its owner.
_ROUNDS = 3

Owner = tuple[str, str, str]
# Kind and value of what is looked up.
IdRef = tuple[str, str]


class Directory:
    """Looks ids up and claims them."""

    def __init__(self, index: LookupIndex) -> None:
        self._index = index

    async def payer(self, tenant: str, payer: Payer, *, fresh: bool = False) -> tuple[str, str]:
        """Return (account_id, subscriber_id) of who pays. Raises SUBSCRIBER_NOT_FOUND."""
        if payer.identity is None:
            return payer.account_id, payer.subscriber_id
        return await self.find(tenant, *payer.identity, fresh=fresh)

    async def find(
        self, tenant: str, kind: str, value: str, *, fresh: bool = False
    ) -> tuple[str, str]:
        """Return (account_id, subscriber_id) of an identity. Raises SUBSCRIBER_NOT_FOUND.

        fresh: past any cache, and what the index says is checked with the account.
        """
        try:
            claim = await self._index.find(tenant, kind, value, fresh=fresh)
            if (
                claim is not None
                and (fresh or claim.state != "confirmed")
                and not await self._index.owns(tenant, kind, value, claim.owner)
            ):
                claim = None
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        if claim is None:
            raise ServiceError(Reason.SUBSCRIBER_NOT_FOUND)
        return claim.account_id, claim.subject_id

    async def claim(self, asked: Asked, ref: IdRef, owner: Owner, taken: Reason) -> Claim:
        """Claim an id for an owner. Raises `taken`, ACCOUNT_BUSY or a reason of the store."""
        at = (asked.tenant, *ref)
        try:
            for _ in range(_ROUNDS):
                claim = await self._index.claim(*at, owner, deadline_ms=asked.deadline_ms)
                if claim.state == "claimed":
                    return claim
                if claim.state == "taken":
                    if await self._index.owns(*at, claim.owner):
                        raise ServiceError(taken)
                    await self._index.release(*at, claim, deadline_ms=asked.deadline_ms)
                    continue
                if claim.state == "pending":
                    raise ServiceError(Reason.ACCOUNT_BUSY)
                await self._decide_lapsed(asked, ref, claim)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        raise ServiceError(Reason.ACCOUNT_BUSY)

    async def _decide_lapsed(self, asked: Asked, ref: IdRef, claim: Claim) -> None:
        at = (asked.tenant, *ref)
        confirmed = await self._index.owns(*at, claim.owner)
        await self._index.settle(*at, claim, confirmed=confirmed, deadline_ms=asked.deadline_ms)

    async def free(self, asked: Asked, ref: IdRef, account_id: str, subscriber_id: str) -> None:
        """Free an id of a line that was removed, unless the line has it again by now.

        A claim that is pending is left: either it lapses, or the line is being added again.
        """
        at = (asked.tenant, *ref)
        try:
            claim = await self._index.find(*at, fresh=True)
            if (
                claim is not None
                and claim.state == "confirmed"
                and claim.owner[:2] == (account_id, subscriber_id)
                and not await self._index.owns(*at, claim.owner)
            ):
                await self._index.release(*at, claim, deadline_ms=asked.deadline_ms)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None

    async def owns(self, tenant: str, ref: IdRef, owner: Owner) -> bool:
        """Ask an owner's account whether it has an id."""
        try:
            return await self._index.owns(tenant, *ref, owner)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None

    async def settle(self, asked: Asked, ref: IdRef, claim: Claim, *, confirmed: bool) -> None:
        """Confirm or drop a claim. A lost reply is harmless: the claim lapses."""
        at, deadline_ms = (asked.tenant, *ref), asked.deadline_ms
        try:
            await self._index.settle(*at, claim, confirmed=confirmed, deadline_ms=deadline_ms)
        except StoreUnavailableError:
            return
