"""Ask the figures what is there now, what happened to an account, and in SQL."""

from pathlib import Path
from typing import Annotated

import typer

from ocs.cli import options
from ocs.cli.command import command
from ocs.cli.report import report_app
from ocs.client import Client, UsageError
from ocs.client.insights import LimitPage, PositionResult, QueryResult, TimelinePage

app = typer.Typer()

_PERMILLE_PER_PERCENT = 10

Limit = Annotated[
    int, typer.Option("--limit", metavar="COUNT", parser=options.UNITS, help="A page; default 50.")
]


@command(report_app, "position", example="ocs report position", of_insights=True, tabled=True)
def position(client: Client) -> PositionResult:
    """What is held, and what customers have paid for and not used, by segment."""
    return client.get_position()


@command(
    report_app, "limits", example="ocs report limits --share 90", of_insights=True, tabled=True
)
def limits(
    client: Client,
    *,
    share: Annotated[
        int,
        typer.Option(
            "--share", metavar="PERCENT", parser=options.UNITS, help="Spent at least; default 80."
        ),
    ] = 80,
    segment: Annotated[str | None, typer.Option("--segment", metavar="ID", help="Only it.")] = None,
    account_id: Annotated[
        str, typer.Option("--account", metavar="ID", help="Only its caps, its lines' and groups'.")
    ] = "",
    limit: Limit = 0,
    page_token: options.PageTokenOption = "",
) -> LimitPage:
    """Who approaches a limit: caps of accounts, lines and groups, the nearest first."""
    return client.list_limits_page(
        share_permille_min=share * _PERMILLE_PER_PERCENT,
        segment=segment,
        account_id=account_id,
        page_size=limit,
        page_token=page_token,
    )


@command(report_app, "account", example="ocs report account acme", of_insights=True, tabled=True)
def account(
    client: Client,
    account_id: options.AccountId,
    *,
    limit: Limit = 0,
    page_token: options.PageTokenOption = "",
) -> TimelinePage:
    """What happened to an account, newest first, with what it brought and cost."""
    return client.list_timeline_page(account_id, page_size=limit, page_token=page_token)


@command(
    app,
    "sql",
    example='ocs sql "select segment, sum(used_units) from events group by all"',
    of_insights=True,
    tabled=True,
)
def sql(
    client: Client,
    query: Annotated[str | None, typer.Argument(metavar="SELECT", help="DuckDB's SQL.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Has the SELECT.")
    ] = None,
) -> QueryResult:
    """Run one SELECT over the tables of the figures, as operator: 10,000 rows, 20 s at most.

    docs/operations.md lists the tables.
    """
    if (query is None) == (file is None):
        raise UsageError("give a SELECT, or --file, one of them")
    if file is not None:
        try:
            query = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read") from error
    assert query is not None
    return client.run_query(query)
