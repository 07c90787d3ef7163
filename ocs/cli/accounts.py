"""Accounts, lines, top-ups and the journal."""

from typing import Annotated, Final, Unpack

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.client import (
    AccountPage,
    AddSubscriberResult,
    ChargingEvent,
    ChargingEventPage,
    Client,
    CreateAccountResult,
    GetAccountResult,
    Identity,
    LookupSubscriberResult,
    ReceiptResult,
    TopUpResult,
    UpdateAccountResult,
    UsageError,
)
from ocs.client.operation import Sending

PAGE_MAX: Final = 500

_Etag = Annotated[
    str, typer.Option("--etag", metavar="ETAG", help="As shown; refused if it has changed.")
]

account_app = typer.Typer(help="Open, read and keep accounts.", no_args_is_help=True)
subscriber_app = typer.Typer(help="Add, change, remove and find lines.", no_args_is_help=True)
top_app = typer.Typer()


@command(
    account_app,
    "create",
    example="ocs account create alice --currency EUR --plan basic",
)
def create(
    client: Client,
    account_id: options.AccountId,
    *,
    currency: Annotated[str, typer.Option("--currency", metavar="EUR", help="ISO 4217.")],
    plan: Annotated[str, typer.Option("--plan", metavar="ID", help="A plan of the tariff.")],
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="Of its cap periods; default UTC.")
    ] = "",
    billing_anchor_day: Annotated[
        int,
        typer.Option(
            "--billing-day",
            metavar="1..31",
            parser=options.UNITS,
            help="Its months begin then; default 1.",
        ),
    ] = 0,
    segment: Annotated[
        str, typer.Option("--segment", metavar="ID", help="Business segment, for reports.")
    ] = "",
    credit_limit_micros: Annotated[
        int | None,
        typer.Option(
            "--credit-limit",
            metavar="0.00",
            parser=options.MONEY,
            help="How far `main` may go below zero.",
        ),
    ] = None,
    **sending: Unpack[Sending],
) -> CreateAccountResult:
    """Open an account with an empty `main` money bucket."""
    return client.create_account(
        account_id,
        currency=currency,
        plan=plan,
        time_zone=time_zone,
        billing_anchor_day=billing_anchor_day,
        segment=segment,
        credit_limit_micros=credit_limit_micros,
        **sending,
    )


@command(account_app, "show", example="ocs account show alice")
def show(client: Client, account_id: options.AccountId) -> GetAccountResult:
    """Show an account: buckets, caps, open reservations, as of now."""
    return client.get_account(account_id)


@command(account_app, "list", example="ocs account list --limit 100")
def list_accounts(
    client: Client,
    *,
    limit: options.LimitOption = 50,
    page_token: options.PageTokenOption = "",
) -> AccountPage:
    """List the tenant's accounts, in an order that never changes."""
    return client.list_accounts_page(page_size=limit, page_token=page_token)


