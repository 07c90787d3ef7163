"""The command line against a scripted server: what is sent, what is shown, with which exit code."""

from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from ocs.cli.main import app
from tests.client.scripted import Script, serving

Run = Callable[..., Result]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def run(script: Script) -> Iterator[Run]:
    """Run `ocs` with these arguments."""
    with serving(script) as target:

        def run_with(*arguments: str) -> Result:
            return CliRunner().invoke(
                app,
                [*arguments],
                env={"OCS_TARGET": target, "OCS_INSIGHTS_TARGET": target, "COLUMNS": "200"},
            )

        yield run_with
