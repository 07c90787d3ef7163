"""Run the service, and prove its books."""

from pathlib import Path
from typing import Annotated

import typer

from ocs.cli import exits, local, options
from ocs.cli.output import (
    Block,
    Fields,
    Listing,
    print_blocks,
    print_json,
    print_problem,
    progress,
)

app = typer.Typer()


@app.command("up", epilog="Example: ocs up --data-dir .ocs")
def up(
    *,
    data_dir: Annotated[
        Path, typer.Option("--data-dir", metavar="DIR", help="Where the embedded store lives.")
    ] = local.DATA_DIR_DEFAULT,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", parser=options.UNITS, help="Of localhost.")
    ] = 7707,
    durability: Annotated[
        options.Durability,
        typer.Option(
            "--durability",
            metavar=options.DURABILITY_WORDS,
            help="When the store writes to disk.",
        ),
    ] = options.Durability.ALWAYS,
    tariff: Annotated[
        Path | None,
        typer.Option("--tariff", metavar="FILE", help="Price book; default the built-in one."),
    ] = None,
    insights_port: Annotated[
        int | None,
        typer.Option(
            "--insights-port",
            metavar="PORT",
            parser=options.UNITS,
            help="Of the figures; default the next after --port.",
        ),
    ] = None,
    dashboard_port: Annotated[
        int | None,
        typer.Option(
            "--dashboard-port",
            metavar="PORT",
            parser=options.UNITS,
            help="Of the dashboard; default the one after that.",
        ),
    ] = None,
    no_insights: Annotated[
        bool, typer.Option("--no-insights", help="Without the process that keeps the figures.")
    ] = False,
) -> None:
    """Run the service with an embedded store in a directory, until Ctrl-C.

    The figures, `ocs report` and the dashboard, come from a process beside it that starts and ends
    with it.
    """
    insights = (port + 1 if port else 0) if insights_port is None else insights_port
    dashboard = (insights + 1 if insights else 0) if dashboard_port is None else dashboard_port
    figures_ports = None if no_insights else (insights, dashboard)
    raise typer.Exit(local.up(data_dir, port, durability.value, tariff, figures_ports))


@app.command("insights", epilog="Example: OCS_STORE_URL=redis://store:6379 ocs insights")
def insights(
    *,
    store_url: options.StoreUrl = None,
    data_dir: options.DataDir = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Default OCS_INSIGHTS_LISTEN."),
    ] = None,
    tied: Annotated[
        bool, typer.Option("--tied", help="End when standard input does.", hidden=True)
    ] = False,
) -> None:
    """Keep the figures of a service, and tell them, until a signal: what `ocs report` asks.

    Follows the journal of the store that the OCS_* settings, or a directory of `ocs up`, name.
    Charging does not need it, and it may be stopped and started at any time.
    """
    options.check_one_store(store_url, data_dir)
    raise typer.Exit(local.insights(data_dir, store_url, listen, tied=tied))


@app.command("archiver", hidden=True)
def archiver(
    *,
    tell: Annotated[
        int | None, typer.Option("--tell", help="The descriptor that takes what was done.")
    ] = None,
) -> None:
    """Archive the journal of a store for the service that starts this, until that is gone."""
    raise typer.Exit(local.archiver(tell))


@app.command("serve", epilog="Example: OCS_STORE_URL=redis://store:6379 ocs serve")
def serve() -> None:
    """Run the service on your own store, as the OCS_* settings say, until a signal."""
    raise typer.Exit(local.serve())


@app.command("audit", epilog="Example: ocs audit --data-dir .ocs")
def audit(
    *,
    store_url: options.StoreUrl = None,
    data_dir: options.DataDir = None,
    archive_dir: options.ArchiveDir = None,
    as_json: options.Json = False,
) -> None:
    """Fold the journal and compare every bucket, cap, hold and number with it.

    Runs beside traffic. Exits with 1 and names account, term and both values on any difference,
    with 5 if there is no store to read.
    """
    options.check_one_store(store_url, data_dir)
    try:
        with progress("audit") as on_progress:
            report = local.audit(store_url, data_dir, archive_dir, on_progress)
    except local.UpkeepFailedError as error:
        print_problem("error", f"no audit: {error}", "see whether the store runs, and run it again")
        raise typer.Exit(exits.UNAVAILABLE) from error
    _print_report(report, as_json=as_json)
    if report.difference_count:
        raise typer.Exit(exits.FAULT)


def _print_report(report: local.AuditReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report_object(report))
    else:
        print_blocks(report_blocks(report))


def report_object(report: local.AuditReport) -> dict[str, object]:
    """An audit's report as JSON shows it."""
    return {
        "ok": report.difference_count == 0,
        "account_count": report.account_count,
        "event_count": report.event_count,
        "difference_count": report.difference_count,
        "differences": _rows(report),
    }


def report_blocks(report: local.AuditReport) -> list[Block]:
    """An audit's report as text shows it."""
    rows = _rows(report)
    verdict = f"{report.difference_count} differences" if report.difference_count else "ok"
    counted = f"{report.account_count} accounts, {report.event_count} events"
    if report.difference_count > len(rows):
        counted += f"; the first {len(rows)} are shown"
    blocks: list[Block] = []
    if rows:
        columns = tuple(rows[0])
        blocks.append(Listing(columns, [[str(row[name]) for name in columns] for row in rows]))
    return [*blocks, Fields([("audit:", f"{verdict} ({counted})")])]


def _rows(report: local.AuditReport) -> list[dict[str, object]]:
    return [
        {
            "tenant": one.tenant,
            "account_id": one.account_id,
            "term": one.term,
            "stored": one.stored,
            "journal": one.journal,
        }
        for one in report.differences
    ]
