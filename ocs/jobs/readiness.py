"""Says whether the service is ready, twice a second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from ocs.domain.answer import Reason

READY_PAUSE_S: Final = 0.5


class Told(Protocol):
    """Who answers health checks."""

    def set_ready(self, *, ready: bool) -> None:
        """Say whether calls are welcome."""


async def watch_readiness(told: Told, doubt: Callable[[], Awaitable[Reason | None]]) -> None:
    """Ask for doubts until cancelled. doubt: why nothing should be granted for now, or None."""
    log = structlog.get_logger()
    was: Reason | None = Reason.STORE_UNAVAILABLE
    while True:
        found = await doubt()
        told.set_ready(ready=found is None)
        if found is not was:
            log.info("readiness", ready=found is None, reason=found.value if found else "")
            was = found
        await asyncio.sleep(READY_PAUSE_S)
