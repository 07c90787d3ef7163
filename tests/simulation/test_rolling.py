"""A small share of `make rolling`."""

from pathlib import Path

import pytest

from tests.campaigns.rolling import run_rolling


@pytest.mark.xdist_group("services")
async def test_processes_are_exchanged_under_load_and_no_call_fails(tmp_path: Path) -> None:
    result = await run_rolling(tmp_path, restarts=3, seed=1, clients=12, account_count=10)

    assert result.violations == []
    assert result.figures["failed calls"] == 0
    assert result.figures["lost"] == result.figures["doubled"] == 0
    assert result.figures["audit"] == "ok"
