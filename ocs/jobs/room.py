"""Measures how much of the store's memory the journal takes, so that grants stop in time."""

import asyncio
from typing import Final, Protocol

import structlog

from ocs.ports import StoreUnavailableError
from ocs.service.journal_room import JournalRoom

MEASURE_PAUSE_S: Final = 5.0
# Of the store's maxmemory, unless the operator says how much.
SHARE: Final = 4


class JournalMemory(Protocol):
    """Who knows the sizes."""

    async def measure(self) -> tuple[int, int]:
        """Bytes of the journal, and of the store's maxmemory (0 for none)."""


async def keep_measured(memory: JournalMemory, room: JournalRoom, max_bytes: int | None) -> None:
    """Measure every few seconds until cancelled. A store that does not answer changes nothing."""
    log = structlog.get_logger()
    while True:
        try:
            await measure(memory, room, max_bytes)
        except StoreUnavailableError as error:
            log.warning("journal not measured", reason=error.reason.value)
        await asyncio.sleep(MEASURE_PAUSE_S)


async def measure(memory: JournalMemory, room: JournalRoom, max_bytes: int | None) -> None:
    """Measure once. max_bytes: None for a quarter of the store's maxmemory."""
    used_bytes, store_bytes = await memory.measure()
    room.note(used_bytes, store_bytes // SHARE if max_bytes is None else max_bytes)
