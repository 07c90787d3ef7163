"""Look after a store."""

from typing import Annotated

import typer

from ocs.cli import exits, local, options
from ocs.cli.output import plain, print_json, print_problem

app = typer.Typer()


@app.command("doctor", epilog="Example: ocs doctor --durability everysec")
def doctor(
    *,
    store_url: options.StoreUrl = None,
    data_dir: options.DataDir = None,
    durability: Annotated[
        options.Durability | None,
        typer.Option(
            "--durability",
            metavar=options.DURABILITY_WORDS,
            help="The least that will do; default OCS_DURABILITY, else always.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check whether a store may hold money, one line per check, with what to do.

    Changes nothing. Exits with 1 on a fault, with 5 if there is no store to check. What is a fault
    of version, flaws, role, eviction, durability or layout, `ocs serve` refuses as well.
    """
    options.check_one_store(store_url, data_dir)
    try:
        findings = local.doctor(store_url, data_dir, durability.value if durability else None)
    except local.UpkeepFailedError as error:
        print_problem("error", str(error), "see whether the store runs, and run it again")
        raise typer.Exit(exits.UNAVAILABLE) from error
    ok = all(one.level != "fault" for one in findings)
    if as_json:
        rows = [
            {"check": one.check, "result": one.level, "found": one.found, "next": one.step or None}
            for one in findings
        ]
        print_json({"ok": ok, "checks": rows})
    else:
        width = max(len(one.check) for one in findings)
        for one in findings:
            step = f"; next: {one.step}" if one.step else ""
            typer.echo(plain(f"{one.level:<7}  {one.check:<{width}}  {one.found}{step}"))
    if not ok:
        raise typer.Exit(exits.FAULT)
