"""Sends the calls of actors over asyncio, and judges the replies."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc

from loadtest.access import Door
from loadtest.traffic import TIMEOUT_S, WrongAnswerError
from loadtest.workload.actor import Actor, Call
from ocs.v1 import account_service_pb2_grpc as accounts
from ocs.v1 import charging_service_pb2_grpc as charging


@dataclass(frozen=True, slots=True)
class Answered:
    """How a call ended. text: method and decision, or why it failed."""

    failed: bool
    text: str


def stub_call(channel: Any, method: str) -> Any:
    """The generated stub's callable of a method."""
    made: Any = accounts.AccountServiceStub if method == "TopUp" else charging.ChargingServiceStub
    return getattr(made(channel), method)


def named(method: str, outcome: str) -> str:
    """What a report calls an answer: a refusal is no failure, and counted by itself."""
    return f"{method} {outcome}".rstrip()


class Connections:
    """Some connections to a service, used in turns."""

    METHODS: Final = ("Reserve", "Commit", "Release", "Debit", "TopUp")

    def __init__(self, address: str, count: int) -> None:
        door = Door.of(address)
        self._metadata = door.metadata
        self._channels = [door.aio_channel() for _ in range(count)]
        self._calls = [
            {method: stub_call(channel, method) for method in self.METHODS}
            for channel in self._channels
        ]
        self._turn = 0

    async def send(self, actor: Actor, call: Call) -> Answered:
        """Send a call, and let its actor take the reply."""
        self._turn = (self._turn + 1) % len(self._calls)
        try:
            method = self._calls[self._turn][call.method]
            reply = await method(call.request, timeout=TIMEOUT_S, metadata=self._metadata)
            return Answered(failed=False, text=named(call.method, actor.take(reply)))
        except grpc.aio.AioRpcError as error:
            return Answered(
                failed=True, text=f"{call.method}: {error.code().name} {error.details()}"
            )
        except WrongAnswerError as error:
            return Answered(failed=True, text=f"{call.method}: {error}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for channel in self._channels:
            await channel.close()
