"""How processes of the service tell of themselves, over a real store."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ocs.ports import StoreUnavailableError, Vitals
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.pipeline import Pipeline
from ocs.store.vitals import CURRENT_MS, ValkeyVitals
from tests.model.valkey_side import ValkeySide

NOW_MS = 1_800_000_000_000
ONE = Vitals(1_500, 0, 900, 12_000)
OTHER = Vitals(2_500, 20, 800, 90_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()


@pytest.fixture
async def board(server: ValkeySide) -> AsyncIterator[ValkeyVitals]:
    server.clear()
    pipeline = Pipeline(make_pool(server._store.url, 1))
    yield ValkeyVitals(pipeline)
    await pipeline.close()


async def test_each_process_is_read_as_it_told_last(board: ValkeyVitals) -> None:
    assert await board.read(NOW_MS) == []
    await board.publish("a", OTHER, NOW_MS - 1_000)
    await board.publish("a", ONE, NOW_MS)
    await board.publish("b", OTHER, NOW_MS)
    assert sorted(await board.read(NOW_MS)) == [ONE, OTHER]


async def test_who_is_silent_is_left_out_and_then_forgotten(
    board: ValkeyVitals, server: ValkeySide
) -> None:
    await board.publish("a", ONE, NOW_MS)
    assert await board.read(NOW_MS + CURRENT_MS) == [ONE]
    assert await board.read(NOW_MS + CURRENT_MS + 1) == []
    await board.publish("b", OTHER, NOW_MS + 61_000)
    assert list(server.client.hkeys(keys.vitals_key())) == ["b"]
    assert 0 < server.client.pttl(keys.vitals_key()) <= 60_000


async def test_what_has_another_form_is_left_out(board: ValkeyVitals, server: ValkeySide) -> None:
    server.client.hset(keys.vitals_key(), "newer", f"{NOW_MS} 1 2 3 4 5")
    server.client.hset(keys.vitals_key(), "damaged", "now")
    assert await board.read(NOW_MS) == []


async def test_a_store_that_is_gone_is_said(tmp_path: Path) -> None:
    pipeline = Pipeline(make_pool(f"unix://{tmp_path}/nobody.sock", 1))
    board = ValkeyVitals(pipeline)
    with pytest.raises(StoreUnavailableError):
        await board.read(NOW_MS)
    with pytest.raises(StoreUnavailableError):
        await board.publish("a", ONE, NOW_MS)
    await pipeline.close()
