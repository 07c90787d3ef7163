"""The expire job's view of the store: deadlines and leases by partition."""

from secrets import token_hex
from typing import Final

from redis.exceptions import ResponseError

from ocs.ports import StoreUnavailableError
from ocs.store import keys
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Reply, StoreLostError
from ocs.store.replies import text_of, texts_of

LEASE_MS: Final = 5_000


class ValkeyDueIndex:
    """Which accounts have something due. One owner name per process."""

    partition_count = keys.PARTITION_COUNT

    def __init__(self, ledger: ValkeyLedger) -> None:
        self._ledger = ledger
        self._owner = token_hex(8)

    async def lease(self, partition: int) -> bool:
        """Take or renew the lease of a partition for 5 s."""
        key = keys.lease_key(partition)
        taken = await self._send(
            partition, "SET", key, self._owner, "NX", "PX", str(LEASE_MS), "GET"
        )
        if taken is None:
            return True
        if text_of(taken) != self._owner:
            return False
        await self._send(partition, "PEXPIRE", key, str(LEASE_MS))
        return True

    async def due(self, partition: int, now_ms: int, count: int) -> list[tuple[str, str]]:
        """Accounts with a deadline at or before now_ms, earliest first."""
        reply = await self._send(
            partition, "ZRANGE", keys.due_key(partition), "-inf", str(now_ms), "BYSCORE",
            "LIMIT", "0", str(count),
        )  # fmt: skip
        accounts = []
        for member in texts_of(reply):
            tenant, _, account_id = member.partition("/")
            accounts.append((tenant, account_id))
        return accounts

    async def _send(self, partition: int, *command: str) -> Reply:
        pipelines = self._ledger.pipelines
        try:
            reply = await pipelines[partition % len(pipelines)].send(*command)
        except StoreLostError:
            raise StoreUnavailableError from None
        if isinstance(reply, ResponseError):
            raise StoreUnavailableError
        return reply
