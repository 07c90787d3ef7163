"""A batch of operations on a stream: what is still to be sent of it, and what its items led to.

Pure: neither sends nor waits. Each item has attempts of its own; what fails together costs the
client's throttle one retry.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from ocs.client.attempts import ATTEMPT_FLOOR_S, Attempts, OncePerRound, RetryPolicy, Throttle
from ocs.client.errors import Failure, UsageError
from ocs.client.operation import Operation
from ocs.client.status import failure_of_status
from ocs.v1 import charging_service_pb2 as charging

ITEMS_MAX: Final = 100
_CHOICES: Final = {"Reserve": "reserve", "Commit": "commit", "Release": "release", "Debit": "debit"}
_TIMEOUT_MAX_MS: Final = 60_000

BatchResult = list[Any]

TOO_LATE: Final = Failure("DEADLINE_EXCEEDED", "the batch was not answered in time")


class Batch:
    """Operations that travel together. results: an answer or an OcsError for each, in order."""

    def __init__(
        self,
        operations: Sequence[Operation[Any]],
        timeout_s: float,
        policy: RetryPolicy,
        throttle: Throttle,
        *,
        sent_before: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check(operations)
        self.batch_id = uuid.uuid4().hex
        self.results: BatchResult = [None] * len(operations)
        self._operations = operations
        self._clock = clock
        self._deadline = clock() + timeout_s
        self._round = OncePerRound(throttle)
        self._attempts = [
            Attempts(each, timeout_s, policy, self._round, sent_before=sent_before, clock=clock)
            for each in operations
        ]
        self._open = list(range(len(operations)))

    def remaining_s(self) -> float:
        """How long to wait for the answer."""
        return max(self._deadline - self._clock(), ATTEMPT_FLOOR_S)

    def request(self) -> charging.ChargeStreamRequest:
        """What is still to be sent, unchanged in each item."""
        timeout_ms = min(max(int(self.remaining_s() * 1000), 1), _TIMEOUT_MAX_MS)
        batch = charging.ChargeStreamRequest(batch_id=self.batch_id, timeout_ms=timeout_ms)
        for place in self._open:
            operation = self._operations[place]
            choice = _CHOICES[operation.method]
            getattr(batch.items.add(), choice).CopyFrom(operation.request)
        return batch

    def take(self, response: charging.ChargeStreamResponse) -> float | None:
        """Take over the answers; how long to wait before what is left is sent again, None = done.

        If the batch as such was refused, so was each item.
        """
        if response.HasField("status"):
            return self.fail(failure_of_status(response.status))
        failures = {}
        for place, answer in zip(self._open, response.answers, strict=True):
            if answer.HasField("error"):
                failures[place] = failure_of_status(answer.error)
            else:
                operation = self._operations[place]
                self.results[place] = operation.decode(getattr(answer, _CHOICES[operation.method]))
                self._attempts[place].answered()
        return self._go_on(failures)

    def fail(self, failure: Failure) -> float | None:
        """Take over that none was answered; as take."""
        # What says no reason is the transport's, and says nothing of what was under way.
        silent = not failure.reason and failure.code != "UNAVAILABLE"
        return self._go_on(dict.fromkeys(self._open, failure), left_open=silent)

    def _go_on(self, failures: dict[int, Failure], *, left_open: bool = False) -> float | None:
        self._round.begin()
        pauses = {}
        for place, failure in failures.items():
            attempts = self._attempts[place]
            pause_s = attempts.next_pause_s(failure, left_open=left_open)
            if pause_s is None:
                self.results[place] = attempts.final(failure)
            else:
                pauses[place] = pause_s
        self._open = list(pauses)
        return max(pauses.values(), default=None)


def _check(operations: Sequence[Operation[Any]]) -> None:
    if not 1 <= len(operations) <= ITEMS_MAX:
        raise UsageError(f"a batch has 1 to {ITEMS_MAX} operations")
    for each in operations:
        if each.method not in _CHOICES:
            raise UsageError(f"{each.method} does not travel in a batch")
    if len({each.request_id for each in operations}) < len(operations):
        raise UsageError("a request_id stands in one operation of a batch only")
