"""A real gRPC server that answers as it is told: for what the client does with answers, or none.

It knows nothing of charging. What the service decides is tested on the service.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyDetail
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_status import rpc_status

from ocs.v1 import (
    account_service_pb2_grpc,
    bundle_service_pb2_grpc,
    charging_service_pb2,
    charging_service_pb2_grpc,
    insights_service_pb2_grpc,
    spending_cap_service_pb2_grpc,
    tariff_service_pb2_grpc,
    types_pb2,
)

HANG_MAX_S = 60.0  # a bound for a broken test, not a wait

Step = Callable[[Any, grpc.ServicerContext], Message]


def answer(message: Message) -> Step:
    """Answer with a message."""
    return lambda _request, _context: message


def fail(
    code: str,
    reason: str = "",
    message: str = "",
    *,
    metadata: dict[str, str] | None = None,
    violations: dict[str, str] | None = None,
    retry_delay_ms: int | None = None,
) -> Step:
    """Answer with a status and its details."""
    details: list[Message] = []
    if reason:
        details.append(
            error_details_pb2.ErrorInfo(reason=reason, domain="ocs.v1", metadata=metadata or {})
        )
    if violations:
        bad = error_details_pb2.BadRequest()
        for name, rule in violations.items():
            bad.field_violations.add(field=name, description=rule)
        details.append(bad)
    if retry_delay_ms is not None:
        delay = Duration(nanos=retry_delay_ms * 1_000_000)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(AnyDetail())
        packed[-1].Pack(detail)
    number = grpc.StatusCode[code].value[0]
    status = status_pb2.Status(code=number, message=message, details=packed)

    def step(_request: Message, context: grpc.ServicerContext) -> Message:
        context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError("abort_with_status returns never")

    return step


def hang(_request: Message, context: grpc.ServicerContext) -> Message:
    """Never answer: the caller sees what it sees when a reply is lost."""
    ended = threading.Event()
    if context.add_callback(ended.set):
        ended.wait(HANG_MAX_S)
    return charging_service_pb2.ReserveResponse()


@dataclass(frozen=True)
class Call:
    """A call as the server saw it."""

    method: str
    request: Any
    remaining_s: float


@dataclass
class Script:
    """What to answer, and what was asked."""

    steps: dict[str, deque[Step]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, method: str, *steps: Step) -> None:
        """Answer the next calls of a method; the last step answers all that follow."""
        self.steps[method] = deque(steps)

    def handle(self, method: str, request: Any, context: grpc.ServicerContext) -> Message:
        with self.lock:
            self.calls.append(Call(method, request, context.time_remaining()))
            steps = self.steps[method]
            step = steps.popleft() if len(steps) > 1 else steps[0]
        self.arrived.set()
        return step(request, context)

    def methods(self) -> list[str]:
        return [call.method for call in self.calls]

    def requests(self, method: str) -> list[Any]:
        return [call.request for call in self.calls if call.method == method]


UPLOADS = {"LoadTariff"}


def merged(pieces: Any) -> Any:
    """What a caller of an upload has sent: all its messages in one."""
    first, *others = pieces
    for other in others:
        first.MergeFrom(other)
    return first


class Servicer:
    """Every method of every service, by the script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def __getattr__(self, method: str) -> Step:
        if method in UPLOADS:
            return lambda pieces, context: self._script.handle(method, merged(pieces), context)
        return lambda request, context: self._script.handle(method, request, context)


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """A server on a free port; gives its target."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    servicer: Any = Servicer(script)
    charging_service_pb2_grpc.add_ChargingServiceServicer_to_server(servicer, server)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(servicer, server)
    bundle_service_pb2_grpc.add_BundleServiceServicer_to_server(servicer, server)
    spending_cap_service_pb2_grpc.add_SpendingCapServiceServicer_to_server(servicer, server)
    insights_service_pb2_grpc.add_InsightsServiceServicer_to_server(servicer, server)
    tariff_service_pb2_grpc.add_TariffServiceServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()


NAME = "tenants/main/accounts/alice/reservations/r1"


def granted(units: int = 100, name: str = NAME) -> charging_service_pb2.ReserveResponse:
    """A grant."""
    return charging_service_pb2.ReserveResponse(
        reservation=name,
        grant=types_pb2.Grant(
            outcome=types_pb2.OUTCOME_GRANTED,
            granted_units=units,
            unit=types_pb2.UNIT_TYPE_OCTETS,
            report_at_units=units * 4 // 5,
        ),
        receipt=types_pb2.Receipt(account_seq=7),
    )


def refused() -> charging_service_pb2.ReserveResponse:
    """A refusal."""
    return charging_service_pb2.ReserveResponse(
        grant=types_pb2.Grant(outcome=types_pb2.OUTCOME_CREDIT_LIMIT_REACHED),
        receipt=types_pb2.Receipt(account_seq=8),
    )


def committed(units: int = 60, *, replayed: bool = False) -> charging_service_pb2.CommitResponse:
    """A settled commit without a next grant."""
    return charging_service_pb2.CommitResponse(
        reservation=NAME,
        charge=types_pb2.Charge(charged_units=units, charged_micros=units * 10),
        receipt=types_pb2.Receipt(account_seq=9, replayed=replayed),
    )


def reported(
    units: int, outcome: str = "OUTCOME_GRANTED", name: str = NAME
) -> charging_service_pb2.CommitResponse:
    """A settled report with the decision on the next grant."""
    message = committed()
    message.reservation = name
    message.grant.outcome = types_pb2.Outcome.Value(outcome)
    message.grant.granted_units = units
    return message


def released() -> charging_service_pb2.ReleaseResponse:
    """A release."""
    return charging_service_pb2.ReleaseResponse(
        outcome=types_pb2.OUTCOME_RELEASED,
        released_micros=40,
        receipt=types_pb2.Receipt(account_seq=10),
    )
