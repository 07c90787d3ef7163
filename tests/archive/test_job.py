"""The archiver: what it confirms is on disk, what it trims was confirmed, and it goes on."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocs.archive.reader import SegmentArchive
from ocs.ports import ArchiveError, StaleEpochError
from ocs.service.whole_journal import WholeJournal
from ocs.store import keys
from tests.archive.support import (
    MS,
    Archiver,
    archiver,
    journal,
    kept,
    marks,
    partials,
    position,
    run,
    segment,
    segments,
)
from tests.archive.test_reader import read_all
from tests.model.valkey_side import ValkeySide
from tests.support.stages import now_ms


@pytest.fixture
def client(server: ValkeySide) -> Any:
    server.clear()
    return server.client


@pytest.fixture
def url(server: ValkeySide) -> str:
    return server._store.url


async def test_what_is_journaled_is_archived_then_trimmed(
    client: Any, url: str, tmp_path: Path
) -> None:
    journal(client, 3, range(1, 301))
    journal(client, 200, range(1, 4))
    async with archiver(url, tmp_path) as one:
        await one.job.step()
        assert marks(client, 3)[0] == position(300)
        journal(client, 3, range(301, 401))
        await one.job.step()

        # Whole nodes of the stream go, so some entries stay.
        assert kept(client, 3)
        assert set(kept(client, 3)) < {position(number) for number in range(300, 401)}
        assert one.counts.entries == 403
        assert one.counts.segments == 2
        assert one.counts.trimmed == 403 - len(kept(client, 3)) - len(kept(client, 200))
        assert one.counts.archived_to_ms is not None
        assert await read_all(SegmentArchive(tmp_path), {3: "", 200: ""}, {3: 400, 200: 3}) == {
            3: run(3, range(1, 401)),
            200: run(200, range(1, 4)),
        }


async def test_nothing_new_writes_nothing(client: Any, url: str, tmp_path: Path) -> None:
    async with archiver(url, tmp_path) as one:
        await one.job.step()
        await one.job.step()

        assert segments(tmp_path) == []
        assert one.counts.archived_to_ms is not None
        assert marks(client, 3) == ("", "")


async def test_what_is_young_stays_and_what_was_archived_lately_is_kept(
    client: Any, url: str, tmp_path: Path
) -> None:
    journal(client, 3, range(1, 101))
    young = [client.xadd(keys.journal_key(3), {"e": "x", "c": ""}) for _ in range(3)]
    async with archiver(url, tmp_path, behind_ms=3_600_000, kept_ms=3 * 365 * 86_400_000) as one:
        await one.job.step()

        assert marks(client, 3)[0] == position(100)
        assert kept(client, 3) == [position(number) for number in range(1, 101)] + young
        one.room.note(60, 100)
        await one.job.step()
        assert len(kept(client, 3)) < 50, "what is archived goes early when room is short"
        assert kept(client, 3)[-3:] == young


async def test_a_full_draft_is_written_at_once(client: Any, url: str, tmp_path: Path) -> None:
    for partition in (3, 40, 100):
        journal(client, partition, range(1, 501))
    journal(client, 200, [1])
    async with archiver(url, tmp_path, interval_s=3600.0, segment_bytes=40_000) as one:
        await one.job.step()

        assert one.counts.segments >= 3
        assert 1000 < one.counts.entries < 1501, "the rest waits for the interval"


async def test_an_archiver_goes_on_where_another_was_killed(
    client: Any, url: str, tmp_path: Path
) -> None:
    """The other one wrote and could not confirm; and it left a file that it had begun."""
    journal(client, 3, range(1, 101))
    segment(tmp_path, {3: (0, 70)}, epoch=1)
    (tmp_path / "0123456789abcdef.partial").write_bytes(b"PAR1")
    async with archiver(url, tmp_path) as one:
        await one.job.step()

        assert (await one.control.lease(None))[0] == 2
        assert tmp_path / "0123456789abcdef.partial" not in partials(tmp_path)
    assert marks(client, 3)[0] == position(100)
    assert await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 100}) == {3: run(3, range(1, 101))}


async def test_of_two_only_one_archives(client: Any, url: str, tmp_path: Path) -> None:
    journal(client, 3, range(1, 101))
    async with archiver(url, tmp_path) as one, archiver(url, tmp_path) as other:
        await one.job.step()
        await other.job.step()

        assert (one.counts.entries, other.counts.entries) == (100, 0)
        assert other.counts.archived_to_ms is None


async def test_the_lease_is_one_processs_at_a_time_and_each_beginning_has_its_epoch(
    client: Any, url: str, tmp_path: Path
) -> None:
    async with archiver(url, tmp_path) as one, archiver(url, tmp_path) as other:

        async def epochs() -> tuple[int, int]:
            own, others = await one.control.lease(None), await other.control.lease(0)
            assert abs(own[1] - now_ms()) < 5_000
            return own[0], others[0]

        assert (await one.control.lease(5))[0] == 6
        assert await epochs() == (6, 0)
        assert (await one.control.lease(3))[0] == 7, "it begins anew"
        assert await epochs() == (7, 0)
        assert 9_000 < int(client.hget(keys.archiver_key(), "until_ms")) - now_ms() <= 10_000
        client.hset(keys.archiver_key(), "until_ms", now_ms() - 1)
        assert (await other.control.lease(0))[0] == 8
        assert (await one.control.lease(None))[0] == 0
        client.hset(keys.archiver_key(), "until_ms", now_ms() - 1)
        assert (await one.control.lease(None))[0] == 9, "it was another's meanwhile"


async def test_an_older_epoch_confirms_and_trims_nothing(
    client: Any, url: str, tmp_path: Path
) -> None:
    """It slept while its lease ran out, and wakes with a segment to confirm."""
    journal(client, 3, range(1, 101))
    async with archiver(url, tmp_path) as one, archiver(url, tmp_path) as other:
        await one.job.step()
        journal(client, 3, range(101, 201))
        client.hset(keys.archiver_key(), "until_ms", 1)
        await other.job.step()
        assert marks(client, 3)[0] == position(200)
        before = kept(client, 3)

        with pytest.raises(StaleEpochError):
            await one.control.settle(1, {3: (position(150), position(999))})
        assert marks(client, 3)[0] == position(200)
        assert kept(client, 3) == before
        await one.job.step()
        assert one.counts.archived_to_ms is None


@given(steps=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 200)), min_size=1, max_size=8))
def test_trimming_never_passes_what_is_confirmed(
    server: ValkeySide, steps: list[tuple[int, int]]
) -> None:
    """Whatever is asked, in whatever order: what is not confirmed stays, and nothing goes back."""
    client: Any = server.client
    client.delete(keys.journal_key(3), keys.archive_key(3))
    journal(client, 3, range(1, 121))
    trim = server._library.function_name("trim_journal")
    names = (keys.archive_key(3), keys.journal_key(3))
    confirmed = 0
    for archived, before in steps:
        confirmed = max(confirmed, archived)
        answer = client.fcall(trim, 2, *names, 1, position(archived), position(before))

        told, trimmed, _ = answer.replace("-,", "").split(" ")
        assert told == (position(confirmed) or "-")
        left = {int(at.partition("-")[0]) for at in kept(client, 3)}
        highest_gone = next((n for n in range(120, 0, -1) if MS + n * 1000 not in left), 0)
        assert highest_gone <= confirmed
        assert trimmed == "-" or position(highest_gone) <= trimmed <= told


@pytest.mark.usefixtures("client")
async def test_positions_are_compared_beyond_the_exact_numbers(url: str, tmp_path: Path) -> None:
    async with archiver(url, tmp_path) as one:
        pairs = (
            (f"{2**64 - 2}-0", f"{2**64 - 1}-0"),
            (f"5-{2**53}", f"5-{2**53 + 1}"),
            ("9-9", "10-0"),
            ("9-9", "9-10"),
        )
        for partition, (low, high) in enumerate(pairs, start=20):
            await one.control.settle(9, {partition: (low, "")})
            (settled,) = (await one.control.settle(9, {partition: (high, "")})).values()
            assert settled[0].archived == high
            (settled,) = (await one.control.settle(9, {partition: (low, "")})).values()
            assert settled[0].archived == high


async def damaged_step(one: Archiver) -> str:
    with pytest.raises(ArchiveError) as raised:
        await one.job.step()
    return str(raised.value)


@pytest.fixture
def small_files() -> Iterator[None]:
    """A disk that is full: no file may grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
