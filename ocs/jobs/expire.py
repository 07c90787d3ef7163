"""The sweeper: expires holds and buckets of accounts that nobody calls, and renews bundles.

Charging never waits for it (P7): a call expires what is due on its own account. Here the
partitions' deadlines are looked through once a second; a partition is swept by one process at a
time, under a lease of a few seconds that dies with it. Expiring an account tells which of its
bundles are to be renewed; one that cannot be renewed now for a fault is tried at the next sweep.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import Expire
from ocs.ports import Ledger, StoreUnavailableError
from ocs.service.errors import ServiceError

SWEEP_PAUSE_S: Final = 1.0
ACCOUNTS_PER_SWEEP_MAX: Final = 256


class DueIndex(Protocol):
    """Which accounts have something due, by partition."""

    partition_count: int

    async def lease(self, partition: int) -> bool:
        """Take or renew the lease of a partition; False if another process has it."""

    async def due(self, partition: int, now_ms: int, count: int) -> list[tuple[str, str]]:
        """Accounts, (tenant, account_id), with a deadline at or before now_ms, earliest first."""


class Renewals(Protocol):
    """Buys bundles again."""

    async def renew(
        self, tenant: str, account_id: str, bundle_id: str, due_ms: int, seq: int
    ) -> Answer:
        """Renew a bundle that was found due at an event number. Raises ServiceError."""


class ExpireJob:
    """Sweeps all partitions, again and again, until cancelled."""

    def __init__(
        self, ledger: Ledger, index: DueIndex, renewals: Renewals, now_ms: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._renewals = renewals
        self._now_ms = now_ms
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Sweep until cancelled. A store in doubt is tried again at the next sweep."""
        while True:
            try:
                await self.sweep()
            except StoreUnavailableError:
                self._log.warning("expire sweep interrupted", reason="STORE_UNAVAILABLE")
            await asyncio.sleep(SWEEP_PAUSE_S)

    async def sweep(self) -> int:
        """Look through every partition once; return how many holds and buckets were ended."""
        ended = 0
        for partition in range(self._index.partition_count):
            ended += await self._sweep_partition(partition)
        return ended

    async def _sweep_partition(self, partition: int) -> int:
        accounts = await self._index.due(partition, self._now_ms(), ACCOUNTS_PER_SWEEP_MAX)
        if not accounts or not await self._index.lease(partition):
            return 0
        # Together: the store takes them in batches, and a month ends for many at once.
        ended = await asyncio.gather(*(self._settle(*account) for account in accounts))
        return sum(ended)

    async def _settle(self, tenant: str, account_id: str) -> int:
        """Expire what is due on an account, and renew its bundles."""
        answer = await self._ledger.expire(Expire(tenant=tenant, account_id=account_id))
        for bundle_id, due_ms in answer.renewals_due:
            await self._renew(tenant, account_id, bundle_id, due_ms, answer.seq)
        return answer.expired_count

    async def _renew(
        self, tenant: str, account_id: str, bundle_id: str, due_ms: int, seq: int
    ) -> None:
        try:
            answer = await self._renewals.renew(tenant, account_id, bundle_id, due_ms, seq)
        except ServiceError as error:
            # Another process was faster, or the store is in doubt: the next sweep asks again.
            if error.reason is not Reason.RENEWAL_NOT_DUE:
                self._log.warning("bundle not renewed", reason=error.reason.value)
        else:
            self._log.info("bundle renewed", outcome=answer.outcome, bundle_id=bundle_id)
