"""A small share of `make exactness`."""

from pathlib import Path

from tests.campaigns.exactness import run_exactness


async def test_every_figure_is_exact_whatever_was_killed(tmp_path: Path) -> None:
    result = await run_exactness(tmp_path, events=2_500, kills=3, seed=4)
    assert result.violations == []
    events = result.figures["events"]
    assert isinstance(events, int)
    assert events > 2_000
