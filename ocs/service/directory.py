"""Who is who: identities and payment references, claimed in an index, owned by an account.

An id lives in another partition than its account, so no script can take it together with the
account. It is claimed first (pending, 60 s), then the account takes it, then the claim is
confirmed. Whatever dies in between, the account's own key is the truth: a claim past its deadline
is decided by asking the account that made it.
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

    async def payer(self, tenant: str, payer: Payer) -> tuple[str, str]:
        """Return (account_id, subscriber_id) of who pays. Raises SUBSCRIBER_NOT_FOUND."""
        if payer.identity is None:
            return payer.account_id, payer.subscriber_id
        return await self.find(tenant, *payer.identity)

    async def find(self, tenant: str, kind: str, value: str) -> tuple[str, str]:
        """Return (account_id, subscriber_id) of an identity. Raises SUBSCRIBER_NOT_FOUND."""
        try:
            claim = await self._index.find(tenant, kind, value)
            if (
                claim is not None
                and claim.state != "confirmed"
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
                    raise ServiceError(taken)
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

    async def settle(self, asked: Asked, ref: IdRef, claim: Claim, *, confirmed: bool) -> None:
        """Confirm or drop a claim. A lost reply is harmless: the claim lapses."""
        at, deadline_ms = (asked.tenant, *ref), asked.deadline_ms
        try:
            await self._index.settle(*at, claim, confirmed=confirmed, deadline_ms=deadline_ms)
        except StoreUnavailableError:
            return
