"""A failed gRPC call as a Failure, and what it says about the effect of the call. Pure."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyDetail
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ocs.client.errors import Failure, FieldViolation

DOMAIN = "ocs.v1"
_NANOS_PER_SECOND = 1_000_000_000
_CODES = {code.value[0]: code for code in grpc.StatusCode}

# Reasons that say: this attempt wrote nothing.
_NOTHING_WRITTEN = frozenset(
    {
        "ACCOUNT_BUSY",
        "CLOCK_SKEW",
        "DEADLINE_TOO_SHORT",
        "JOURNAL_FULL",
        "STATE_CORRUPT",
        "STORE_FULL",
        "TOO_MANY_REFUSALS",
    }
)
# Statuses of an attempt that was refused before it could write.
_REFUSED = frozenset(
    {
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "OUT_OF_RANGE",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "UNAUTHENTICATED",
        "UNIMPLEMENTED",
    }
)
# Statuses that only the ledger gives, after it looked for a record of the request_id and found
# none: no earlier attempt was applied either.
_DECIDED = frozenset({"ALREADY_EXISTS", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND"})
# The one decision for which the record itself may have been forgotten. All others come after it:
# a request that is not too old still has its record if it was ever applied, even when what it
# names (a reservation that it closed, say) is no longer remembered.
_RECORD_GONE = frozenset({"REQUEST_TOO_OLD"})
# gRPC's own words when no connection existed. Should they change, the outcome counts as unknown,
# which is the safe side.
_NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed")


def failure_of(error: grpc.RpcError) -> Failure:
    """What the service said: status, reason, violations, and when to come back."""
    # Both kinds of channel raise an RpcError that is also a Call; its static type does not say so.
    call: Any = error
    return _failure(call.code(), call.details() or "", _details(lambda: rpc_status.from_call(call)))


def failure_of_status(status: status_pb2.Status) -> Failure:
    """What the service said of one item of a batch, or of the batch."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return _failure(code, status.message, _details(lambda: status))


def _failure(code: grpc.StatusCode, message: str, details: Iterator[Any]) -> Failure:
    reason, metadata = "", dict[str, str]()
    violations: list[FieldViolation] = []
    retry_delay_s = None
    for detail in details:
        if isinstance(detail, error_details_pb2.ErrorInfo) and detail.domain == DOMAIN:
            reason, metadata = detail.reason, dict(detail.metadata)
        elif isinstance(detail, error_details_pb2.BadRequest):
            violations += [
                FieldViolation(one.field, one.description) for one in detail.field_violations
            ]
        elif isinstance(detail, error_details_pb2.RetryInfo):
            delay = detail.retry_delay
            retry_delay_s = delay.seconds + delay.nanos / _NANOS_PER_SECOND
    return Failure(
        code=code.name,
        message=message,
        reason=reason,
        metadata=metadata,
        field_violations=tuple(violations),
        retry_delay_s=retry_delay_s,
    )


def _details(read: Callable[[], status_pb2.Status | None]) -> Iterator[Any]:
    try:
        status = read()
        packed: list[AnyDetail] = [] if status is None else list(status.details)
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.RetryInfo,
        ):
            for one in packed:
                detail = kind()
                if one.Unpack(detail):
                    yield detail
    except (ValueError, DecodeError):
        # Details that contradict the status, or do not parse, come from no service of ours.
        return


# In gRPC's own words, which no service says.
_CUT_OFF: Final = frozenset({("CANCELLED", "CANCELLED"), ("INTERNAL", "Internal error from Core")})


def is_unavailable(failure: Failure) -> bool:
    """Whether another attempt may find the service: UNAVAILABLE, or a call that a stop cut off.

    gRPC's server answers calls that it had not taken up when it stopped with a bare CANCELLED
    (grpc/grpc issue 41785); what this process cancels itself has other words. On a stream that
    breaks while it is written to, gRPC's client may say INTERNAL before it knows more.
    """
    return failure.code == "UNAVAILABLE" or (
        (failure.code, failure.message) in _CUT_OFF and not failure.reason
    )


def leaves_open(failure: Failure) -> bool:
    """Whether the failed attempt may have been applied all the same."""
    if failure.reason in _NOTHING_WRITTEN or failure.code in _REFUSED:
        return False
    return not (failure.code == "UNAVAILABLE" and failure.message.startswith(_NEVER_SENT))


def settles(failure: Failure) -> bool:
    """Whether the failure also says that no earlier attempt of the operation was applied."""
    return failure.code in _DECIDED and failure.reason not in _RECORD_GONE
