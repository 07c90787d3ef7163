"""The exceptions of the client: one base, one class per family of gRPC status.

    OcsError
    |-- InvalidArgumentError      a field breaks a rule: field_violations says which
    |-- NotFoundError             unknown account, subscriber or reservation
    |-- AlreadyExistsError        an id or reference was used with another meaning
    |-- FailedPreconditionError   does not fit the state of what it names
    |-- PermissionDeniedError, UnauthenticatedError
    |-- ResourceExhaustedError    overload: retry_delay_s says when to come back
    |-- UnavailableError          not served, certainly not applied
    |-- DeadlineExceededError     out of time, certainly not applied (or it was a read)
    |-- InternalError             a fault of the service or of the transport
    `-- UnknownOutcomeError       a mutation that may or may not have been applied

An UnknownOutcomeError is also an UnavailableError, a DeadlineExceededError or an InternalError,
by the status it ended with. Resolve it with `client.resend(error.operation)`: the same request_id
and request_time, so it is applied once at most.

UsageError stands apart: the call was wrong as written and nothing was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ocs.client.operation import Operation

_NOTHING: Mapping[str, str] = MappingProxyType({})


class UsageError(ValueError):
    """The call cannot be made as written. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A request field and the rule it breaks."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call as the service described it."""

    code: str  # name of the gRPC status, e.g. NOT_FOUND
    message: str
    reason: str = ""  # of google.rpc.ErrorInfo, e.g. ACCOUNT_NOT_FOUND; see docs/errors.md
    metadata: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    field_violations: tuple[FieldViolation, ...] = ()
    retry_delay_s: float | None = None  # of google.rpc.RetryInfo


class OcsError(Exception):
    """A call failed with a gRPC status."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        """Status, reason and message on one line."""
        failure = self.failure
        head = f"{failure.code} ({failure.reason})" if failure.reason else failure.code
        violations = "; ".join(f"{one.field}: {one.description}" for one in self.field_violations)
        return ": ".join(part for part in (head, violations or failure.message) if part)

    @property
    def code(self) -> str:
        """Name of the gRPC status, e.g. NOT_FOUND."""
        return self.failure.code

    @property
    def reason(self) -> str:
        """Reason of the closed list in docs/errors.md, or empty if the service gave none."""
        return self.failure.reason

    @property
    def message(self) -> str:
        """What the service, or gRPC, said for a human."""
        return self.failure.message

    @property
    def metadata(self) -> Mapping[str, str]:
        """Facts that belong to the reason."""
        return self.failure.metadata

    @property
    def field_violations(self) -> tuple[FieldViolation, ...]:
        """The fields that break a rule."""
        return self.failure.field_violations

    @property
    def retry_delay_s(self) -> float | None:
        """How long the service asks to wait before the next attempt, in seconds."""
        return self.failure.retry_delay_s


class InvalidArgumentError(OcsError):
    """A field breaks a rule in any state; nothing was written, the request_id is not consumed."""


class NotFoundError(OcsError):
    """Unknown account, subscriber or reservation, or another tenant's."""


class AlreadyExistsError(OcsError):
    """An id, identity, sequence number or payment reference is taken."""


class FailedPreconditionError(OcsError):
    """The call does not fit the state of what it names."""


class PermissionDeniedError(OcsError):
    """The caller may not do this."""


class UnauthenticatedError(OcsError):
    """The caller is not known."""


class ResourceExhaustedError(OcsError):
    """The service sheds load; come back after retry_delay_s."""


class UnavailableError(OcsError):
    """The service or its store is not available."""


class DeadlineExceededError(OcsError):
    """The deadline passed."""


class InternalError(OcsError):
    """A fault of the service or of the transport."""


class UnknownOutcomeError(OcsError):
    """A mutation that may or may not have been applied.

    Do not make the call anew: that would be another operation, and could charge twice. Send the
    same one again with `client.resend(error.operation)`, later or from another process if need be,
    within its window (15 min for reserve and AUTHORIZE debits, 1 h for commit and release, 48 h
    otherwise). Another process repeats the call with the same arguments, request_id and
    request_time.
    """

    def __init__(self, failure: Failure, operation: Operation[Any]) -> None:
        super().__init__(failure)
        self.operation = operation

    def __str__(self) -> str:
        """The failure, and the id under which the operation can be resolved."""
        return f"outcome unknown, request_id {self.request_id}: {super().__str__()}"

    @property
    def request_id(self) -> str:
        """The id of the operation, kept on every resend."""
        return self.operation.request_id

    @property
    def request_time(self) -> datetime | None:
        """When the operation was first sent, kept on every resend."""
        return self.operation.request_time


class UnknownWhenUnavailableError(UnknownOutcomeError, UnavailableError):
    """The service became unavailable with the mutation under way."""


class UnknownAtDeadlineError(UnknownOutcomeError, DeadlineExceededError):
    """The deadline passed with the mutation under way."""


class UnknownAfterFaultError(UnknownOutcomeError, InternalError):
    """The service or the transport failed with the mutation under way."""


FAMILIES: Mapping[str, type[OcsError]] = {
    "INVALID_ARGUMENT": InvalidArgumentError,
    "OUT_OF_RANGE": InvalidArgumentError,
    "NOT_FOUND": NotFoundError,
    "ALREADY_EXISTS": AlreadyExistsError,
    "FAILED_PRECONDITION": FailedPreconditionError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "RESOURCE_EXHAUSTED": ResourceExhaustedError,
    "UNAVAILABLE": UnavailableError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "INTERNAL": InternalError,
    "UNKNOWN": InternalError,
    "DATA_LOSS": InternalError,
}

UNKNOWN_FAMILIES: Mapping[str, type[UnknownOutcomeError]] = {
    "UNAVAILABLE": UnknownWhenUnavailableError,
    "DEADLINE_EXCEEDED": UnknownAtDeadlineError,
    "INTERNAL": UnknownAfterFaultError,
    "UNKNOWN": UnknownAfterFaultError,
    "DATA_LOSS": UnknownAfterFaultError,
}


def error_of(failure: Failure) -> OcsError:
    """The exception for a failure whose effect is known: there was none."""
    return FAMILIES.get(failure.code, OcsError)(failure)


def unknown_error_of(failure: Failure, operation: Operation[Any]) -> UnknownOutcomeError:
    """The exception for a failure that leaves the effect of a mutation open."""
    return UNKNOWN_FAMILIES.get(failure.code, UnknownOutcomeError)(failure, operation)
