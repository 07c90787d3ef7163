"""The command line explains itself, on the terminal and in docs/cli.md."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ocs.cli import exits
from ocs.cli.main import app
from tools.cli_docs import cli_page, leaves

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
COMMANDS = [name for name, _ in leaves(typer.main.get_command(app), "ocs")]


def test_the_page_is_what_the_commands_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run: python -m tools.cli_docs"


def test_every_command_is_there() -> None:
    assert {
        "account create", "account show", "subscriber add", "subscriber lookup", "top-up",
        "cap set", "cap list", "reserve", "commit", "release", "debit", "events", "audit",
        "health", "up", "serve",
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
