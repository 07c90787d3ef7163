"""Reserve, commit, release and debit: what a gateway does, by hand."""

from typing import Annotated, Unpack

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.client import (
    Basis,
    Client,
    CommitResult,
    DebitResult,
    GrantResult,
    HealthResult,
    NextGrant,
    OverrunPolicy,
    RefundResult,
    ReleaseResult,
    UsageError,
)
from ocs.client.operation import Sending

app = typer.Typer()


@command(app, "reserve", example="ocs reserve alice data 5000000")
def reserve(
    client: Client,
    payer: options.PayerOf,
    service_id: options.ServiceId,
    requested_units: options.WantedQuantity = None,
    *,
    subscriber_id: options.SubscriberOption = None,
    all_or_nothing: options.AllOrNothing = False,
    unit: options.UnitOption = None,
    session_id: options.SessionOption = "",
    sequence_number: options.SequenceOption = None,
    reservation_id: Annotated[
        str, typer.Option("--reservation-id", metavar="ID", help="Default the request id.")
    ] = "",
    validity: options.ValidityOption = None,
    other_party: options.OtherPartyOption = "",
    visited_network: options.VisitedNetworkOption = "",
    event_time: options.EventTimeOption = None,
    **sending: Unpack[Sending],
) -> GrantResult:
    """Hold units of a service: all there are of those asked for, unless --all-or-nothing."""
    return client.reserve(
        account_id=payer.account_id,
        identity=payer.identity,
        subscriber_id=subscriber_id or "",
        service_id=service_id,
        requested_units=requested_units,
        unit=unit,
        all_or_nothing=all_or_nothing,
        session_id=session_id,
        sequence_number=sequence_number,
        reservation_id=reservation_id,
        validity=validity,
        other_party=other_party,
        visited_network=visited_network,
        event_time=event_time,
        **sending,
    ).grant


@command(app, "commit", example="ocs commit alice/r1 4200000")
def commit(
    client: Client,
    reservation: options.ReservationName,
    used_units: options.Quantity,
    *,
    next_grant: Annotated[
        NextGrant | None,
        typer.Option(
            "--next",
            metavar="UNITS|default",
            parser=parse.argument(parse.next_grant),
            help="Hold so many anew, or as many as the tariff says, and go on.",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the rest held.")] = False,
    reject_overrun: Annotated[
        bool, typer.Option("--reject-overrun", help="Refuse if more was used than is held.")
    ] = False,
    sequence_number: options.SequenceOption = None,
    unit: options.UnitOption = None,
    **sending: Unpack[Sending],
) -> CommitResult:
    """Settle used units. The rest goes back and the reservation ends, unless --next or --keep.

    Exits with 3 if the use was charged but the next grant refused.
    """
    return client.commit(
        parse.reservation(reservation, client.reservation_name),
        used_units,
        next_grant=next_grant,
        keep=keep,
        sequence_number=sequence_number,
        overrun_policy=OverrunPolicy.REJECT if reject_overrun else None,
        unit=unit,
        **sending,
    )


@command(app, "release", example="ocs release alice/r1")
def release(
    client: Client, reservation: options.ReservationName, **sending: Unpack[Sending]
) -> ReleaseResult:
    """Give back all that a reservation holds, and close it. Charges nothing."""
    return client.release(parse.reservation(reservation, client.reservation_name), **sending)


@command(
    app,
    "debit",
    example="ocs debit msisdn:4915112345678 sms 1 --basis authorize",
)
def debit(
    client: Client,
    payer: options.PayerOf,
    service_id: options.ServiceId,
    used_units: options.Quantity,
    *,
    basis: Annotated[
        Basis,
        typer.Option(
            "--basis",
            metavar="authorize|used",
            case_sensitive=False,
            help="Charge all or refuse; or it happened: charge what can be.",
        ),
    ],
    subscriber_id: options.SubscriberOption = None,
    unit: options.UnitOption = None,
    session_id: options.SessionOption = "",
    sequence_number: options.SequenceOption = None,
    other_party: options.OtherPartyOption = "",
    visited_network: options.VisitedNetworkOption = "",
    event_time: options.EventTimeOption = None,
    **sending: Unpack[Sending],
) -> DebitResult:
    """Charge one event at once, without a reservation."""
    return client.debit(
        account_id=payer.account_id,
        identity=payer.identity,
        subscriber_id=subscriber_id or "",
        service_id=service_id,
        used_units=used_units,
        unit=unit,
        basis=basis,
        session_id=session_id,
        sequence_number=sequence_number,
        other_party=other_party,
        visited_network=visited_network,
        event_time=event_time,
        **sending,
    )


@command(app, "refund", example="ocs refund alice/17 --share main=500000")
def refund(
    client: Client,
    event: options.EventName,
    *,
    shares: Annotated[
        list[parse.Share] | None,
        typer.Option(
            "--share",
            metavar="BUCKET=QUANTITY",
            parser=parse.argument(parse.share),
            help="Micro-units or units it gets back; several times. Default all.",
        ),
    ] = None,
    bucket_id: Annotated[
        str, typer.Option("--bucket", metavar="ID", help="Where to, if one that paid is gone.")
    ] = "",
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> RefundResult:
    """Give back what a commit or debit collected, also weeks later."""
    by_bucket = {share.bucket_id: share.quantity for share in shares or ()}
    if len(by_bucket) != len(shares or ()):
        raise UsageError("give each bucket one --share")
    name = parse.event(event, client.tenant)
    return client.refund(name, shares=by_bucket, bucket_id=bucket_id, reason=reason, **sending)


@command(app, "health", example="ocs health")
def health(
    client: Client,
    *,
    service: Annotated[
        str, typer.Option("--service", metavar="NAME", help="ocs.readiness, or ocs.liveness.")
    ] = "",
) -> HealthResult:
    """Ask the service whether it takes calls; exits with 5 if it does not."""
    return client.health(service)
