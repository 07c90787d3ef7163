"""The types of arguments and options that several commands share."""

import enum
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from ocs.cli import exits, parse
from ocs.cli.output import print_problem
from ocs.client import Identity, Unit
from ocs.client.insights import INSIGHTS_TARGET_DEFAULT, INSIGHTS_TARGET_VARIABLE

UNITS: Final = parse.argument(parse.whole)
MONEY: Final = parse.argument(parse.money)
INSTANT: Final = parse.argument(parse.instant)

AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
SubscriberId = Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="The line's id.")]
ServiceId = Annotated[str, typer.Argument(metavar="SERVICE", help="A service of the tariff.")]
PayerOf = Annotated[
    parse.Payer,
    typer.Argument(
        metavar="PAYER",
        parser=parse.argument(parse.payer),
        help="An account id, or the line msisdn:DIGITS, imsi:DIGITS or iccid:DIGITS.",
    ),
]
IdentityOf = Annotated[
    Identity,
    typer.Argument(
        metavar="IDENTITY",
        parser=parse.argument(parse.identity),
        help="msisdn:DIGITS, imsi:DIGITS or iccid:DIGITS.",
    ),
]
ReservationName = Annotated[
    str,
    typer.Argument(
        metavar="RESERVATION", help="Its full name, or ACCOUNT/RESERVATION within --tenant."
    ),
]
Quantity = Annotated[
    int, typer.Argument(metavar="UNITS", parser=UNITS, help="Units of the service, whole.")
]
EventName = Annotated[
    str,
    typer.Argument(metavar="EVENT", help="Its full name, or ACCOUNT/NUMBER within --tenant."),
]
WantedQuantity = Annotated[
    int | None,
    typer.Argument(metavar="[UNITS]", parser=UNITS, help="Units wanted; default the tariff's."),
]

LimitOption = Annotated[
    int, typer.Option("--limit", metavar="N", parser=UNITS, help="How many, at most 500.")
]
PageTokenOption = Annotated[
    str, typer.Option("--page-token", metavar="TOKEN", help="Continue behind a page.")
]
SubscriberOption = Annotated[
    str | None, typer.Option("--subscriber", metavar="ID", help="A line of the account.")
]
GroupOption = Annotated[
    str | None, typer.Option("--group", metavar="ID", help="A group of lines of the account.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, for the journal.")
]
ServiceOption = Annotated[
    str | None, typer.Option("--service", metavar="ID", help="Only this service.")
]
ZoneOption = Annotated[str | None, typer.Option("--zone", metavar="ID", help="Only this zone.")]
MoneyOption = Annotated[
    int | None,
    typer.Option("--money", metavar="12.50", parser=MONEY, help="Money, at most 6 decimals."),
]
UnitsOption = Annotated[
    int | None, typer.Option("--units", metavar="UNITS", parser=UNITS, help="Units, with --unit.")
]
UnitOption = Annotated[
    Unit | None,
    typer.Option(
        "--unit",
        metavar="octets|seconds|count",
        case_sensitive=False,
        help="What the units count.",
    ),
]
SessionOption = Annotated[
    str, typer.Option("--session", metavar="ID", help="The gateway's charging session.")
]
SequenceOption = Annotated[
    int | None,
    typer.Option(
        "--sequence-number", metavar="N", parser=UNITS, help="Order within session and service."
    ),
]
OtherPartyOption = Annotated[
    str,
    typer.Option("--other-party", metavar="DIGITS", help="The other end, E.164; picks the zone."),
]
VisitedNetworkOption = Annotated[
    str,
    typer.Option("--visited-network", metavar="PLMN", help="When roaming; picks the zone."),
]
EventTimeOption = Annotated[
    datetime | None,
    typer.Option(
        "--event-time", metavar="TIME", parser=INSTANT, help="When it happens; picks the tariff."
    ),
]
StartTimeOption = Annotated[
    datetime | None,
    typer.Option("--start-time", metavar="TIME", parser=INSTANT, help="Spendable from then."),
]
ExpireTimeOption = Annotated[
    datetime | None,
    typer.Option("--expire-time", metavar="TIME", parser=INSTANT, help="Not spendable from then."),
]
ValidityOption = Annotated[
    timedelta | None,
    typer.Option(
        "--validity",
        metavar="90s",
        parser=parse.argument(parse.span),
        help="Wanted validity, 1s to 24h.",
    ),
]
AllOrNothing = Annotated[bool, typer.Option("--all-or-nothing", help="Grant all of it or nothing.")]

Target = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="HOST:PORT", envvar="OCS_TARGET", help="Default localhost:7707."
    ),
]
InsightsTarget = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="HOST:PORT",
        envvar=INSIGHTS_TARGET_VARIABLE,
        help=f"Of `ocs insights`; default {INSIGHTS_TARGET_DEFAULT}.",
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        envvar="OCS_TLS_CA",
        help="PEM of who signed the service's certificate; default clear text.",
    ),
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option(
        "--tls-certificate",
        metavar="FILE",
        envvar="OCS_TLS_CLIENT_CERTIFICATE",
        help="PEM of a certificate of one's own, with --tls-key.",
    ),
]
TlsKey = Annotated[
    Path | None,
    typer.Option(
        "--tls-key", metavar="FILE", envvar="OCS_TLS_CLIENT_KEY", help="PEM of its private key."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        envvar="OCS_TOKEN_FILE",
        help="Holds the token; default what OCS_TOKEN says.",
    ),
]
Tenant = Annotated[
    str, typer.Option("--tenant", metavar="ID", envvar="OCS_TENANT", help="In resource names.")
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        parser=parse.argument(parse.seconds),
        help="Deadline, all attempts together.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Csv = Annotated[
    bool, typer.Option("--csv", help="Print comma-separated values, money in micro-units.")
]
RequestId = Annotated[
    str | None,
    typer.Option("--request-id", metavar="ID", help="Of an earlier attempt, to repeat it safely."),
]
RequestTime = Annotated[
    datetime | None,
    typer.Option(
        "--request-time", metavar="TIME", parser=INSTANT, help="Of the first attempt, with its id."
    ),
]

StoreUrl = Annotated[
    str | None,
    typer.Option("--store-url", metavar="URL", help="A store; default OCS_STORE_URL."),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Of `ocs up`; default .ocs.")
]
ArchiveDir = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        metavar="DIR",
        help="The journal's archive; default OCS_ARCHIVE_DIR, else in the data directory.",
    ),
]


class Durability(enum.StrEnum):
    """What an acknowledged write survives."""

    MEMORY = "memory"
    EVERYSEC = "everysec"
    ALWAYS = "always"


DURABILITY_WORDS: Final = "|".join(Durability)


def check_one_store(store_url: str | None, data_dir: Path | None) -> None:
    """Say that two stores are one too many, and exit."""
    if store_url is not None and data_dir is not None:
        print_problem("error", "two stores are named", "give --store-url or --data-dir, not both")
        raise typer.Exit(exits.USAGE)