async def test_a_full_disk_confirms_nothing_and_is_told(
    client: Any, url: str, tmp_path: Path
) -> None:
    journal(client, 3, range(1, 301))
    async with archiver(url, tmp_path) as one:
        assert "cannot be written" in await damaged_step(one)

        assert marks(client, 3) == ("", "")
        assert len(kept(client, 3)) == 300
        assert segments(tmp_path) == []
        assert partials(tmp_path) == []


async def test_a_directory_that_is_none_is_told_and_later_taken(
    client: Any, url: str, tmp_path: Path
) -> None:
    journal(client, 3, range(1, 11))
    place = tmp_path / "archive"
    place.write_text("in the way")
    async with archiver(url, place) as one:
        assert "Not a directory" in await damaged_step(one)
        assert marks(client, 3) == ("", "")
        one.job._stop()
        place.unlink()
        await one.job.step()
        assert marks(client, 3)[0] == position(10)


async def test_a_damaged_segment_is_not_trimmed_for_but_written_again(
    client: Any, url: str, tmp_path: Path
) -> None:
    journal(client, 3, range(1, 301))
    async with archiver(url, tmp_path, kept_ms=3 * 365 * 86_400_000) as one:
        await one.job.step()
        (path,) = segments(tmp_path)
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 4
        path.write_bytes(content)
        one.room.note(60, 100)

        await one.job.step()  # wants to trim, reads back, and does not

        assert len(kept(client, 3)) == 300
        assert one.counts.failures == 1
        await one.job.step()
        assert len(kept(client, 3)) < 20
        assert await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 300}) == {
            3: run(3, range(1, 301))
        }


