"""Resource names: tenants/{t}/accounts/{a}/reservations/{r} and .../events/{seq}."""

from ocs.domain.answer import Reason
from ocs.service.errors import ServiceError


def reservation_name(tenant: str, account_id: str, reservation_id: str) -> str:
    """Name a reservation."""
    return f"tenants/{tenant}/accounts/{account_id}/reservations/{reservation_id}"


def event_name(tenant: str, account_id: str, seq: int) -> str:
    """Name a journal event."""
    return f"tenants/{tenant}/accounts/{account_id}/events/{seq}"


def parse_event(name: str, tenant: str) -> tuple[str, int]:
    """Return (account_id, seq). The form has been validated; as for parse_reservation."""
    _, owner, _, account_id, _, seq = name.split("/")
    if owner != tenant:
        raise ServiceError(Reason.EVENT_NOT_FOUND)
    return account_id, int(seq)


def parse_reservation(name: str, tenant: str) -> tuple[str, str]:
    """Return (account_id, reservation_id).

    The form has been validated. Another tenant's reservation is not found, as if it were not there.
    """
    _, owner, _, account_id, _, reservation_id = name.split("/")
    if owner != tenant:
        raise ServiceError(Reason.RESERVATION_NOT_FOUND)
    return account_id, reservation_id
