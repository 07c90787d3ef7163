"""Unary methods as JSON, for pages: the same messages, rules, handlers and errors as over gRPC.

Fields are spelled as in the .proto files, int64 as text, times as RFC 3339.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
import structlog
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from ocs import limits
from ocs.domain.answer import Reason
from ocs.rpc import errors
from ocs.rpc.call import CallInfo
from ocs.rpc.errors import RefusedError
from ocs.rpc.failure import told
from ocs.rpc.method import Handler, RpcService
from ocs.rpc.roles import Role, roles_for
from ocs.rpc.validate import compile_rules, violations
from ocs.service.errors import ServiceError
from ocs.telemetry.metrics import Metrics

# As HTTP says what gRPC does; google.rpc.Code's own table.
HTTP_STATUS: Final[Mapping[StatusCode, int]] = MappingProxyType(
    {
        StatusCode.INVALID_ARGUMENT: 400,
        StatusCode.FAILED_PRECONDITION: 400,
        StatusCode.UNAUTHENTICATED: 401,
        StatusCode.PERMISSION_DENIED: 403,
        StatusCode.NOT_FOUND: 404,
        StatusCode.ALREADY_EXISTS: 409,
        StatusCode.ABORTED: 409,
        StatusCode.RESOURCE_EXHAUSTED: 429,
        StatusCode.UNAVAILABLE: 503,
        StatusCode.DEADLINE_EXCEEDED: 504,
    }
)
_INTERNAL: Final = 500
_NO_METHOD: Final = (404, b'{"message":"no such method"}')


class _Method(NamedTuple):
    """What serves a method. request_class: of its message."""

    name: str
    request_class: type[Message]
    handler: Handler


class JsonApi:
    """Some unary methods of some services. names: which, without their services' names."""

    def __init__(
        self, services: Iterable[RpcService], names: Collection[str], metrics: Metrics
    ) -> None:
        self._metrics = metrics
        self._methods: dict[str, _Method] = {}
        for service in services:
            for method in service.descriptor.methods:
                if method.name in names and method.name in service.handlers:
                    request_class = message_factory.GetMessageClass(method.input_type)
                    compile_rules(request_class())
                    self._methods[method.name] = _Method(
                        f"{service.descriptor.full_name}/{method.name}",
                        request_class,
                        service.handlers[method.name],
                    )
        assert set(names) == set(self._methods), "a method that no service has"
        self._log = structlog.get_logger().bind()

    async def call(
        self, name: str, body: bytes, *, tenant: str, actor: str, roles: Collection[Role]
    ) -> tuple[int, bytes]:
        """Answer a message: HTTP status and JSON. What is wrong with it is an answer, too."""
        method = self._methods.get(name)
        if method is None:
            return _NO_METHOD
        began_s, now_ms = time.perf_counter(), time.time_ns() // 1_000_000
        call = CallInfo(method.name, tenant, actor, now_ms, now_ms + limits.DEADLINE_DEFAULT_MS)
        try:
            if roles_for(method.name).isdisjoint(roles):
                raise RefusedError(errors.ROLE_MISSING)  # noqa: TRY301 - one way to answer
            reply = await method.handler(call, _request(method, body))
            answered = 200, json_of(reply).encode()
            reason = errors.OK
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            reason, status = told(error, method.name)
            answered = _failed(reason, status)
        seconds = time.perf_counter() - began_s
        code = errors.FAILURES[reason].code.name if reason else "OK"
        self._metrics.durations(method.name, code).record(seconds)
        self._log.info(
            "json",
            method=method.name,
            code=code,
            reason=reason,
            duration_ms=round(seconds * 1000, 3),
            tenant=tenant,
            actor=actor,
        )
        return answered


def json_of(message: Message) -> str:
    """Spell a message."""
    text: str = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
    return text


def _request(method: _Method, body: bytes) -> Any:
    """Parse and validate. Raises ServiceError."""
    request = method.request_class()
    try:
        json_format.Parse(body or b"{}", request)
    except (json_format.ParseError, UnicodeDecodeError):  # its text repeats what was sent
        rule = "must be a message of the method as JSON"
        raise ServiceError(Reason.INVALID_FIELD, violations=[("", rule)]) from None
    broken = violations(request)
    if broken:
        raise ServiceError(Reason.INVALID_FIELD, violations=broken)
    return request


def _failed(reason: str, status: status_pb2.Status) -> tuple[int, bytes]:
    broken = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Is(broken.DESCRIPTOR):
            detail.Unpack(broken)
    body = {
        "reason": reason,
        "message": status.message,
        "violations": [
            {"field": each.field, "rule": each.description} for each in broken.field_violations
        ],
    }
    code = errors.FAILURES[reason].code
    return HTTP_STATUS.get(code, _INTERNAL), orjson.dumps(body)
