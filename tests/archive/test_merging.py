"""Merging segments changes nothing of what is read, whoever is killed in between."""

import asyncio
from pathlib import Path

import pytest

from ocs.archive import merging, segment_writer
from ocs.archive.catalogue import Catalogue
from ocs.archive.reader import SegmentArchive
from ocs.ports import ArchiveError
from tests.archive.support import MS, run, segment, segments
from tests.archive.test_reader import read_all

HOUR_MS = 3_600_000
LATER_MS = MS + 48 * HOUR_MS


def merge(directory: Path, before_ms: int = LATER_MS) -> int:
    return merging.merge(Catalogue(directory), before_ms)


async def read_3(directory: Path, up_to: int) -> object:
    return (await read_all(SegmentArchive(directory), {3: ""}, {3: up_to}))[3]


async def test_an_hours_segments_become_one(tmp_path: Path) -> None:
    for first in range(0, 60, 10):
        segment(tmp_path, {3: (first, first + 10), first + 10: (0, 2)})

    assert merge(tmp_path) == 6

    assert len(segments(tmp_path)) == 1
    assert await read_3(tmp_path, 60) == run(3, range(1, 61))
    assert await read_all(SegmentArchive(tmp_path), {30: ""}, {30: 2}) == {30: run(30, [1, 2])}
    assert merge(tmp_path) == 0


async def test_an_hour_is_merged_when_it_is_over_and_a_day_then(tmp_path: Path) -> None:
    for first in range(0, 3 * 3600, 900):
        segment(tmp_path, {3: (first, first + 900)})

    assert merge(tmp_path, before_ms=MS + HOUR_MS - 1) == 0
    assert merge(tmp_path, before_ms=MS + 2 * HOUR_MS) == 8
    assert len(segments(tmp_path)) == 6
    merge(tmp_path, before_ms=MS + 36 * HOUR_MS)

    assert len(segments(tmp_path)) == 1
    assert await read_3(tmp_path, 10_800) == run(3, range(1, 10_801))


async def test_what_was_written_twice_is_merged_once_and_the_later_epoch_counts(
    tmp_path: Path,
) -> None:
    segment(tmp_path, {3: (0, 8)}, epoch=1, text="old")
    segment(tmp_path, {3: (4, 6)}, epoch=2, text="new")
    segment(tmp_path, {3: (6, 9)}, epoch=3, text="newest")
    before = await read_3(tmp_path, 9)

    merge(tmp_path)

    (path,) = segments(tmp_path)
    assert path.name.split("-")[2] == "3"
    assert await read_3(tmp_path, 9) == before


async def test_segments_beside_a_hole_are_left_and_told(tmp_path: Path) -> None:
    segment(tmp_path, {3: (0, 4)})
    segment(tmp_path, {3: (6, 9)})

    with pytest.raises(ArchiveError, match="lacks what partition 3 journaled"):
        merge(tmp_path)
    assert len(segments(tmp_path)) == 2


async def test_a_damaged_segment_is_left_and_told_and_others_are_merged(tmp_path: Path) -> None:
    segment(tmp_path, {3: (0, 4)})
    damaged = segment(tmp_path, {3: (4, 9)}).path
    content = bytearray(damaged.read_bytes())
    content[50] ^= 1
    damaged.write_bytes(content)
    for first in (9, 7200, 7205):
        segment(tmp_path, {3: (first, first + 5)})

    with pytest.raises(ArchiveError, match="not what was written"):
        merge(tmp_path)

    assert damaged in segments(tmp_path)
    assert len(segments(tmp_path)) == 4


async def test_who_is_killed_between_leaves_both_and_the_next_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first in range(0, 60, 10):
        segment(tmp_path, {3: (first, first + 10)})
    with monkeypatch.context() as killed:
        killed.setattr(merging, "_finish", lambda _catalogue, _name: 0)
        merge(tmp_path, MS + HOUR_MS)
    assert len(segments(tmp_path)) == 7
    assert await read_3(tmp_path, 60) == run(3, range(1, 61))

    assert merge(tmp_path, MS + HOUR_MS) == 6

    assert len(segments(tmp_path)) == 1
    assert await read_3(tmp_path, 60) == run(3, range(1, 61))


async def test_large_segments_are_not_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = segment(tmp_path, {3: (0, 10)}).path.stat().st_size
    for first in range(10, 60, 10):
        segment(tmp_path, {3: (first, first + 10)})
    monkeypatch.setattr(merging, "MERGED_BYTES_MAX", size + size // 2)

    merge(tmp_path)

    assert len(segments(tmp_path)) == 6
    assert await read_3(tmp_path, 60) == run(3, range(1, 61))


async def test_a_reader_goes_on_while_segments_are_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "ROWS_PER_GROUP", 100)
    monkeypatch.setattr("ocs.archive.reader.ENTRIES_PER_READ", 100)
    for first in range(0, 3 * 3600, 60):
        segment(tmp_path, {3: (first, first + 60)})

    reading = asyncio.create_task(read_3(tmp_path, 10_800))
    for hour in range(1, 37, 7):
        await asyncio.to_thread(merge, tmp_path, MS + hour * HOUR_MS)

    assert await reading == run(3, range(1, 10_801))
    assert len(segments(tmp_path)) == 1
