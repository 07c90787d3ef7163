"""When another attempt follows, by a clock that the test moves."""

from typing import Any

import grpc
import pytest

from ocs.client import RetryPolicy, UnavailableError, UnknownOutcomeError, UsageError
from ocs.client.attempts import ATTEMPT_FLOOR_S, Attempts, Throttle
from ocs.client.operations import account, charging


class Down(grpc.RpcError):
    """UNAVAILABLE without details, as a broken connection gives it."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "Socket closed"

    def trailing_metadata(self) -> tuple[()]:
        return ()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def attempts_of(
    clock: Clock, policy: RetryPolicy, *, timeout_s: float = 2.0, mutates: bool = True
) -> Attempts:
    operation: Any = charging.release("r") if mutates else account.get_account("a")
    return Attempts(operation, timeout_s, policy, Throttle(policy.throttle_tokens), clock=clock)


def test_pauses_double_up_to_their_bound_and_are_never_below_half() -> None:
    clock = Clock()
    attempts = attempts_of(clock, RetryPolicy(attempts_max=8), timeout_s=60.0)

    pauses = [attempts.pause_s_after(Down()) for _ in range(7)]

    nominal = [0.025, 0.05, 0.1, 0.2, 0.4, 0.4, 0.4]
    assert all(want / 2 <= pause <= want for pause, want in zip(pauses, nominal, strict=True))
    with pytest.raises(UnknownOutcomeError):
        attempts.pause_s_after(Down())


def test_no_pause_outlasts_the_deadline() -> None:
    clock = Clock()
    attempts = attempts_of(clock, RetryPolicy(attempts_max=1000, throttle_tokens=5000))
    end_s = clock.now_s + 2.0

    with pytest.raises(UnavailableError):  # noqa: PT012  # the loop is the attempts
        while True:
            pause_s = attempts.pause_s_after(Down())
            clock.now_s += pause_s
            assert clock.now_s + ATTEMPT_FLOOR_S <= end_s
            assert attempts.remaining_s() == pytest.approx(end_s - clock.now_s)

    assert clock.now_s <= end_s


def test_a_read_that_fails_is_no_unknown_outcome() -> None:
    attempts = attempts_of(Clock(), RetryPolicy(attempts_max=1), mutates=False)

    with pytest.raises(UnavailableError) as caught:
        attempts.pause_s_after(Down())

    assert not isinstance(caught.value, UnknownOutcomeError)


def test_an_outage_stops_the_retries_of_all_calls_and_answers_bring_them_back() -> None:
    throttle = Throttle(10)

    affordable = [throttle.failed() for _ in range(6)]
    assert affordable == [True, True, True, True, False, False]
    for _ in range(25):
        throttle.answered()

    assert throttle.failed()


def test_a_call_is_tried_again_once_even_when_all_retries_are_spent() -> None:
    throttle = Throttle(1)
    operation: Any = charging.release("r")
    attempts = Attempts(operation, 2.0, RetryPolicy(), throttle)

    assert attempts.pause_s_after(Down()) > 0
    with pytest.raises(UnknownOutcomeError):
        attempts.pause_s_after(Down())
    assert throttle.failed_count == 2


class Cancelled(Down):
    """What a server that stops answers to a call that it had not taken up, or other words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED

    def details(self) -> str:
        return self._words


def test_a_call_that_a_stop_cut_off_is_tried_again_and_stays_open() -> None:
    attempts = attempts_of(Clock(), RetryPolicy(attempts_max=2))

    assert attempts.pause_s_after(Cancelled("CANCELLED")) > 0
    with pytest.raises(UnknownOutcomeError):
        attempts.pause_s_after(Cancelled("CANCELLED"))


class Broken(Cancelled):
    """What gRPC's client says of a stream that broke while it was written to, or other words."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.INTERNAL


def test_a_stream_that_broke_is_tried_again_and_what_it_carried_stays_open() -> None:
    attempts = attempts_of(Clock(), RetryPolicy(attempts_max=2))

    assert attempts.pause_s_after(Broken("Internal error from Core")) > 0
    with pytest.raises(UnknownOutcomeError):
        attempts.pause_s_after(Broken("Internal error from Core"))


def test_an_internal_error_of_the_service_is_not_tried_again() -> None:
    attempts = attempts_of(Clock(), RetryPolicy())

    with pytest.raises(UnknownOutcomeError):
        attempts.pause_s_after(Broken("internal error"))


@pytest.mark.parametrize("words", ["Channel closed!", "Locally cancelled by application!", ""])
def test_what_this_process_cancelled_is_not_tried_again(words: str) -> None:
    attempts = attempts_of(Clock(), RetryPolicy())

    with pytest.raises(UnknownOutcomeError):
        attempts.pause_s_after(Cancelled(words))


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts_max": 0},
        {"backoff_s": 0},
        {"backoff_s": 1.0, "backoff_max_s": 0.5},
        {"throttle_tokens": 0},
    ],
)
def test_a_policy_has_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        RetryPolicy(**wrong)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
def test_a_deadline_is_in_the_future(timeout_s: float) -> None:
    with pytest.raises(UsageError):
        attempts_of(Clock(), RetryPolicy(), timeout_s=timeout_s)
