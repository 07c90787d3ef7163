"""Rerate what was charged, by another version of the tariff."""

from datetime import datetime
from typing import Annotated

import typer

from ocs.cli import options
from ocs.cli.command import command
from ocs.cli.output import progress
from ocs.cli.rerate_results import RerateResult
from ocs.client import Client, UsageError

app = typer.Typer()


@command(
    app,
    "rerate",
    example="ocs rerate --tariff 2026-12 --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z",
)
def rerate(
    client: Client,
    *,
    tariff: Annotated[
        str,
        typer.Option(
            "--tariff",
            metavar="FILE|VERSION",
            help="To price by: a tariff file, or a version that is loaded.",
        ),
    ],
    from_time: Annotated[
        datetime,
        typer.Option(
            "--from", metavar="TIME", parser=options.INSTANT, help="Use that was priced then,"
        ),
    ],
    to_time: Annotated[
        datetime,
        typer.Option("--to", metavar="TIME", parser=options.INSTANT, help="or later, before this."),
    ],
    account_id: Annotated[
        str, typer.Option("--account", metavar="ID", help="Only this account; default all.")
    ] = "",
    plan: Annotated[
        str, typer.Option("--plan", metavar="ID", help="Only what this plan priced.")
    ] = "",
    service_id: options.ServiceOption = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Post the corrections: refunds, and debits of what is due."),
    ] = False,
) -> RerateResult:
    """Say what charges would have come to under another version, and correct them if asked to.

    Replays the journal: who paid for which units stays as it was, what money paid for is priced
    anew. Changes nothing without --apply. Corrections that are posted count as charged: run it
    again to see what is left, or after it was cut short. Exits with 1 if one could not be posted.
    """
    if from_time >= to_time:
        raise UsageError("--from must be before --to")
    # The domain is loaded here, so that the other commands start without it.
    from ocs.cli import rerating  # noqa: PLC0415  # as said

    version = rerating.tariff_of(client, tariff)
    asked = rerating.Asked(
        version, from_time, to_time, account_id, plan, service_id or "", apply=apply
    )
    with progress("accounts") as on_progress:
        return rerating.rerate(client, asked, on_progress)
