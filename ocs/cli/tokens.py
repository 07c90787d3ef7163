"""Make a credential for someone who shall call the service."""

from datetime import datetime
from typing import Annotated

import typer

from ocs.cli import exits, local, options
from ocs.cli.output import print_json, print_problem

token_app = typer.Typer(help="Credentials of those who call.", no_args_is_help=True)


@token_app.command("new", epilog="Example: ocs token new --id gw-1 --tenant main --role gateway")
def new(
    *,
    actor: Annotated[
        str, typer.Option("--id", metavar="ID", help="Who calls; stands in every event.")
    ],
    role: Annotated[
        list[str],
        typer.Option(
            "--role", metavar="gateway|top_up|operator|reader", help="May be given several times."
        ),
    ],
    tenant_id: Annotated[
        str, typer.Option("--tenant", metavar="ID", help="Whose accounts it may name.")
    ] = "main",
    expires: Annotated[
        datetime | None,
        typer.Option(
            "--expires", metavar="TIME", parser=options.INSTANT, help="Not valid from then."
        ),
    ] = None,
    certificate: Annotated[
        str,
        typer.Option(
            "--certificate",
            metavar="CN:NAME|URI:NAME",
            help="Instead of a token: the client certificate of this name.",
        ),
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Make a token, and the entry of its hash for the file of OCS_CREDENTIALS_PATH.

    The entry goes to standard output, the token itself, shown this once, to standard error.
    """
    try:
        made = local.new_credential(actor, tenant_id, role, expires, certificate)
    except local.CredentialRefusedError as error:
        print_problem("error", str(error), "see `--help` of the command")
        raise typer.Exit(exits.USAGE) from error
    if as_json:
        print_json({"token": made.token or None, "entry": made.entry})
        return
    typer.echo(made.entry, nl=False)
    if made.token:
        typer.echo(f"token, shown this once: {made.token}", err=True)
