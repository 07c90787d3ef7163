"""A small share of `make archive`."""

from pathlib import Path

import pytest

from tests.campaigns.archive import run_archive

pytestmark = pytest.mark.xdist_group("services")


async def test_every_event_is_archived_exactly_once_whoever_wakes_too_late(tmp_path: Path) -> None:
    result = await run_archive(tmp_path, events=12_000, sleeps=4, seed=2)

    assert result.violations == []
    assert result.figures["archivers put to sleep"] == 4
