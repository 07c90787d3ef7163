"""The VitalsBoard port: a hash in which each process of the service has a field.

<process> -> published_ms calls_per_s_e3 shed_per_s_e3 p50_us p99_us
"""

from typing import Final

from redis.exceptions import ResponseError

from ocs.ports import StoreUnavailableError, Vitals
from ocs.store import keys
from ocs.store.pipeline import Argument, Pipeline, Reply, StoreLostError
from ocs.store.replies import fields_of

CURRENT_MS: Final = 5_000
# Longer than CURRENT_MS by more than two clocks may differ.
_FORGOTTEN_MS: Final = 60_000
_FIGURES: Final = 5


class ValkeyVitals:
    """Tells and reads how processes are. Raises StoreUnavailableError."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def publish(self, process_id: str, vitals: Vitals, now_ms: int) -> None:
        """Tell it of one process; drop those that ended long ago."""
        key = keys.vitals_key()
        stale = [
            name
            for name, text in fields_of(await self._send("HGETALL", key)).items()
            if (_published_ms(text) or 0) < now_ms - _FORGOTTEN_MS
        ]
        if stale:
            await self._send("HDEL", key, *stale)
        figures = " ".join(map(str, (now_ms, *vitals)))
        await self._send("HSET", key, process_id, figures)
        await self._send("PEXPIRE", key, _FORGOTTEN_MS)

    async def read(self, now_ms: int) -> list[Vitals]:
        """Read what was published within CURRENT_MS."""
        fields = fields_of(await self._send("HGETALL", keys.vitals_key()))
        return [
            Vitals(*map(int, text.split(" ")[1:]))
            for text in fields.values()
            if (_published_ms(text) or 0) >= now_ms - CURRENT_MS
        ]

    async def _send(self, *command: Argument) -> Reply:
        try:
            reply = await self._pipeline.send(*command)
        except StoreLostError:
            raise StoreUnavailableError from None
        if isinstance(reply, ResponseError):
            raise StoreUnavailableError
        return reply


def _published_ms(text: str) -> int | None:
    """Return when it was published; None if it is not of this form: a newer server's, or damage."""
    figures = text.split(" ")
    right = len(figures) == _FIGURES and all(each.isdecimal() for each in figures)
    return int(figures[0]) if right else None
