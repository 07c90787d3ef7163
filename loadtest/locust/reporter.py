"""Reports each call to locust: its name, latency and size, and whether the reply was right."""

import time
from collections.abc import Callable
from typing import Any, Final

import grpc
from locust.env import Environment

from loadtest.calls import named
from loadtest.traffic import WrongAnswerError

REQUEST_TYPE: Final = "grpc"

Judge = Callable[[Any], str]


class Reporter(grpc.UnaryUnaryClientInterceptor):
    """An interceptor of one user. judge: takes the reply of the call under way."""

    def __init__(self, environment: Environment, judge: Judge) -> None:
        self._environment = environment
        self._judge = judge

    def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Any], Any],
        client_call_details: grpc.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Make the call; a status and a wrong answer are failures, a refusal is an outcome."""
        method = client_call_details.method.rpartition("/")[2]
        began = time.perf_counter()
        call = continuation(client_call_details, request)
        try:
            # Here and not in the caller: the call is over once its result is there.
            reply = call.result()
        except grpc.RpcError as error:
            why = RpcFailedError(f"{error.code().name} {error.details()}")
            self._report(method, began, 0, why)
            raise
        seconds = time.perf_counter() - began
        size = reply.ByteSize()
        try:
            outcome = self._judge(reply)
        except WrongAnswerError as error:
            self._report(method, began, size, error, seconds)
            raise
        self._report(named(method, outcome), began, size, None, seconds)
        return call

    def _report(
        self,
        name: str,
        began: float,
        size: int,
        error: Exception | None,
        seconds: float | None = None,
    ) -> None:
        if seconds is None:
            seconds = time.perf_counter() - began
        self._environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=name,
            response_time=seconds * 1e3,
            response_length=size,
            exception=error,
            context={},
        )


class RpcFailedError(Exception):
    """A call that ended with a status; without the text that differs from call to call."""
