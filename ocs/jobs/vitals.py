"""Tells once a second how this process answers, for the pages that show it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Final

from ocs.ports import StoreUnavailableError, Vitals, VitalsBoard

PAUSE_S: Final = 1.0


class VitalsJob:
    """Publishes what `measure` returns under a name of this process."""

    def __init__(
        self, board: VitalsBoard, measure: Callable[[], Vitals], now_ms: Callable[[], int]
    ) -> None:
        self._board = board
        self._measure = measure
        self._now_ms = now_ms
        self._process_id = token_hex(8)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            # While the store is in doubt readiness says so; there is nobody to tell here.
            with suppress(StoreUnavailableError):
                await self._board.publish(self._process_id, self._measure(), self._now_ms())
            await asyncio.sleep(PAUSE_S)
