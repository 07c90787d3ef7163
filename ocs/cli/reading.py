"""Prices, reservations and request records: what only reads."""

from typing import Annotated

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.client import (
    Client,
    ExplainChargeResult,
    GetRequestResult,
    GetReservationResult,
    QuoteResult,
    ReservationPage,
)

app = typer.Typer()
reservation_app = typer.Typer(help="Read reservations.", no_args_is_help=True)


@command(app, "quote", example="ocs quote alice data 5000000")
def quote(
    client: Client,
    payer: options.PayerOf,
    service_id: options.ServiceId,
    units: options.Quantity,
    *,
    subscriber_id: options.SubscriberOption = None,
    unit: options.UnitOption = None,
    other_party: options.OtherPartyOption = "",
    visited_network: options.VisitedNetworkOption = "",
    event_time: options.EventTimeOption = None,
) -> QuoteResult:
    """Price units, and say who would pay if they were debited now. Touches nothing."""
    return client.quote(
        account_id=payer.account_id,
        identity=payer.identity,
        subscriber_id=subscriber_id or "",
        service_id=service_id,
        units=units,
        unit=unit,
        other_party=other_party,
        visited_network=visited_network,
        event_time=event_time,
    )


@command(app, "explain", example="ocs explain alice/17")
def explain(client: Client, event: options.EventName) -> ExplainChargeResult:
    """Explain what a commit, debit or refund came to, line by line. Touches nothing."""
    return client.explain_charge(parse.event(event, client.tenant))


@command(app, "request", example="ocs request alice q-17")
def request(
    client: Client,
    account_id: options.AccountId,
    request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")],
) -> GetRequestResult:
    """Tell what a request_id led to, while it is remembered."""
    return client.get_request(account_id, request_id)


@command(reservation_app, "show", example="ocs reservation show alice/r1")
def show(client: Client, reservation: options.ReservationName) -> GetReservationResult:
    """Show a reservation, until an hour after its end."""
    return client.get_reservation(parse.reservation(reservation, client.reservation_name))


@command(reservation_app, "list", example="ocs reservation list alice")
def list_open(
    client: Client,
    account_id: options.AccountId,
    *,
    limit: options.LimitOption = 50,
    page_token: options.PageTokenOption = "",
) -> ReservationPage:
    """List the open reservations of an account, ordered by id."""
    return client.list_reservations_page(account_id, page_size=limit, page_token=page_token)
