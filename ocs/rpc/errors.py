"""Every way a call can fail, as the caller sees it: status, short text, details.

The reasons are those of error_reason.proto; tests/rpc compares this table with its comments.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc_status import rpc_status

from ocs.domain.answer import Reason

DOMAIN: Final = "ocs.v1"
INVALID_FIELD: Final = Reason.INVALID_FIELD.value
DEADLINE_TOO_SHORT: Final = Reason.DEADLINE_TOO_SHORT.value
INTERNAL: Final = Reason.INTERNAL.value
# Known to the transport only: no use case has begun.
OVERLOADED: Final = "OVERLOADED"
CREDENTIAL_MISSING: Final = "CREDENTIAL_MISSING"
CREDENTIAL_UNKNOWN: Final = "CREDENTIAL_UNKNOWN"
CREDENTIAL_EXPIRED: Final = "CREDENTIAL_EXPIRED"
ROLE_MISSING: Final = "ROLE_MISSING"
SERVICE_STOPPING: Final = "SERVICE_STOPPING"
# Not on the wire: nothing failed.
OK: Final = ""

DESCRIPTION_CHARACTERS_MAX: Final = 256


class RefusedError(Exception):
    """The call is refused before a use case begins; reason: its wire reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Failure:
    """How one reason is answered. retry_ms: what RetryInfo advises, 0 = no RetryInfo."""

    code: StatusCode
    message: str
    retry_ms: int = 0


_invalid, _missing, _exists, _state, _stranger = (
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.UNAUTHENTICATED,
)

FAILURES: Final[Mapping[str, Failure]] = MappingProxyType(
    {
        CREDENTIAL_MISSING: Failure(_stranger, "the call carries no credential"),
        CREDENTIAL_UNKNOWN: Failure(_stranger, "the credential is not known"),
        CREDENTIAL_EXPIRED: Failure(_stranger, "the credential has expired"),
        ROLE_MISSING: Failure(
            StatusCode.PERMISSION_DENIED, "the credential's roles do not open this method"
        ),
        INVALID_FIELD: Failure(_invalid, "a field breaks a rule"),
        "ACCOUNT_NOT_FOUND": Failure(_missing, "unknown account"),
        "SUBSCRIBER_NOT_FOUND": Failure(_missing, "unknown subscriber or identity"),
        "RESERVATION_NOT_FOUND": Failure(_missing, "unknown reservation"),
        "REQUEST_NOT_FOUND": Failure(_missing, "the account remembers no such request"),
        "BUCKET_NOT_FOUND": Failure(_missing, "the account has no such bucket"),
        "PAYMENT_NOT_FOUND": Failure(_missing, "the payment was never credited"),
        "EVENT_NOT_FOUND": Failure(_missing, "the account has no such event"),
        "CAP_NOT_FOUND": Failure(_missing, "the holder has no such cap"),
        "BUNDLE_NOT_FOUND": Failure(_missing, "the price book has no such bundle"),
        "RENEWAL_NOT_FOUND": Failure(_missing, "the account does not renew this bundle"),
        "ACCOUNT_EXISTS": Failure(_exists, "the account exists with other attributes"),
        "SUBSCRIBER_EXISTS": Failure(_exists, "the subscriber exists with other attributes"),
        "IDENTITY_TAKEN": Failure(_exists, "the identity belongs to another line"),
        "REQUEST_ID_REUSED": Failure(_exists, "the request_id was used with another meaning"),
        "RESERVATION_EXISTS": Failure(_exists, "the reservation id was used before"),
        "SEQUENCE_NUMBER_REUSED": Failure(
            _exists, "the sequence_number was used under another request_id"
        ),
        "PAYMENT_REFERENCE_USED": Failure(
            _exists, "the payment_reference was credited under another request_id"
        ),
        "REQUEST_TOO_OLD": Failure(_state, "older than the window of its request_id"),
        "RESERVATION_CLOSED": Failure(_state, "the reservation was closed or released before"),
        "RESERVATION_EXPIRED": Failure(_state, "the reservation had expired"),
        "COMMIT_EXCEEDS_RESERVED": Failure(_state, "more was used than was held"),
        "UNIT_MISMATCH": Failure(_state, "the unit is not the service's"),
        "CURRENCY_MISMATCH": Failure(_state, "the currency is not the account's"),
        "BALANCE_LIMIT": Failure(_state, "a balance would pass 2^53-1"),
        "CHARGE_LIMIT": Failure(_state, "a price would pass 2^53-1"),
        "TOP_UP_EXPIRED": Failure(_state, "the credited bucket would be expired on arrival"),
        "BUCKET_MISMATCH": Failure(_state, "the bucket exists with other terms"),
        "TOO_MANY_BUCKETS": Failure(_state, "the account has as many buckets as it may"),
        "CAP_MISMATCH": Failure(_state, "the cap exists and counts something else"),
        "TOO_MANY_CAPS": Failure(_state, "the holder has as many caps as it may"),
        "ACCOUNT_CLOSED": Failure(_state, "the account is closed"),
        "ACCOUNT_HOLDS_RESERVATIONS": Failure(_state, "reservations of the account are open"),
        "SUBSCRIBER_HOLDS_RESERVATIONS": Failure(_state, "reservations of the line are open"),
        "ACCOUNT_HAS_BALANCE": Failure(_state, "a balance of the account is not 0"),
        "ETAG_MISMATCH": Failure(_state, "the account has changed since it was read"),
        "BALANCE_TOO_LOW": Failure(_state, "the bucket has less than is to be taken out"),
        "TOP_UP_ALREADY_USED": Failure(_state, "less is left than the top-up credited"),
        "TOP_UP_REVERSED": Failure(_state, "the top-up was reversed before"),
        "QUERY_TOO_LONG": Failure(
            StatusCode.DEADLINE_EXCEEDED, "the question took longer than it may"
        ),
        "FIGURES_BEHIND": Failure(
            StatusCode.UNAVAILABLE, "the figures are not whole for this range", retry_ms=1_000
        ),
        "SQL_REFUSED": Failure(_invalid, "the text is not one SELECT over the figures"),
        "TARIFF_REFUSED": Failure(_invalid, "the text is no tariff"),
        "TARIFF_NOT_FOUND": Failure(_missing, "the tenant has no such version of a tariff"),
        "TARIFF_EXISTS": Failure(_exists, "another text has this version"),
        "TARIFF_SCHEDULED": Failure(_state, "the version has another activate_time"),
        "ACTIVATION_TOO_SOON": Failure(_state, "an activation must be at least 5 s ahead"),
        "ACTIVATION_TAKEN": Failure(_state, "another version is scheduled for this moment"),
        "TOO_MANY_TARIFFS": Failure(_state, "the book has as many versions as it may"),
        "TARIFF_UNCONFIRMED": Failure(
            StatusCode.UNAVAILABLE, "the server has not confirmed the tariff book", retry_ms=1_000
        ),
        "REFUND_EXCEEDS": Failure(_state, "more than the event collected and was not refunded"),
        "RENEWAL_NOT_OFFERED": Failure(_state, "the bundle does not renew"),
        "RENEWAL_EXISTS": Failure(_state, "the account renews this bundle already"),
        "CLOCK_SKEW": Failure(
            StatusCode.UNAVAILABLE, "the clocks of service and store disagree", retry_ms=1_000
        ),
        "STORE_UNAVAILABLE": Failure(
            StatusCode.UNAVAILABLE, "the store did not answer in time", retry_ms=100
        ),
        "STORE_FULL": Failure(StatusCode.UNAVAILABLE, "the store is full", retry_ms=1_000),
        "JOURNAL_FULL": Failure(
            StatusCode.UNAVAILABLE, "the journal is full, as it is not archived", retry_ms=5_000
        ),
        "ARCHIVE_UNREADABLE": Failure(
            StatusCode.UNAVAILABLE, "the archive of the journal cannot be read", retry_ms=5_000
        ),
        "ACCOUNT_BUSY": Failure(
            StatusCode.UNAVAILABLE, "the account kept changing under the call", retry_ms=20
        ),
        SERVICE_STOPPING: Failure(
            StatusCode.UNAVAILABLE, "the process stops; connect again", retry_ms=20
        ),
        OVERLOADED: Failure(
            StatusCode.RESOURCE_EXHAUSTED, "too many calls at once", retry_ms=50
        ),
        "TOO_MANY_REFUSALS": Failure(
            StatusCode.RESOURCE_EXHAUSTED,
            "the account has stored as many refusals as it may for now",
            retry_ms=60_000,
        ),
        DEADLINE_TOO_SHORT: Failure(
            StatusCode.DEADLINE_EXCEEDED, "too little time was left; nothing was written"
        ),
        "STATE_CORRUPT": Failure(StatusCode.INTERNAL, "the account's stored state does not parse"),
        INTERNAL: Failure(StatusCode.INTERNAL, "internal error"),
    }
)  # fmt: skip

