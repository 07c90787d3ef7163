"""One snapshot a second of what happens now, shared by all who watch it.

Nobody watches: nothing is asked. Whoever is slow gets the newest snapshot, not those between.
"""

import asyncio
from typing import Final

from ocs.domain.insights import Now
from ocs.ports import Insights, InsightsBusyError

PERIOD_S: Final = 1.0


class NowWatch:
    """Takes the snapshots, by tenant (empty: all of them). Use from one event loop only."""

    def __init__(self, insights: Insights) -> None:
        self._insights = insights
        self._snapshots: dict[str, tuple[int, Now]] = {}
        self._watchers: dict[str, int] = {}
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Take a snapshot each second, for whom somebody watches, until cancelled."""
        while True:
            for tenant in list(self._watchers):
                await self._take(tenant)
            await asyncio.sleep(PERIOD_S)

    async def next(self, tenant: str, after: int) -> tuple[int, Now]:
        """Wait for a snapshot later than the one of a number; return it with its number, from 1."""
        self._watchers[tenant] = self._watchers.get(tenant, 0) + 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self._number(tenant) > after)
            return self._snapshots[tenant]
        finally:
            self._watchers[tenant] -= 1
            if not self._watchers[tenant]:
                del self._watchers[tenant]

    def _number(self, tenant: str) -> int:
        return self._snapshots[tenant][0] if tenant in self._snapshots else 0

    async def _take(self, tenant: str) -> None:
        try:
            found = await self._insights.now(tenant)
        except InsightsBusyError:
            return  # the snapshot before stands, and says of when it is
        async with self._changed:
            self._snapshots[tenant] = (self._number(tenant) + 1, found)
            self._changed.notify_all()
