"""The command line explains itself, on the terminal and in docs/cli.md."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ocs.cli import exits
from ocs.cli.main import app
from ocs.v1 import account_service_pb2, charging_service_pb2, spending_cap_service_pb2
from tests.cli.conftest import Run
from tests.client.scripted import Script, fail
from tools.cli_docs import cli_page, leaves

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
LEAVES = dict(leaves(typer.main.get_command(app), "ocs"))
COMMANDS = list(LEAVES)
METHODS = ["Check"] + [
    method
    for module in (account_service_pb2, charging_service_pb2, spending_cap_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods_by_name
]
RUN_HERE = {"ocs up", "ocs serve", "ocs audit", "ocs token new"}


def test_the_page_is_what_the_commands_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run: python -m tools.cli_docs"


def test_every_command_is_there() -> None:
    assert {
        "account create", "account show", "account suspend", "account resume", "account close",
        "account update", "withdraw", "adjust", "reverse-top-up", "account list", "quote",
        "request", "reservation show", "reservation list", "subscriber add", "subscriber remove",
        "subscriber lookup", "top-up", "cap set", "cap delete", "cap list", "reserve", "commit",
        "release", "debit", "refund", "events", "audit", "health", "up", "serve", "token new",
    } == {name.removeprefix("ocs ") for name in COMMANDS}  # fmt: skip


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

    result = run(*example.split()[1:])

    assert result.exit_code == exits.REQUEST, result.output
    assert len(script.calls) == 1
