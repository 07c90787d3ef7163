"""The charge stream of the asyncio client."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import grpc

from ocs.client.attempts import RetryPolicy, Throttle
from ocs.client.batch import TOO_LATE, Batch, BatchResult
from ocs.client.errors import Failure
from ocs.client.operation import Operation
from ocs.client.status import failure_of
from ocs.v1 import charging_service_pb2 as charging

Open = Callable[[], Any]

_ENDED = Failure("UNAVAILABLE", "the stream was closed")


class _Line:
    """One call, with a task that hands out its answers. It ends with the first fault."""

    def __init__(self, open_call: Open) -> None:
        self._call = open_call()
        self._waiting: dict[str, asyncio.Future[charging.ChargeStreamResponse | Failure]] = {}
        self._fault = _ENDED
        self._writing = asyncio.Lock()
        self.ended = False
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def exchange(
        self, request: charging.ChargeStreamRequest
    ) -> charging.ChargeStreamResponse | Failure:
        """Send a batch; return its answer, or what ended the call."""
        if self.ended:
            return self._fault
        answer: asyncio.Future[charging.ChargeStreamResponse | Failure]
        answer = asyncio.get_running_loop().create_future()
        self._waiting[request.batch_id] = answer
        try:
            async with self._writing:
                # One that has ended meanwhile has given its fault to the future.
                if not self.ended:
                    await self._write(request)
            return await answer
        finally:
            self._waiting.pop(request.batch_id, None)

    async def _write(self, request: charging.ChargeStreamRequest) -> None:
        try:
            await self._call.write(request)
        except (asyncio.InvalidStateError, grpc.RpcError):
            await self._reader  # it has seen the end too, and knows why

    async def close(self) -> None:
        """End the call; batches under way stay unanswered."""
        self._call.cancel()
        await self._reader

    async def _read(self) -> None:
        try:
            while (response := await self._call.read()) is not grpc.aio.EOF:
                answer = self._waiting.get(response.batch_id)
                if answer is not None and not answer.done():
                    answer.set_result(response)
        except grpc.RpcError as error:
            self._fault = failure_of(error)
        except asyncio.CancelledError:
            if self._call.cancelled():  # closed; else the loop is being left
                self._fault = _ENDED
            else:
                raise
        finally:
            self.ended = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(self._fault)


class AsyncChargeStream:
    """As ChargeStream, for asyncio; any number of tasks may send at once."""

    def __init__(
        self, open_call: Open, timeout_s: float, policy: RetryPolicy, throttle: Throttle
    ) -> None:
        self._open_call = open_call
        self._timeout_s = timeout_s
        self._policy = policy
        self._throttle = throttle
        self._line: _Line | None = None

    async def send(
        self,
        operations: Sequence[Operation[Any]],
        *,
        timeout_s: float | None = None,
        sent_before: bool = False,
    ) -> BatchResult:
        """As ChargeStream.send."""
        deadline_s = self._timeout_s if timeout_s is None else timeout_s
        batch = Batch(operations, deadline_s, self._policy, self._throttle, sent_before=sent_before)
        while True:
            pause_s = await self._attempt(batch)
            if pause_s is None:
                return batch.results
            await asyncio.sleep(pause_s)

    async def _attempt(self, batch: Batch) -> float | None:
        if self._line is None or self._line.ended:
            self._line = _Line(self._open_call)
        try:
            async with asyncio.timeout(batch.remaining_s()):
                answer = await self._line.exchange(batch.request())
        except TimeoutError:
            return batch.fail(TOO_LATE)
        return batch.fail(answer) if isinstance(answer, Failure) else batch.take(answer)

    async def close(self) -> None:
        """End the call; batches under way get an UnavailableError or an unknown outcome."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