@command(account_app, "suspend", example="ocs account suspend alice --reason theft")
def suspend(
    client: Client,
    account_id: options.AccountId,
    *,
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Stop new grants. Use that happened is still charged."""
    return client.suspend_account(account_id, reason=reason, **sending)


@command(account_app, "resume", example="ocs account resume alice")
def resume(
    client: Client,
    account_id: options.AccountId,
    *,
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Allow grants again."""
    return client.resume_account(account_id, reason=reason, **sending)


@command(account_app, "close", example="ocs account close alice --reason ended")
def close(
    client: Client,
    account_id: options.AccountId,
    *,
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Close an account for ever. Nothing may be held; its id is never free again."""
    return client.close_account(account_id, reason=reason, **sending)


@command(account_app, "update", example="ocs account update alice --credit-limit 20.00")
def update(
    client: Client,
    account_id: options.AccountId,
    *,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="ID", help="A plan of the tariff.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", metavar="ID", help="Business segment.")
    ] = None,
    credit_limit_micros: Annotated[
        int | None,
        typer.Option(
            "--credit-limit",
            metavar="0.00",
            parser=options.MONEY,
            help="How far `main` may go below zero.",
        ),
    ] = None,
    etag: _Etag = "",
    **sending: Unpack[Sending],
) -> UpdateAccountResult:
    """Change plan, segment or credit limit; what is not given stays."""
    return client.update_account(
        account_id,
        plan=plan,
        segment=segment,
        credit_limit_micros=credit_limit_micros,
        etag=etag,
        **sending,
    )


@command(
    subscriber_app,
    "add",
    example="ocs subscriber add alice phone --identity msisdn:4915112345678",
)
def add(
    client: Client,
    account_id: options.AccountId,
    subscriber_id: options.SubscriberId,
    *,
    identities: Annotated[
        list[Identity] | None,
        typer.Option(
            "--identity",
            metavar="KIND:DIGITS",
            parser=parse.argument(parse.identity),
            help="msisdn:, imsi: or iccid: and digits; may be given several times.",
        ),
    ] = None,
    group_ids: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="ID", help="A group; may be given several times."),
    ] = None,
    **sending: Unpack[Sending],
) -> AddSubscriberResult:
    """Add a line to an account, with its network identities and groups."""
    return client.add_subscriber(
        account_id,
        subscriber_id,
        identities=identities or (),
        group_ids=group_ids or (),
        **sending,
    )


@command(subscriber_app, "remove", example="ocs subscriber remove alice phone")
def remove(
    client: Client,
    account_id: options.AccountId,
    subscriber_id: options.SubscriberId,
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Remove a line with its caps; its id and identities are free afterwards."""
    return client.remove_subscriber(account_id, subscriber_id, **sending)


@command(subscriber_app, "update", example="ocs subscriber update alice phone --group family")
def update_line(
    client: Client,
    account_id: options.AccountId,
    subscriber_id: options.SubscriberId,
    *,
    group_ids: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="ID", help="A group; may be given several times."),
    ] = None,
    no_groups: Annotated[
        bool, typer.Option("--no-groups", help="It belongs to no group any more.")
    ] = False,
    etag: _Etag = "",
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Give a line other groups: those named, and no others. Refused while it holds something."""
    if bool(group_ids) == no_groups:
        raise UsageError("give either --group or --no-groups")
    return client.update_subscriber(
        account_id, subscriber_id, group_ids=group_ids or (), etag=etag, **sending
    )


@command(subscriber_app, "lookup", example="ocs subscriber lookup msisdn:4915112345678")
def lookup(client: Client, identity: options.IdentityOf) -> LookupSubscriberResult:
    """Find the account and the line of a network identity."""
    return client.lookup_subscriber(identity)


@command(
    top_app,
    "top-up",
    example="ocs top-up alice --money 12.50 --currency EUR --reference PAY-1",
)
def top_up(
    client: Client,
    account_id: options.AccountId,
    *,
    payment_reference: Annotated[
        str, typer.Option("--reference", metavar="ID", help="The payment; credited once for ever.")
    ],
    micros: options.MoneyOption = None,
    currency: Annotated[
        str, typer.Option("--currency", metavar="EUR", help="The account's, with --money.")
    ] = "",
    units: options.UnitsOption = None,
    unit: options.UnitOption = None,
    bucket_id: Annotated[
        str, typer.Option("--bucket", metavar="ID", help="Default `main`, or a new one for units.")
    ] = "",
    priority: Annotated[
        int | None,
        typer.Option(
            "--priority", metavar="0..1000", parser=options.UNITS, help="Lower is drawn on first."
        ),
    ] = None,
    start_time: options.StartTimeOption = None,
    expire_time: options.ExpireTimeOption = None,
    service_ids: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="ID", help="Pays only for it; several times."),
    ] = None,
    zones: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="ID", help="Pays only there; several times."),
    ] = None,
    blocking: Annotated[
        bool, typer.Option("--blocking", help="No bucket behind it is drawn on.")
    ] = False,
    **sending: Unpack[Sending],
) -> TopUpResult:
    """Credit money (--money, --currency) or units (--units, --unit) to a bucket."""
    return client.top_up(
        account_id,
        payment_reference=payment_reference,
        micros=micros,
        currency=currency,
        units=units,
        unit=unit,
        bucket_id=bucket_id,
        priority=priority,
        start_time=start_time,
        expire_time=expire_time,
        service_ids=service_ids or (),
        zones=zones or (),
        blocking=blocking,
        **sending,
    )


@command(top_app, "events", example="ocs events alice --limit 20")
def events(
    client: Client,
    account_id: options.AccountId,
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", parser=options.UNITS, help="How many.")
    ] = 50,
    page_token: options.PageTokenOption = "",
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="From the account's first event on.")
    ] = False,
    start_seq: Annotated[
        int,
        typer.Option(
            "--start-seq", metavar="N", parser=options.UNITS, help="First, with --oldest-first."
        ),
    ] = 0,
) -> ChargingEventPage:
    """List the account's journal, newest first."""
    found: list[ChargingEvent] = []
    while len(found) < limit:
        page = client.list_charging_events_page(
            account_id,
            page_size=min(limit - len(found), PAGE_MAX),
            page_token=page_token,
            oldest_first=oldest_first,
            start_seq=start_seq,
        )
        found += page.events
        page_token = page.next_page_token
        if not page_token:
            break
    return ChargingEventPage(tuple(found), page_token)
