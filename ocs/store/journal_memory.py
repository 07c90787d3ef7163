"""How much of the store's memory the journal takes."""

import asyncio
from collections.abc import Iterator
from typing import Final

from redis.exceptions import ResponseError

from ocs.ports import StoreUnavailableError
from ocs.store import keys
from ocs.store.fitness import read_section
from ocs.store.pipeline import Pipeline, Reply, StoreLostError

# Of a stream's nodes, so that the cost does not depend on its length.
_SAMPLES: Final = 5


class ValkeyJournalMemory:
    """Asks the store. pipeline: none that charges wait for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def measure(self) -> tuple[int, int]:
        """Bytes of all partitions' streams, sampled, and the store's maxmemory; 0 for none.

        Raises StoreUnavailableError.
        """
        sent = [
            self._pipeline.send("MEMORY", "USAGE", keys.journal_key(number), "SAMPLES", _SAMPLES)
            for number in range(keys.PARTITION_COUNT)
        ]
        try:
            replies = await asyncio.shield(asyncio.gather(*sent))
            memory = await read_section(self._pipeline, "memory")
        except (StoreLostError, ResponseError):
            raise StoreUnavailableError from None
        return sum(_sizes(replies)), int(memory.get("maxmemory", "0"))


def _sizes(replies: list[Reply]) -> Iterator[int]:
    for reply in replies:
        if isinstance(reply, int):
            yield reply
        elif reply is not None:  # None: the partition has no journal yet
            raise StoreUnavailableError
