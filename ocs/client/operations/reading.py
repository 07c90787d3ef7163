"""Operations that only read: prices, reservations, request records, lists of accounts."""

from datetime import datetime

from ocs.client import encode
from ocs.client.decode import reading as decode
from ocs.client.operation import Operation, read
from ocs.client.readings import (
    AccountPage,
    ExplainChargeResult,
    GetRequestResult,
    GetReservationResult,
    QuoteResult,
    ReservationPage,
)
from ocs.client.values import Identity, Unit
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging


def quote(
    *,
    service_id: str,
    units: int,
    account_id: str | None = None,
    identity: Identity | None = None,
    subscriber_id: str = "",
    unit: Unit | None = None,
    other_party: str = "",
    visited_network: str = "",
    event_time: datetime | None = None,
    timeout_s: float | None = None,
) -> Operation[QuoteResult]:
    """Price units, and say who would pay if they were debited now. Touches nothing."""
    request = charging.QuoteRequest(
        subscriber_id=subscriber_id,
        service_id=service_id,
        units=encode.whole("units", units),
        unit=encode.unit(unit),
        other_party=other_party,
        visited_network=visited_network,
        event_time=encode.optional_timestamp("event_time", event_time),
    )
    encode.payer(request, account_id, identity)
    return read("charging", "Quote", request, decode.quote, timeout_s)


def explain_charge(event: str, *, timeout_s: float | None = None) -> Operation[ExplainChargeResult]:
    """Explain what a commit, debit or refund of the past came to. Touches nothing.

    event is its name, e.g. `charge.event`.
    """
    request = charging.ExplainChargeRequest(event=event)
    return read("charging", "ExplainCharge", request, decode.explain_charge, timeout_s)


def get_reservation(
    reservation: str, *, timeout_s: float | None = None
) -> Operation[GetReservationResult]:
    """Read a reservation, until an hour after its end."""
    request = charging.GetReservationRequest(reservation=reservation)
    return read("charging", "GetReservation", request, decode.get_reservation, timeout_s)


def list_reservations_page(
    account_id: str, *, page_size: int = 0, page_token: str = "", timeout_s: float | None = None
) -> Operation[ReservationPage]:
    """One page of the open reservations, ordered by id; page_size 0 means 50, at most 500."""
    request = charging.ListReservationsRequest(
        account_id=account_id,
        page_size=encode.small("page_size", page_size),
        page_token=page_token,
    )
    return read("charging", "ListReservations", request, decode.reservation_page, timeout_s)


def get_request(
    account_id: str, request_id: str, *, timeout_s: float | None = None
) -> Operation[GetRequestResult]:
    """What a request_id led to, while a resend would be answered from its record.

    NotFoundError (REQUEST_NOT_FOUND) if it was not applied so far, or is forgotten.
    """
    request = charging.GetRequestRequest(account_id=account_id, asked_request_id=request_id)
    return read("charging", "GetRequest", request, decode.get_request, timeout_s)


def list_accounts_page(
    *, page_size: int = 0, page_token: str = "", timeout_s: float | None = None
) -> Operation[AccountPage]:
    """One page of the tenant's accounts; page_size 0 means 50, at most 500."""
    request = accounts.ListAccountsRequest(
        page_size=encode.small("page_size", page_size), page_token=page_token
    )
    return read("accounts", "ListAccounts", request, decode.account_page, timeout_s)
