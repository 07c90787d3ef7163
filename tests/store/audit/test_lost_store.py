"""A store that goes away while it is audited."""

import asyncio
from pathlib import Path

import pytest

from ocs.store.embedded import private_valkey
from ocs.upkeep import UpkeepError, run_audit
from tests.support.live import serving


async def test_a_store_lost_on_the_way_ends_the_audit_without_a_verdict(tmp_path: Path) -> None:
    with private_valkey(tmp_path) as store:
        async with serving(store) as live:
            await live.open(micros=1)
        told: list[int] = []

        def kill(done: int, _: int) -> None:
            told.append(done)
            store.kill()
            assert store.wait_dead(10.0)

        whole = await asyncio.to_thread(run_audit, store_url=store.url, data_dir=None)
        with pytest.raises(UpkeepError, match="was lost during the audit"):
            await asyncio.to_thread(run_audit, store_url=store.url, data_dir=None, on_progress=kill)

    assert (whole.difference_count, whole.event_count) == (0, 2)
    assert told == [2]
