"""How far a store's journal is archived and trimmed, as whoever breaks things has to know."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import redis

from ocs.domain.position import Position, parse_position
from ocs.store import keys
from tests.campaigns.support.service import CampaignError

PATIENCE_S: Final = 120.0
POLL_S: Final = 0.02
Positions = dict[int, Position]


class Trimming:
    """Watches the marks of all partitions. client: a connection to the store, with text answers."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def archived(self) -> Positions:
        """Up to where each partition is archived."""
        return self._marks("position")

    def trimmed(self) -> Positions:
        """Up to where each partition's entries may be gone from the store."""
        return self._marks("trimmed")

    def _marks(self, field: str) -> Positions:
        pipe = self._client.pipeline(transaction=False)
        for number in range(keys.PARTITION_COUNT):
            pipe.hget(keys.archive_key(number), field)
        return {number: parse_position(text or "") for number, text in enumerate(pipe.execute())}

    def kept(self) -> int:
        """How many entries the store still has."""
        pipe = self._client.pipeline(transaction=False)
        for number in range(keys.PARTITION_COUNT):
            pipe.xlen(keys.journal_key(number))
        return sum(pipe.execute())

    async def wait_archived(self) -> None:
        """Wait until more is archived than is now."""
        before = self.archived()
        await self._wait(lambda: self.archived() != before, "nothing is archived any more")

    async def wait_trimmed(self, store_ms: int) -> None:
        """Wait until some partition is trimmed beyond a time."""
        await self._wait(
            lambda: max(self.trimmed().values()) > (store_ms, 0), "nothing is trimmed any more"
        )

    @staticmethod
    async def _wait(holds: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline:
                raise CampaignError(otherwise)
            await asyncio.sleep(POLL_S)
