"""docs/cli.md, from the command tree itself: `python -m tools.cli_docs` prints it."""

import sys
from collections.abc import Iterator
from typing import Any

import typer

from ocs.cli import exits
from ocs.cli.main import app

# Written once, not for each command.
ACCESS = ("target", "tls_ca", "tls_certificate", "tls_key", "token_file")
COMMON = (*ACCESS, "tenant", "timeout_s", "as_json", "request_id", "request_time")

# What would end a cell of a table.
BAR = "\\|"

INTRODUCTION = """\
`ocs` runs the service (`up`, `serve`), proves its books (`audit`), and talks to it as a gateway or
an operator would. `ocs COMMAND --help` shows the same as this page.

Money is typed in units of its currency (`12.50`, at most 6 decimals), units in whole numbers; both
in plain digits, up to 2^53-1 micro-units or units. Times are typed like `2026-11-23T12:00:00Z`,
spans like `90s`, `10m`, `24h`. A PAYER is an account id, or a line as `msisdn:DIGITS`,
`imsi:DIGITS` or `iccid:DIGITS`. A RESERVATION is its full name, or `ACCOUNT/RESERVATION`.

Answers go to standard output: text, or with `--json` one object with whole numbers as numbers,
times as RFC 3339 in UTC, money in micro-units, and null for what was not said. Errors go to
standard error: one line says what is wrong, one line what to do next.

A command that changes something has a request id of its own. If its outcome is unknown (exit code
5), repeat it with the `--request-id` and `--request-time` that the error names: it is applied once
at most."""


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that runs, with its full name; what only our own processes start is none."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, one in below.items():
        if one.hidden:
            continue
        yield from leaves(one, f"{path} {name}")


def row(parameter: Any) -> str:
    """A parameter as a row of its table."""
    option = parameter.opts[0].startswith("-")
    name = parameter.opts[0] if option else parameter.metavar
    value = f" {parameter.metavar}" if option and not parameter.is_flag else ""
    needed = "yes" if parameter.required else ""
    cells = (f"`{name}{value}`", needed, parameter.help)
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def section(name: str, command: Any) -> list[str]:
    """One command."""
    own = [one for one in command.params if one.name not in (*COMMON, "help")]
    lines = [f"## {name}", "", command.help, "", "```", command.epilog.split(": ", 1)[1], "```"]
    if own:
        lines += ["", "| Parameter | Required | Meaning |", "| --- | --- | --- |"]
        lines += [row(one) for one in own]
    return [*lines, ""]


def cli_page() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    commands = list(leaves(root, "ocs"))
    common = {one.name: one for _, command in commands for one in command.params}
    lines = [
        "<!-- Written by `python -m tools.cli_docs` from ocs/cli. -->",
        "",
        "# Command line",
        "",
        INTRODUCTION,
        "",
        "| Exit code | Meaning |",
        "| --- | --- |",
        *(f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items()),
        "",
        "Options of every command that calls the service, the last two if it changes something:",
        "",
        "| Parameter | Required | Meaning |",
        "| --- | --- | --- |",
        *(row(common[name]) for name in COMMON),
        "",
    ]
    for name, command in commands:
        lines += section(name, command)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(cli_page())
