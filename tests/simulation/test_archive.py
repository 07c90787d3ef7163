"""A small share of `make archive`."""

from pathlib import Path

import pytest

from tests.campaigns.archive import run_archive

pytestmark = pytest.mark.xdist_group("services")


async def test_every_event_is_archived_exactly_once_whoever_is_killed(tmp_path: Path) -> None:
    result = await run_archive(tmp_path, events=12_000, kills=4, seed=2)

    assert result.violations == []
    assert result.figures["archivers killed"] != 4, "one was put to sleep"
