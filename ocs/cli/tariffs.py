"""Check tariffs, load them, and see what is loaded."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ocs.cli import exits, local, options
from ocs.cli.command import command
from ocs.cli.output import (
    Block,
    Fields,
    Listing,
    print_blocks,
    print_json,
    print_problem,
    print_problems,
)
from ocs.cli.tariff_views import TariffShown
from ocs.client import Client, UsageError
from ocs.client.tariffs import (
    ActivateTariffResult,
    DiffTariffsResult,
    LoadTariffResult,
    TariffPage,
)

tariff_app = typer.Typer(help="Tariffs: what services cost.", no_args_is_help=True)


@tariff_app.command("check", epilog="Example: ocs tariff check mvno.yaml")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A tariff, YAML.")],
    *,
    as_json: options.Json = False,
) -> None:
    """Read a tariff as the service would, and say what it offers or what is wrong where.

    Needs no service. Exits with 4 and names file, line, column and rule of up to 20 faults.
    """
    try:
        summary, faults = local.check_tariff(file)
    except local.UpkeepFailedError as error:
        print_problem("error", str(error), "check the path, and run it again")
        raise typer.Exit(exits.USAGE) from error
    if as_json:
        print_json(
            {
                "ok": not faults,
                "faults": [
                    {"line": one.line, "column": one.column, "path": one.path, "rule": one.rule}
                    for one in faults
                ],
                "tariff": summary,
            }
        )
    elif summary is not None:
        print_blocks(summary_blocks(summary))
    else:
        print_problems(
            "error", [f"{file}:{one}" for one in faults], "correct it, and run the check again"
        )
    if faults:
        raise typer.Exit(exits.REQUEST)


def summary_blocks(summary: dict[str, Any]) -> list[Block]:
    """A tariff's summary as text shows it."""
    tax = "tax included" if summary["tax_included"] else "tax not included"
    plans = [
        (plan["plan"], ", ".join(plan["services"]), str(plan["price_count"]))
        for plan in summary["plans"]
    ]
    return [
        Fields(
            [
                ("tariff", summary["version"]),
                ("prices", f"{summary['currency']}, {tax}"),
                ("services", ", ".join(summary["services"])),
                ("zones", str(len(summary["zones"]))),
                ("prefixes", str(summary["prefix_count"])),
                ("networks", str(summary["network_count"])),
                ("partners", ", ".join(summary["partners"])),
            ]
        ),
        Listing(("plan", "services", "prices"), plans),
    ]


ActivateTime = Annotated[
    datetime | None,
    typer.Option(
        "--activate", metavar="TIME", parser=options.INSTANT, help="Price from then; 5 s ahead."
    ),
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Of a tariff.")]


@command(
    tariff_app,
    "load",
    example="ocs tariff load examples/mvno.yaml --activate 2026-12-01T00:00:00Z",
)
def load(
    client: Client,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A tariff, YAML.")],
    *,
    activate_time: ActivateTime = None,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check only; store nothing.")
    ] = False,
) -> LoadTariffResult:
    """Load a version of the tenant's tariff, which is then never changed nor removed.

    Without --activate it waits for `ocs tariff activate`. Safe to repeat.
    """
    try:
        text = local.read_tariff_file(file)
    except local.UpkeepFailedError as error:
        raise UsageError(str(error)) from None
    return client.load_tariff(text, activate_time=activate_time, validate_only=validate_only)


@command(tariff_app, "activate", example="ocs tariff activate mvno-7 2026-12-01T00:00:00Z")
def activate(
    client: Client,
    version: Version,
    activate_time: Annotated[
        datetime,
        typer.Argument(metavar="TIME", parser=options.INSTANT, help="Price from then; 5 s ahead."),
    ],
) -> ActivateTariffResult:
    """Schedule a version that was loaded without a time; it is never scheduled anew."""
    return client.activate_tariff(version, activate_time)


@command(tariff_app, "show", example="ocs tariff show mvno-7")
def show(client: Client, version: Version) -> TariffShown:
    """The text of a version, as it was loaded."""
    found = client.get_tariff(version)
    return TariffShown(found.tariff, found.text.decode("utf-8"))


@command(tariff_app, "list", example="ocs tariff list")
def list_tariffs(
    client: Client,
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="COUNT", parser=options.UNITS, help="A page; default 50."),
    ] = 0,
    page_token: options.PageTokenOption = "",
) -> TariffPage:
    """The versions of the tenant's tariff, in the order in which they price."""
    return client.list_tariffs_page(page_size=limit, page_token=page_token)


@command(tariff_app, "diff", example="ocs tariff diff mvno-7 mvno-8")
def diff(
    client: Client,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A version.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="A version.")],
) -> DiffTariffsResult:
    """What two versions price differently, by sample uses of each plan, service and zone."""
    return client.diff_tariffs(before, after)
