"""How a gateway calls: at a steady pace, each answer counted, a lost reply sent for again."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

from ocs.client import AsyncClient, CommitResult, Operation, UnknownOutcomeError
from ocs.demo import figures
from ocs.demo.operators import Operator
from ocs.demo.tally import Tally

ResultT = TypeVar("ResultT")

# One reply in so many is thrown away, as a network would, and sent for again.
_LOST_REPLY_EVERY: Final = 150
_RESENDS_MAX: Final = 5
_NOTES_MAX: Final = 8


class Caller:
    """One gateway's way to the service.

    `stopping` ends the pauses and the pace, so that sessions under way are closed at once.
    """

    def __init__(
        self, client: AsyncClient, operator: Operator, rate_per_s: float, rng: random.Random
    ) -> None:
        self.client = client
        self.operator = operator
        self.rng = rng
        self.tally = Tally(operator.currency)
        self.stopping = asyncio.Event()
        self.latencies_us: list[int] = []
        self.notes: deque[str] = deque(maxlen=_NOTES_MAX)
        self._gap_s = 1.0 / rate_per_s
        self._next_turn = 0.0

    async def charge(
        self, service_id: str, operation: Operation[ResultT], *, paced: bool = True
    ) -> ResultT:
        """Send a charging call, at the next turn, and count its answer. Raises OcsError."""
        if paced:
            await self._turn()
        result = await self._send(operation)
        self.tally.answered(service_id, result)
        if self.rng.random() * _LOST_REPLY_EVERY < 1:
            await self._send_again(operation, result)
        return result

    async def keep(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of account keeping at once and count it. Raises OcsError."""
        result = await self._send(operation)
        self.tally.kept()
        return result

    async def pause(self, mean_s: float) -> None:
        """Wait as long as people do, at random; not while stopping."""
        await self.wait(self.rng.expovariate(1 / mean_s))

    async def wait(self, seconds: float) -> None:
        """Wait, but not while stopping."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), max(0.0, seconds))

    def note(self, text: str) -> None:
        """Tell the screen what happened."""
        self.notes.append(text)

    def money(self, micros: int) -> str:
        """Money as the operator's people read it."""
        return figures.money(micros, self.operator.currency)

    async def _turn(self) -> None:
        # Every call takes the next place in an even sequence: the rate is an upper bound however
        # many lines there are, and time lost to a slow answer is not made up in a burst.
        now = time.monotonic()
        self._next_turn = max(now, self._next_turn + self._gap_s)
        if self._next_turn > now:
            await self.wait(self._next_turn - now)

    async def _send(self, operation: Operation[ResultT]) -> ResultT:
        began_ns = time.perf_counter_ns()
        result = await self._resolve(self.client.send(operation), operation)
        self.latencies_us.append((time.perf_counter_ns() - began_ns) // 1000)
        return result

    async def _resolve(
        self, first: Coroutine[Any, Any, ResultT], operation: Operation[ResultT]
    ) -> ResultT:
        """Resend, unchanged, as long as the outcome is unknown: it is applied once at most."""
        attempt = first
        for _ in range(_RESENDS_MAX):
            try:
                return await attempt
            except UnknownOutcomeError:
                self.tally.counts["unknown_outcomes"] += 1
                attempt = self.client.resend(operation)
        return await attempt

    async def _send_again(self, operation: Operation[Any], result: Any) -> None:
        again = await self._resolve(self.client.resend(operation), operation)
        same = again.receipt.replayed and _as_first_sent(again) == _as_first_sent(result)
        self.tally.resent(same=same)


def _as_first_sent(result: Any) -> Any:
    """A result without the one thing in which a replay differs."""
    receipt = replace(result.receipt, replayed=False)
    if isinstance(result, CommitResult) and result.grant is not None:
        return replace(result, receipt=receipt, grant=replace(result.grant, receipt=receipt))
    return replace(result, receipt=receipt)