async def test_another_stores_archive_is_not_taken(client: Any, url: str, tmp_path: Path) -> None:
    """A volume that is not mounted, a restored store without its archive: what went is lost."""
    journal(client, 3, range(1, 301))
    async with archiver(url, tmp_path / "right") as one:
        await one.job.step()
    journal(client, 3, range(301, 401))
    client.hset(keys.archiver_key(), "until_ms", 1)
    async with archiver(url, tmp_path / "wrong") as other:
        assert "is not the store's archive" in await damaged_step(other)

        assert marks(client, 3)[0] == position(300)
        assert segments(tmp_path / "wrong") == []


async def test_an_archive_that_is_ahead_of_a_restored_store_is_gone_on_with(
    client: Any, url: str, tmp_path: Path
) -> None:
    """The store is of a backup: what was journaled since never happened, other things do."""
    journal(client, 3, range(1, 101))
    async with archiver(url, tmp_path, kept_ms=3 * 365 * 86_400_000) as one:
        await one.job.step()
        restored = client.hgetall(keys.archive_key(3)), client.hgetall(keys.archiver_key())
        journal(client, 3, range(101, 151))
        await one.job.step()
    client.delete(keys.journal_key(3), keys.archive_key(3), keys.archiver_key())
    journal(client, 3, range(1, 101))
    client.hset(keys.archive_key(3), mapping=restored[0])
    client.hset(keys.archiver_key(), mapping=restored[1] | {"until_ms": 1})
    journal(client, 3, range(120, 131), account="other")

    async with archiver(url, tmp_path, kept_ms=3 * 365 * 86_400_000) as one:
        await one.job.step()
        whole = WholeJournal(one.job._journal, SegmentArchive(tmp_path))  # type: ignore[arg-type]
        found = await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 130})

        numbers = [int(line.split()[3]) for line in found[3].lines]
        assert numbers == [*range(1, 101), *range(120, 131)]
        assert await whole.read({3: position(130)}) == []
