"""The command tree."""

import typer

from ocs.cli import (
    accounts,
    batch,
    bundles,
    caps,
    charging,
    corrections,
    exits,
    export,
    reading,
    report,
    report_state,
    rerate,
    system,
    tariffs,
    tokens,
    upkeep,
)

app = typer.Typer(
    name="ocs",
    help="Online charging: run the service, and talk to it as a gateway or an operator would.",
    epilog=exits.epilog(),
    no_args_is_help=True,
    add_completion=False,
    # A fault of ours is a plain traceback; the pretty one would print local values, keys included.
    pretty_exceptions_enable=False,
)
app.add_typer(accounts.account_app, name="account")
app.add_typer(accounts.subscriber_app, name="subscriber")
app.add_typer(reading.reservation_app, name="reservation")
app.add_typer(bundles.bundle_app, name="bundle")
app.add_typer(caps.cap_app, name="cap")
app.add_typer(tariffs.tariff_app, name="tariff")
app.add_typer(report.report_app, name="report")
app.add_typer(export.export_app, name="export")
app.add_typer(tokens.token_app, name="token")
for commands in (
    accounts.top_app,
    charging.app,
    batch.app,
    corrections.app,
    reading.app,
    report_state.app,
    rerate.app,
    system.app,
    upkeep.app,
):
    app.add_typer(commands)
