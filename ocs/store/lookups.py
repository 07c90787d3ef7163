"""The LookupIndex port over Valkey: identities and payment references of a tenant."""

from typing import Final

from redis.exceptions import ResponseError

from ocs.domain.answer import Reason
from ocs.ports import Claim, StoreUnavailableError
from ocs.store import keys
from ocs.store.generations import Generations
from ocs.store.ledger import ValkeyLedger, reason_of
from ocs.store.pipeline import StoreLostError
from ocs.store.replies import text_of

_KEPT: Final = 131_072

Owner = tuple[str, str, str]


def _read_claim(text: str) -> Claim:
    """Read `state account/subject/request deadline_ms`."""
    state, owner, deadline_ms = text.split(" ")
    account_id, subject_id, request_id = owner.split("/")
    return Claim(state, account_id, subject_id, request_id, int(deadline_ms))


class ValkeyLookups:
    """Index entries; found ones that are confirmed are remembered until one asks past them."""

    def __init__(self, ledger: ValkeyLedger) -> None:
        self._ledger = ledger
        self._found: Generations[tuple[str, str, str], Claim] = Generations(_KEPT)

    async def claim(
        self, tenant: str, kind: str, value: str, owner: Owner, *, deadline_ms: int
    ) -> Claim:
        """Claim an id, pending for 60 s; says whose it is otherwise."""
        argv = ["", "/".join(owner)]
        line = await self._call("claim_lookup", (tenant, kind, value), argv, deadline_ms)
        return _read_claim(line.decode())

    async def settle(
        self,
        tenant: str,
        kind: str,
        value: str,
        claim: Claim,
        *,
        confirmed: bool,
        deadline_ms: int,
    ) -> None:
        """Confirm a claim for good, or drop it; not if its owner has claimed anew since."""
        verdict = "confirmed" if confirmed else "dropped"
        argv = ["/".join(claim.owner), str(claim.deadline_ms), verdict]
        await self._call("settle_lookup", (tenant, kind, value), argv, deadline_ms)

    async def release(
        self, tenant: str, kind: str, value: str, claim: Claim, *, deadline_ms: int
    ) -> None:
        """Free a confirmed id, if it still has this owner."""
        argv = ["/".join(claim.owner), str(claim.deadline_ms), "released"]
        await self._call("settle_lookup", (tenant, kind, value), argv, deadline_ms)
        self._found.drop((tenant, kind, value))

    async def find(
        self, tenant: str, kind: str, value: str, *, fresh: bool = False
    ) -> Claim | None:
        """Read an entry."""
        ref = (tenant, kind, value)
        found = None if fresh else self._found.get(ref)
        if found is not None:
            return found
        self._found.drop(ref)
        text = await self._read("GET", keys.lookup_key(tenant, kind, value), at=(tenant, value))
        if not text:
            return None
        claim = _read_claim(text)
        if claim.state == "confirmed":
            self._found.put(ref, claim)
        return claim

    async def owns(self, tenant: str, kind: str, value: str, owner: Owner) -> bool:
        """Ask the account: for a payment its own record of it, else the line's identities."""
        account_id, subject_id, request_id = owner
        at = (tenant, account_id)
        if kind == "payment":
            text = await self._read("GET", keys.payment_key(*at, value), at=at)
            return text.split(" ")[0] == request_id
        key = keys.subscriber_key(*at, subject_id)
        identities = await self._read("HGET", key, "identities", at=at)
        return f"{kind}={value}" in identities.split(",")

    async def _read(self, *command: str, at: tuple[str, str]) -> str:
        try:
            return text_of(await self._ledger.pipeline_of(*at).send(*command))
        except StoreLostError:
            raise StoreUnavailableError from None
        except ResponseError as error:
            raise StoreUnavailableError(reason_of(error)) from None

    async def _call(
        self, name: str, ref: tuple[str, str, str], argv: list[str], deadline_ms: int
    ) -> bytes:
        tenant, _, value = ref
        pipeline = self._ledger.pipeline_of(tenant, value)
        key = keys.lookup_key(*ref)
        reply = await self._ledger.call(pipeline, name, [key], argv, deadline_ms)
        if isinstance(reply, Reason):
            raise StoreUnavailableError(reply)
        return reply