# What the domain distinguishes and a caller need not.
_WIRE_REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.REQUEST_TIME_AHEAD: INVALID_FIELD,
        Reason.DEADLINE_PASSED: DEADLINE_TOO_SHORT,
        Reason.STALE_PROFILE: "ACCOUNT_BUSY",
        Reason.STALE_RESERVATION: "ACCOUNT_BUSY",
        Reason.EXPIRE_MORE: "ACCOUNT_BUSY",
        Reason.RENEWAL_NOT_DUE: "ACCOUNT_BUSY",
    }
)
# Reasons that are about one field say so even if the use case did not.
_IMPLIED_VIOLATIONS: Final[Mapping[Reason, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {Reason.REQUEST_TIME_AHEAD: (("request_time", "must be at most 60 s ahead of the store"),)}
)


def wire_reason(reason: Reason) -> str:
    """Return the reason's name in ErrorInfo."""
    return _WIRE_REASONS.get(reason, reason.value)


def implied_violations(reason: Reason) -> tuple[tuple[str, str], ...]:
    """Return the (field path, rule) pairs that a reason stands for by itself."""
    return _IMPLIED_VIOLATIONS.get(reason, ())


def status_of(
    reason: str,
    *,
    metadata: Mapping[str, str],
    violations: Iterable[tuple[str, str]] = (),
) -> grpc.Status:
    """Build the status that a call ends with; as for status_message."""
    return call_status(status_message(reason, metadata=metadata, violations=violations))


def call_status(message: status_pb2.Status) -> grpc.Status:
    """Turn a status into what a call can end with."""
    status: grpc.Status = rpc_status.to_status(message)
    return status


def status_message(
    reason: str,
    *,
    metadata: Mapping[str, str],
    violations: Iterable[tuple[str, str]] = (),
) -> status_pb2.Status:
    """Build the status of a wire reason, with ErrorInfo and what else applies.

    metadata must be fit for the caller's eyes. Raises KeyError for a reason without an entry.
    """
    failure = FAILURES[reason]
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)
    ]
    broken = [
        error_details_pb2.BadRequest.FieldViolation(
            field=field, description=rule[:DESCRIPTION_CHARACTERS_MAX]
        )
        for field, rule in violations
    ]
    if broken:
        details.append(error_details_pb2.BadRequest(field_violations=broken))
    if failure.retry_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(failure.retry_ms)
        details.append(retry)
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    code: int = failure.code.value[0]
    return status_pb2.Status(code=code, message=failure.message, details=packed)
