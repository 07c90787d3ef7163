"""The scripts do what the specification says: a small share of `make model`."""

from pathlib import Path

from tests.campaigns.model import run_model


def test_scripts_equal_specification(tmp_path: Path) -> None:
    done = run_model(tmp_path, step_count=20_000, seed=1)

    assert done >= 20_000
