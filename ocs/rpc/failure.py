"""Whatever was raised, as the status that the caller gets; its text stays inside."""

import secrets

import structlog
from google.rpc import status_pb2

from ocs.rpc import errors
from ocs.rpc.errors import RefusedError
from ocs.service.errors import ServiceError


def told(error: BaseException, method: str) -> tuple[str, status_pb2.Status]:
    """Return the wire reason and the status of what was raised while a method was served.

    What no use case gave is INTERNAL, and stands in the log under the correlation id of the status.
    """
    if isinstance(error, RefusedError):
        return error.reason, errors.status_message(error.reason, metadata={})
    if isinstance(error, ServiceError):
        try:
            return _of_use_case(error)
        except (KeyError, TypeError, ValueError) as unfit:  # what it says fits no status
            error = unfit
    correlation_id = secrets.token_hex(8)
    structlog.get_logger().error(
        "rpc failed", method=method, correlation_id=correlation_id, exc_info=error
    )
    metadata = {"correlation_id": correlation_id}
    return errors.INTERNAL, errors.status_message(errors.INTERNAL, metadata=metadata)


def _of_use_case(error: ServiceError) -> tuple[str, status_pb2.Status]:
    reason = errors.wire_reason(error.reason)
    metadata = dict(error.metadata)
    if error.account_seq:
        metadata["account_seq"] = str(error.account_seq)
    broken = error.violations or errors.implied_violations(error.reason)
    return reason, errors.status_message(reason, metadata=metadata, violations=broken)
