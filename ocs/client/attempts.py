"""The attempts of one logical operation: how long each may take, and whether another follows.

Only UNAVAILABLE, and a call cut off by a stopping server, is tried again, with the same request,
inside the one deadline. Everything else goes to the caller: after DEADLINE_EXCEEDED there is no
time left, and other statuses either decide the matter or need a decision.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc

from ocs.client.errors import Failure, OcsError, UsageError, error_of, unknown_error_of
from ocs.client.operation import Operation
from ocs.client.status import failure_of, is_unavailable, leaves_open, settles

# An attempt with less time than this would only be refused by the service.
ATTEMPT_FLOOR_S: Final = 0.005
# A pause is at least this share of its nominal length; the rest is chance, so that callers who
# failed together do not come back together.
_JITTER_SHARE_MIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When UNAVAILABLE is tried again.

    Pauses double from backoff_s to backoff_max_s, each shortened by up to half at random, and are
    never shorter than what the service asks for. throttle_tokens bounds the retries of all calls
    of a client together: each failed attempt takes one, each answer returns a tenth, and with half
    of them gone a call is tried again once at most, so an outage is not answered with a storm, and
    a process that stops may cut off any number of calls at once.
    overload_too extends all this to RESOURCE_EXHAUSTED, if the service said when to come back.
    """

    attempts_max: int = 8
    backoff_s: float = 0.025
    backoff_max_s: float = 0.4
    throttle_tokens: int = 100
    overload_too: bool = False

    def __post_init__(self) -> None:
        if self.attempts_max < 1 or self.throttle_tokens < 1:
            raise UsageError("attempts_max and throttle_tokens must be at least 1")
        if not 0 < self.backoff_s <= self.backoff_max_s:
            raise UsageError("backoff_s must be above 0 and at most backoff_max_s")


NO_RETRY: Final = RetryPolicy(attempts_max=1)


class Throttle:
    """The retries that all calls of one client have left together.

    failed_count: attempts so far that came back UNAVAILABLE, or shed.
    """

    _GAIN: Final = 0.1

    def __init__(self, tokens_max: int) -> None:
        self._tokens_max = float(tokens_max)
        self._tokens = self._tokens_max
        self.failed_count = 0
        self._lock = threading.Lock()  # a sync client serves many threads

    def failed(self) -> bool:
        """Count a failed attempt; whether another one is affordable."""
        with self._lock:
            self.failed_count += 1
            self._tokens = max(0.0, self._tokens - 1)
            return self._tokens > self._tokens_max / 2

    def answered(self) -> None:
        """Count an answer."""
        with self._lock:
            self._tokens = min(self._tokens_max, self._tokens + self._GAIN)


class Tokens(Protocol):
    """Says whether another attempt is affordable."""

    def failed(self) -> bool:
        """Count a failed attempt; whether another one is affordable."""
        ...

    def answered(self) -> None:
        """Count an answer."""
        ...


class OncePerRound:
    """What fails together, the items of a batch, costs one token together."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._affordable: bool | None = None

    def begin(self) -> None:
        """Begin a round."""
        self._affordable = None

    def failed(self) -> bool:
        """Count the first failure of a round; whether another round is affordable."""
        if self._affordable is None:
            self._affordable = self._throttle.failed()
        return self._affordable

    def answered(self) -> None:
        """Count an answer."""
        self._throttle.answered()


class Attempts:
    """The attempts of one operation."""

    def __init__(
        self,
        operation: Operation[Any],
        timeout_s: float,
        policy: RetryPolicy,
        throttle: Tokens,
        *,
        sent_before: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        deadline_s = timeout_s if operation.timeout_s is None else operation.timeout_s
        if not deadline_s > 0:
            raise UsageError("timeout_s must be above 0")
        self._operation = operation
        self._policy = policy
        self._throttle = throttle
        self._clock = clock
        self._deadline = clock() + deadline_s
        self._failed_count = 0
        self._open = sent_before  # an attempt so far may have been applied

    def remaining_s(self) -> float:
        """What the next attempt may take."""
        return max(self._deadline - self._clock(), ATTEMPT_FLOOR_S)

    def answered(self) -> None:
        """Take note of an answer."""
        self._throttle.answered()

    def pause_s_after(self, error: grpc.RpcError) -> float:
        """How long to wait before the next attempt; raises the OcsError if there is none."""
        failure = failure_of(error)
        pause_s = self.next_pause_s(failure)
        if pause_s is None:
            raise self.final(failure) from error
        return pause_s

    def next_pause_s(self, failure: Failure, *, left_open: bool = False) -> float | None:
        """How long to wait before the next attempt; None if there is none.

        left_open: the attempt may have been applied, whatever the failure says of itself.
        """
        self._failed_count += 1
        self._open = self._open or left_open or leaves_open(failure)
        return self._pause_s(failure)

    def _pause_s(self, failure: Failure) -> float | None:
        overloaded = failure.code == "RESOURCE_EXHAUSTED" and failure.retry_delay_s is not None
        if not is_unavailable(failure) and not (overloaded and self._policy.overload_too):
            return None
        affordable = self._throttle.failed() or self._failed_count == 1
        if self._failed_count >= self._policy.attempts_max or not affordable:
            return None
        nominal_s = min(
            self._policy.backoff_s * 2 ** (self._failed_count - 1), self._policy.backoff_max_s
        )
        share = random.uniform(_JITTER_SHARE_MIN, 1.0)  # noqa: S311  # spreads load, is no secret
        pause_s = max(nominal_s * share, failure.retry_delay_s or 0.0)
        left_s = self._deadline - self._clock() - pause_s
        return pause_s if left_s >= ATTEMPT_FLOOR_S else None

    def final(self, failure: Failure) -> OcsError:
        """The error of an operation after whose failure there is no further attempt."""
        if self._operation.mutates and self._open and not settles(failure):
            return unknown_error_of(failure, self._operation)
        return error_of(failure)
