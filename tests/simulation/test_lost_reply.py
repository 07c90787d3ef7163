"""A small share of `make lost-reply`."""

from pathlib import Path

import pytest

from tests.campaigns.lost_reply import run_lost_reply

pytestmark = pytest.mark.xdist_group("services")


async def test_no_lost_reply_doubles_anything(tmp_path: Path) -> None:
    result = await run_lost_reply(tmp_path, op_count=300, seed=1, account_count=10)

    assert result.violations == []
    assert result.figures["lost"] == result.figures["doubled"] == 0
    assert result.figures["unresolved"] == 0
