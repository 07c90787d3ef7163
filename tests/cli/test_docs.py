"""The command line explains itself, on the terminal and in docs/cli.md."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ocs.cli import exits
from ocs.cli.main import app
from ocs.v1 import (
    account_service_pb2,
    bundle_service_pb2,
    charging_service_pb2,
    insights_service_pb2,
    spending_cap_service_pb2,
    tariff_service_pb2,
)
from tests.cli.conftest import Run
from tests.client.scripted import Script, fail
from tools.cli_docs import cli_page, leaves

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cli.md"
LEAVES = dict(leaves(typer.main.get_command(app), "ocs"))
COMMANDS = list(LEAVES)
METHODS = ["Check"] + [
    method
    for module in (
        account_service_pb2,
        bundle_service_pb2,
        charging_service_pb2,
        insights_service_pb2,
        spending_cap_service_pb2,
        tariff_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods_by_name
]
RUN_HERE = {
    "ocs up",
    "ocs insights",
    "ocs serve",
    "ocs audit",
    "ocs doctor",
    "ocs backup",
    "ocs restore",
    "ocs tariff check",
    "ocs token new",
}


def test_the_page_is_what_the_commands_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run: python -m tools.cli_docs"


def test_every_command_is_there() -> None:
    assert {
        "account create", "account show", "account suspend", "account resume", "account close",
        "account update", "withdraw", "adjust", "reverse-top-up", "account list", "quote",
        "explain",
        "request", "reservation show", "reservation list", "subscriber add", "subscriber remove",
        "subscriber update",
        "subscriber lookup", "top-up", "cap set", "cap delete", "cap list", "reserve", "commit",
         "release", "debit", "batch", "refund", "events", "audit", "doctor", "backup", "restore",
         "health", "up", "serve", "tariff check", "tariff load", "tariff activate", "tariff show",
         "tariff list", "tariff diff", "token new", "bundle buy", "bundle cancel", "bundle list",
         "threshold", "correct-charge", "rerate", "insights", "sql", "report revenue",
         "report segments", "report usage", "report refusals", "report leakage", "report position",
         "report limits", "report account", "export cdr",
    } == {name.removeprefix("ocs ") for name in COMMANDS}  # fmt: skip


BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def command_lines() -> list[str]:
    """Every command line of ours in a block of the documents."""
    found = set()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in BLOCK.findall(path.read_text("utf-8")):
            for line in re.split(r"\n|&&", block):
                words = re.sub(r"^([A-Z_]+=\S+ +)*(\.venv/bin/)?", "", line.strip())
                if words.startswith("ocs "):
                    found.add(re.split(r" >|\s#", words)[0].strip())
    return sorted(found)


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_in_the_documents_is_one_that_is_taken(line: str) -> None:
    command: Any = typer.main.get_command(app)
    name, *words = shlex.split(line)
    with command.make_context("ocs", [], resilient_parsing=True) as context:
        while hasattr(command, "commands"):
            name, command, words = command.resolve_command(context, words)
            assert command is not None, name
    # Parses every argument and runs nothing.
    assert command.make_context(name, words)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_with_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split()[1:], "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert "Example: " in result.stdout
    assert name in result.stdout


def test_help_documents_the_exit_codes() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "1000"})

    assert result.exit_code == 0
    for code, meaning in exits.MEANINGS.items():
        assert f"{code} {meaning}" in result.stdout


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - RUN_HERE))
def test_the_example_is_a_command_line_that_sends_a_request(
    name: str, run: Run, script: Script
) -> None:
    example = LEAVES[name].epilog.removeprefix("Example: ")
    for method in METHODS:
        script.on(method, fail("FAILED_PRECONDITION", "UNIT_MISMATCH"))

    result = run(*shlex.split(example)[1:])

    assert result.exit_code == exits.REQUEST, result.output
    assert len(script.calls) == 1


def test_reasons_in_the_operators_page_are_those_that_there_are() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = page.partition("By what a caller is told")[2].partition("By what a start says")[0]
    rows = re.findall(r"^\| ([A-Z_, ]+) \|", table, re.MULTILINE)
    reasons = {reason for row in rows for reason in row.split(", ")}

    assert len(reasons) > 10
    assert reasons <= {*exits._BY_REASON, "INTERNAL"}
