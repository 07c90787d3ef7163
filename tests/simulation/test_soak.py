"""A small share of `make soak`."""

from pathlib import Path

import pytest

from tests.campaigns.soak import run_soak

pytestmark = pytest.mark.xdist_group("services")


async def test_no_call_misses_the_projector_and_it_catches_up(tmp_path: Path) -> None:
    result = await run_soak(tmp_path, minutes=0.1, seed=3)

    assert result.violations == []
    assert result.figures["calls refused or lost"] == 0
