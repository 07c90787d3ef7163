"""Look after a store."""

from pathlib import Path
from typing import Annotated

import typer

from ocs.cli import exits, local, options, system
from ocs.cli.output import Fields, plain, print_blocks, print_json, print_problem, progress

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


@app.command("backup", epilog="Example: ocs backup books.ocs --data-dir .ocs")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="To be made; never overwritten.")],
    *,
    store_url: options.StoreUrl = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Write a whole store, as of one moment, into one file, while its services go on.

    All that was acknowledged before the command is in it. The file is whole or not there.
    """
    options.check_one_store(store_url, data_dir)
    try:
        made = local.backup(file, store_url, data_dir, progress)
    except local.UpkeepFailedError as error:
        print_problem("error", f"no backup: {error}", "put that right, and run it again")
        raise typer.Exit(exits.UNAVAILABLE) from error
    store = f"{made.header.product} {made.header.version}"
    if as_json:
        print_json(
            {
                "file": str(file),
                "created": made.header.created,
                "store": store,
                "snapshot_bytes": made.snapshot_bytes,
            }
        )
    else:
        told = f"{file}, {made.snapshot_bytes:,} bytes of {store}, as of {made.header.created}"
        print_blocks([Fields([("backup:", told)])])


@app.command("restore", epilog="Example: ocs restore books.ocs --data-dir restored")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `ocs backup` made.")],
    *,
    store_url: Annotated[
        str | None,
        typer.Option("--store-url", metavar="URL", help="An empty store, with no service on it."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Of a later `ocs up`, without a store."),
    ] = None,
    archive_dir: options.ArchiveDir = None,
    as_json: options.Json = False,
) -> None:
    """Restore a backup into an empty store elsewhere, and audit it there.

    A file that is cut short or changed is refused, and a store that is not empty. Exits with 1 if
    the audit finds a difference. The audit reads what the store had let go of from the archive,
    which no backup contains.
    """
    options.check_one_store(store_url, data_dir)
    if store_url is None and data_dir is None:
        print_problem("error", "no place is named", "give --store-url or --data-dir")
        raise typer.Exit(exits.USAGE)
    try:
        done = local.restore(file, store_url, data_dir, archive_dir, progress)
    except local.UpkeepFailedError as error:
        print_problem("error", f"not restored: {error}", "put that right, and run it again")
        raise typer.Exit(exits.UNAVAILABLE) from error
    if as_json:
        audit = system.report_object(done.report)
        print_json({"file": str(file), "created": done.header.created, "audit": audit})
    else:
        told = f"{file}, as of {done.header.created}"
        print_blocks([Fields([("restored:", told)]), *system.report_blocks(done.report)])
    if done.report.difference_count:
        raise typer.Exit(exits.FAULT)
