"""The journal from its beginning, over a stream that was trimmed and the archive behind it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ocs.archive.reader import SegmentArchive
from ocs.ports import ArchiveError, ArchiveMark, JournalRun
from ocs.service.whole_journal import WholeJournal
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.journal import ValkeyJournal
from ocs.store.pipeline import Pipeline
from tests.archive.support import journal, position, segment
from tests.model.valkey_side import ValkeySide


@pytest.fixture
async def stream(server: ValkeySide) -> AsyncIterator[ValkeyJournal]:
    server.clear()
    pool = make_pool(server._store.url, 1)
    pipeline = Pipeline(pool)
    yield ValkeyJournal(pipeline)
    await pipeline.close()
    await pool.disconnect()


def mark(server: ValkeySide, partition: int, archived: int, trimmed: int) -> None:
    """Say how far a partition is archived and trimmed."""
    marks: Any = {"position": position(archived), "trimmed": position(trimmed)}
    server.client.hset(keys.archive_key(partition), mapping=marks)


async def read_all(whole: WholeJournal, after: Mapping[int, str]) -> dict[int, list[str]]:
    """The positions of each partition, read to the end."""
    found: dict[int, list[str]] = {}
    at = dict(after)
    while runs := await whole.read(at):
        for one in runs:
            found.setdefault(one.partition, []).extend(one.positions)
            at[one.partition] = one.positions[-1]
    return found


async def test_the_archive_comes_first_and_the_stream_goes_on(
    server: ValkeySide, stream: ValkeyJournal, tmp_path: Path
) -> None:
    segment(tmp_path, {3: (0, 6), 4: (0, 2)})
    segment(tmp_path, {3: (6, 9)})
    journal(server.client, 3, range(8, 13))
    journal(server.client, 4, range(1, 6))
    journal(server.client, 5, (1, 2))
    mark(server, 3, archived=9, trimmed=7)
    mark(server, 4, archived=2, trimmed=0)
    whole = WholeJournal(stream, SegmentArchive(tmp_path))

    found = await read_all(whole, {3: "", 4: "", 5: "", 6: ""})
    rest = await read_all(whole, {3: position(7)})

    assert found == {
        3: [position(number) for number in range(1, 13)],
        4: [position(number) for number in range(1, 6)],
        5: [position(number) for number in (1, 2)],
    }
    assert rest == {3: [position(number) for number in range(8, 13)]}


async def test_without_its_archive_a_trimmed_journal_is_an_error(
    server: ValkeySide, stream: ValkeyJournal, tmp_path: Path
) -> None:
    journal(server.client, 3, range(8, 13))
    mark(server, 3, archived=9, trimmed=7)
    whole = WholeJournal(stream, SegmentArchive(tmp_path / "absent"))

    with pytest.raises(ArchiveError, match="partition 3 journaled behind its beginning"):
        await whole.read({3: ""})


class TrimmedMeanwhile(ValkeyJournal):
    """A stream whose oldest entries go between the call and its answer."""

    def __init__(self, pipeline: Pipeline, server: ValkeySide) -> None:
        super().__init__(pipeline)
        self._server = server

    async def read(self, after: Mapping[int, str]) -> list[JournalRun]:
        self._server.client.xtrim(keys.journal_key(3), minid=position(8), approximate=False)
        mark(self._server, 3, archived=9, trimmed=8)
        return await super().read(after)


async def test_nothing_is_missed_that_goes_while_it_is_read(
    server: ValkeySide, stream: ValkeyJournal, tmp_path: Path
) -> None:
    segment(tmp_path, {3: (0, 9)})
    journal(server.client, 3, range(1, 13))
    whole = WholeJournal(TrimmedMeanwhile(stream._pipeline, server), SegmentArchive(tmp_path))

    found = await read_all(whole, {3: position(2)})

    assert found == {3: [position(number) for number in range(3, 13)]}


async def test_a_partition_that_was_never_archived_has_no_marks(stream: ValkeyJournal) -> None:
    assert await stream.marks([1, 2]) == {1: ArchiveMark("", ""), 2: ArchiveMark("", "")}
