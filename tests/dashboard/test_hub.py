"""Snapshots for many pages: made once, and no page waits for another."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from ocs.dashboard.hub import FullError, Hub, News
from ocs.dashboard_app import _reporter
from ocs.rpc.page_snapshot import PageSnapshots


class Reports:
    """Counts what was made for whom."""

    def __init__(self) -> None:
        self.made: list[str] = []

    async def __call__(self, tenant: str) -> News:
        self.made.append(tenant)
        return News("snapshot", f"{tenant}-{self.made.count(tenant)}")


async def first_of(news: AsyncIterator[News]) -> str:
    return (await asyncio.wait_for(anext(news), 5)).data


async def test_one_snapshot_serves_all_pages_of_a_tenant() -> None:
    reports = Reports()
    hub = Hub(reports)
    pages = [hub.watch("main"), hub.watch("main"), hub.watch("alpine")]
    task = asyncio.create_task(hub.run())
    assert [await first_of(page) for page in pages] == ["main-1", "main-1", "alpine-1"]
    assert sorted(reports.made) == ["alpine", "main"]
    assert await first_of(hub.watch("main")) == "main-1"  # at once, from memory
    task.cancel()
    await asyncio.wait([task])


async def test_nothing_is_made_when_nobody_watches() -> None:
    reports = Reports()
    hub = Hub(reports)
    task = asyncio.create_task(hub.run())
    page = hub.watch("main")
    await first_of(page)
    await page.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert hub.page_count == 0
    made = len(reports.made)
    other = hub.watch("alpine")
    await first_of(other)
    assert reports.made[made:] == ["alpine"]
    task.cancel()
    await asyncio.wait([task])


async def test_a_slow_page_gets_the_latest_and_holds_up_nobody() -> None:
    hub = Hub(Reports())
    slow, quick = hub.watch("main"), hub.watch("main")
    task = asyncio.create_task(hub.run())
    assert [await first_of(quick), await first_of(quick)] == ["main-1", "main-2"]
    assert await first_of(slow) == "main-2"
    task.cancel()
    await asyncio.wait([task])


async def test_the_number_of_pages_is_bounded_and_streams_end_with_the_hub() -> None:
    hub = Hub(Reports(), pages_max=1)
    page = hub.watch("main")
    with pytest.raises(FullError):
        hub.watch("main")
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await first_of(page)
    with pytest.raises(FullError):
        hub.watch("main")


async def test_a_snapshot_that_fails_ends_no_page() -> None:
    class Failing:
        async def of(self, tenant: str, now_ms: int) -> str:
            raise RuntimeError(f"password is hunter2, of {tenant} at {now_ms}")

    hub = Hub(_reporter(cast("PageSnapshots", Failing())))
    task = asyncio.create_task(hub.run())
    page = hub.watch("main")
    told = [await first_of(page), await first_of(page)]
    assert all("no figures at the moment" in one for one in told)
    assert "hunter2" not in str(told)
    task.cancel()
    await asyncio.wait([task])
