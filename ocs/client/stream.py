"""The charge stream of the synchronous client."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import TracebackType
from typing import Any, Self

import grpc

from ocs.client.attempts import RetryPolicy, Throttle
from ocs.client.batch import TOO_LATE, Batch, BatchResult
from ocs.client.operation import Operation
from ocs.client.status import failure_of
from ocs.v1 import charging_service_pb2 as charging

_Requests = Iterator[charging.ChargeStreamRequest]
Open = Callable[[_Requests], Any]


class _Line:
    """One call, with a thread that hands out its answers. It ends with the first fault."""

    def __init__(self, open_call: Open) -> None:
        self._requests: queue.SimpleQueue[charging.ChargeStreamRequest | None] = queue.SimpleQueue()
        self._waiting: dict[str, Future[charging.ChargeStreamResponse]] = {}
        self._lock = threading.Lock()
        self._fault: grpc.RpcError | None = None
        self.ended = False
        self._call = open_call(iter(self._requests.get, None))
        self._thread = threading.Thread(target=self._read, name="ocs-charge-stream", daemon=True)
        self._thread.start()

    def exchange(
        self, request: charging.ChargeStreamRequest
    ) -> "Future[charging.ChargeStreamResponse]":
        """Send a batch; the future gets its answer, or the RpcError that ended the call."""
        answer: Future[charging.ChargeStreamResponse] = Future()
        with self._lock:
            if self.ended:
                answer.set_exception(self._fault or _Closed())
            else:
                self._waiting[request.batch_id] = answer
                self._requests.put(request)
        return answer

    def forget(self, batch_id: str) -> None:
        """Nobody waits for a batch any more."""
        with self._lock:
            self._waiting.pop(batch_id, None)

    def close(self) -> None:
        """End the call; batches under way stay unanswered."""
        self._requests.put(None)
        self._call.cancel()
        self._thread.join()

    def _read(self) -> None:
        try:
            for response in self._call:
                with self._lock:
                    answer = self._waiting.pop(response.batch_id, None)
                if answer is not None:
                    answer.set_result(response)
        except grpc.RpcError as error:
            self._fault = error
        with self._lock:
            self.ended = True
            waiting, self._waiting = self._waiting, {}
        self._requests.put(None)
        for answer in waiting.values():
            answer.set_exception(self._fault or _Closed())


class _Closed(grpc.RpcError):
    """The service ended the call in good order, with batches unanswered."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the stream was closed"

    def trailing_metadata(self) -> tuple[()]:
        return ()


class ChargeStream:
    """Batches of operations over one long call, for any number of threads.

    Opened when it is first used and again after a fault; what was not answered is sent again then,
    unchanged, inside its deadline.
    """

    def __init__(
        self, open_call: Open, timeout_s: float, policy: RetryPolicy, throttle: Throttle
    ) -> None:
        self._open_call = open_call
        self._timeout_s = timeout_s
        self._policy = policy
        self._throttle = throttle
        self._line: _Line | None = None
        self._lock = threading.Lock()

    def send(
        self,
        operations: Sequence[Operation[Any]],
        *,
        timeout_s: float | None = None,
        sent_before: bool = False,
    ) -> BatchResult:
        """Send 1 to 100 operations of `ocs.client.operations.charging`, and wait for all.

        Returns for each, in order, what the method of its name returns (a GrantResult for a
        reserve), or the OcsError that it would raise. Operations of one account are applied in
        order, save those that had to be sent again. sent_before: they are being resent, after an
        UnknownOutcomeError, say.
        """
        deadline_s = self._timeout_s if timeout_s is None else timeout_s
        batch = Batch(operations, deadline_s, self._policy, self._throttle, sent_before=sent_before)
        while True:
            pause_s = self._attempt(batch)
            if pause_s is None:
                return batch.results
            time.sleep(pause_s)

    def _attempt(self, batch: Batch) -> float | None:
        line = self._ready()
        answer = line.exchange(batch.request())
        try:
            response = answer.result(batch.remaining_s())
        except FutureTimeoutError:
            line.forget(batch.batch_id)
            return batch.fail(TOO_LATE)
        except grpc.RpcError as error:
            return batch.fail(failure_of(error))
        return batch.take(response)

    def _ready(self) -> _Line:
        with self._lock:
            if self._line is None or self._line.ended:
                self._line = _Line(self._open_call)
            return self._line

    def close(self) -> None:
        """End the call; batches under way get an UnavailableError or an unknown outcome."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
