"""Check tariffs, load them, and see what is loaded."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ocs.cli import exits, local, options
from ocs.cli.output import (
    Block,
    Fields,
    Listing,
    print_blocks,
    print_json,
    print_problem,
    print_problems,
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
