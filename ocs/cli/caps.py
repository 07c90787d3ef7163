"""Spending caps."""

from datetime import timedelta
from typing import Annotated, Unpack

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.client import (
    CapHolder,
    Client,
    ListSpendingCapsResult,
    Period,
    ReceiptResult,
    SetSpendingCapResult,
)
from ocs.client.operation import Sending

cap_app = typer.Typer(help="Set, delete and list spending caps.", no_args_is_help=True)


def _holder(subscriber_id: str | None, group_id: str | None) -> CapHolder | None:
    if subscriber_id is None and group_id is None:
        return None
    return CapHolder(subscriber_id, group_id)


@command(
    cap_app,
    "set",
    example="ocs cap set alice daily --period day --money 5.00",
)
def set_cap(
    client: Client,
    account_id: options.AccountId,
    cap_id: Annotated[str, typer.Argument(metavar="CAP", help="The cap's id.")],
    *,
    period: Annotated[
        Period,
        typer.Option(
            "--period",
            metavar="|".join(period.lower() for period in Period),
            case_sensitive=False,
            help="When it starts again.",
        ),
    ],
    limit_micros: options.MoneyOption = None,
    limit_units: options.UnitsOption = None,
    unit: options.UnitOption = None,
    subscriber_id: options.SubscriberOption = None,
    group_id: options.GroupOption = None,
    service_id: options.ServiceOption = None,
    zone: options.ZoneOption = None,
    window: Annotated[
        timedelta | None,
        typer.Option(
            "--window",
            metavar="24h",
            parser=parse.argument(parse.span),
            help="Length of a rolling cap's window, 1h to 31d.",
        ),
    ] = None,
    window_slots: Annotated[
        int | None,
        typer.Option("--slots", help="Slots in which the window moves, 2 to 31; default 24."),
    ] = None,
    **sending: Unpack[Sending],
) -> SetSpendingCapResult:
    """Create or replace a cap: a hard ceiling on money or units per period."""
    return client.set_spending_cap(
        account_id,
        cap_id,
        period=period,
        limit_micros=limit_micros,
        limit_units=limit_units,
        unit=unit,
        holder=_holder(subscriber_id, group_id),
        service_id=service_id,
        zone=zone,
        window=window,
        window_slots=window_slots,
        **sending,
    )


@command(cap_app, "delete", example="ocs cap delete alice daily --group family")
def delete_cap(
    client: Client,
    account_id: options.AccountId,
    cap_id: Annotated[str, typer.Argument(metavar="CAP", help="The cap's id.")],
    *,
    subscriber_id: options.SubscriberOption = None,
    group_id: options.GroupOption = None,
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Remove a cap of the account, or of one of its lines or groups, with its counter."""
    holder = _holder(subscriber_id, group_id)
    return client.delete_spending_cap(account_id, cap_id, holder=holder, **sending)


@command(cap_app, "list", example="ocs cap list alice --subscriber phone")
def list_caps(
    client: Client,
    account_id: options.AccountId,
    *,
    subscriber_id: options.SubscriberOption = None,
    group_id: options.GroupOption = None,
) -> ListSpendingCapsResult:
    """List the caps of the account, or of one of its lines or groups."""
    return client.list_spending_caps(account_id, holder=_holder(subscriber_id, group_id))
