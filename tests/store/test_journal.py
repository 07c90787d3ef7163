"""The journal as those see it who follow all of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocs.ports import StoreUnavailableError
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.journal import ENTRIES_PER_READ, ValkeyJournal
from ocs.store.pipeline import Pipeline
from tests.model.valkey_side import ValkeySide

EVERYTHING = dict.fromkeys(range(keys.PARTITION_COUNT), "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()


@pytest.fixture
async def journal(server: ValkeySide) -> AsyncIterator[ValkeyJournal]:
    server.clear()
    pool = make_pool(server._store.url, 1)
    pipeline = Pipeline(pool)
    yield ValkeyJournal(pipeline)
    await pipeline.close()
    await pool.disconnect()


def write(client: Any, partition: int, number: int) -> str:
    entry = {"e": f"line {number}", "c": f"context {number}"}
    return str(client.xadd(keys.journal_key(partition), entry))


async def test_an_empty_journal_has_nothing_to_read(journal: ValkeyJournal) -> None:
    assert await journal.read(EVERYTHING) == []


async def test_all_partitions_are_read_at_once(server: ValkeySide, journal: ValkeyJournal) -> None:
    written = {number: write(server.client, number, number) for number in EVERYTHING}
    runs = await journal.read(EVERYTHING)
    assert {run.partition: run.positions for run in runs} == {
        number: [position] for number, position in written.items()
    }
    assert all(run.lines == [b"line %d" % run.partition] for run in runs)
    assert all(run.contexts == [b"context %d" % run.partition] for run in runs)


async def test_only_the_partitions_asked_for_are_read_behind_their_positions(
    server: ValkeySide, journal: ValkeyJournal
) -> None:
    positions = [write(server.client, 7, number) for number in range(3)]
    write(server.client, 8, 9)
    (run,) = await journal.read({7: positions[0], 9: ""})
    assert (run.partition, run.positions) == (7, positions[1:])
    assert await journal.read({7: positions[2]}) == []


async def test_a_long_partition_is_read_run_by_run(
    server: ValkeySide, journal: ValkeyJournal
) -> None:
    written = [write(server.client, 3, number) for number in range(2 * ENTRIES_PER_READ + 1)]
    read: list[str] = []
    while runs := await journal.read({3: read[-1] if read else ""}):
        (run,) = runs
        assert len(run.positions) <= ENTRIES_PER_READ
        read += run.positions
    assert read == written


async def test_what_is_no_event_of_ours_has_no_line(
    server: ValkeySide, journal: ValkeyJournal
) -> None:
    server.client.xadd(keys.journal_key(5), {"x": "1", "y": "2", "z": "3"})
    (run,) = await journal.read({5: ""})
    assert (run.lines, run.contexts) == ([b""], [b""])


async def test_a_store_that_is_gone_is_said(tmp_path: Path) -> None:
    pipeline = Pipeline(make_pool(f"unix://{tmp_path}/nobody.sock", 1))
    with pytest.raises(StoreUnavailableError):
        await ValkeyJournal(pipeline).read({0: ""})
    await pipeline.close()
