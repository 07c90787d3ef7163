"""A small share of `make exactness`."""

from pathlib import Path

import pytest

from tests.campaigns.exactness import run_exactness

pytestmark = pytest.mark.xdist_group("services")


async def test_every_figure_is_exact_whatever_was_killed(tmp_path: Path) -> None:
    result = await run_exactness(tmp_path, events=2_500, kills=1, seed=4)

    assert result.violations == []
    assert (result.figures["projectors killed"], result.figures["archivers killed"]) == (1, 1)
