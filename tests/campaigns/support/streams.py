"""Batches of calls on a ChargeStream, resent until each is answered."""

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from ocs.client.operation import Operation
from tests.campaigns.support.calls import (
    PATIENCE_S,
    PAUSE_MAX_S,
    PAUSE_S,
    Call,
    Caller,
    begun,
    plain,
    settled,
)
from tests.campaigns.support.traffic import Choice

STREAMED: Final = frozenset({"Reserve", "Commit", "Release", "Debit"})


class Streamer:
    """One caller's stream. What does not travel in batches is sent beside it, call by call.

    kept: takes the calls of the stream; None: they are not kept.
    """

    def __init__(self, caller: Caller, kept: list[Call] | None) -> None:
        self._caller = caller
        self._kept = kept
        self._stream = caller.client.charge_stream()

    async def send(self, choices: Sequence[Choice]) -> list[Call]:
        """Send operations all at once; return what became of each, in their order."""
        batch = [choice for choice in choices if choice[1].method in STREAMED]
        others = [choice for choice in choices if choice[1].method not in STREAMED]
        streamed, called = await asyncio.gather(
            self._send(batch), asyncio.gather(*(self._caller.call(*choice) for choice in others))
        )
        done = {call.request_id: call for call in streamed}
        rest = iter(called)
        return [done.get(choice[1].request_id) or next(rest) for choice in choices]

    async def _send(self, choices: Sequence[Choice]) -> list[Call]:
        calls = [begun(*choice) for choice in choices]
        if self._kept is not None:
            self._kept += calls
        left: list[tuple[Call, Operation[Any]]]
        left = [(call, plain(choice[1])) for call, choice in zip(calls, choices, strict=True)]
        deadline, pause_s, again = time.monotonic() + PATIENCE_S, PAUSE_S, False
        while left and time.monotonic() < deadline:
            sent = [operation for _, operation in left]
            outcomes = await self._stream.send(sent, sent_before=again)
            left = [
                pair
                for pair, outcome in zip(left, outcomes, strict=True)
                if not settled(pair[0], outcome)
            ]
            if left:
                again = True
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
        return calls

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream."""
        await self._stream.close()
