"""What is read of an archive: everything, in order, once; or a clear error."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ocs.archive import reader
from ocs.archive.catalogue import Catalogue
from ocs.archive.draft import SegmentDraft
from ocs.archive.reader import SegmentArchive
from ocs.ports import ArchiveError, JournalRun
from tests.archive.support import line, position, run, segment, segments


async def read_all(
    archive: SegmentArchive, after: dict[int, str], until: dict[int, int]
) -> dict[int, JournalRun]:
    """Read to the end, and put the runs of a partition together."""
    found: dict[int, JournalRun] = {}
    after = dict(after)
    ends = {partition: position(number) for partition, number in until.items()}
    while runs := await archive.read(after, ends):
        for one in runs:
            whole = found.setdefault(one.partition, JournalRun(one.partition, [], [], []))
            whole.positions.extend(one.positions)
            whole.lines.extend(one.lines)
            whole.contexts.extend(one.contexts)
            after[one.partition] = one.positions[-1]
    return found


async def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    segment(tmp_path, {3: (0, 5), 200: (0, 2)})
    segment(tmp_path, {3: (5, 9), 7: (0, 1)})

    found = await read_all(
        SegmentArchive(tmp_path), {3: "", 7: "", 9: "", 200: ""}, {3: 9, 7: 1, 200: 2}
    )

    assert found == {3: run(3, range(1, 10)), 7: run(7, [1]), 200: run(200, [1, 2])}


async def test_reading_begins_and_ends_where_asked(tmp_path: Path) -> None:
    segment(tmp_path, {3: (0, 5)})
    segment(tmp_path, {3: (5, 9)})

    found = await read_all(SegmentArchive(tmp_path), {3: position(2)}, {3: 8})

    assert found == {3: run(3, range(3, 9))}


async def test_a_long_segment_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "ENTRIES_PER_READ", 1)
    monkeypatch.setattr("ocs.archive.segment_writer.ROWS_PER_GROUP", 3)
    segment(tmp_path, {3: (0, 10), 4: (0, 2), 5: (0, 2)})
    archive = SegmentArchive(tmp_path)

    (first,) = await archive.read({3: ""}, {3: position(10)})
    found = await read_all(archive, {3: "", 4: "", 5: ""}, {3: 10, 4: 2, 5: 2})

    assert len(first.positions) == 3
    assert found == {3: run(3, range(1, 11)), 4: run(4, [1, 2]), 5: run(5, [1, 2])}


async def test_what_was_written_twice_is_read_once(tmp_path: Path) -> None:
    """An archiver was killed before it confirmed; the next one wrote the same and more."""
    segment(tmp_path, {3: (0, 5)}, epoch=1)
    segment(tmp_path, {3: (2, 7)}, epoch=2)
    segment(tmp_path, {3: (5, 6)}, epoch=1)
    segment(tmp_path, {3: (7, 9)}, epoch=2)

    found = await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 9})

    assert found == {3: run(3, range(1, 10))}


async def test_where_two_epochs_differ_the_later_one_counts(tmp_path: Path) -> None:
    """A store that was restored went another way than what an archiver had seen."""
    segment(tmp_path, {3: (0, 8)}, epoch=1, text="old")
    segment(tmp_path, {3: (4, 6)}, epoch=2, text="new")
    segment(tmp_path, {3: (6, 9)}, epoch=3, text="newest")

    found = await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 9})

    assert found[3].contexts == [b"old"] * 4 + [b"new"] * 2 + [b"newest"] * 3


@pytest.mark.parametrize(
    ("spans", "behind", "up_to"),
    [
        ([(0, 3), (5, 9)], position(3), position(5)),
        ([(2, 9)], "its beginning", position(2)),
        ([(0, 7)], position(7), position(9)),
        ([], "its beginning", position(9)),
    ],
)
async def test_a_hole_is_an_error_that_says_where(
    tmp_path: Path, spans: list[tuple[int, int]], behind: str, up_to: str
) -> None:
    for span in spans:
        segment(tmp_path, {3: span})

    with pytest.raises(ArchiveError) as raised:
        await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 9})

    assert f"partition 3 journaled behind {behind} up to {up_to}" in str(raised.value)


async def test_an_accounts_chain_is_followed_across_segments(tmp_path: Path) -> None:
    for first in range(0, 50, 10):
        segment(tmp_path, {3: (first, first + 10), 4: (first, first + 10)})
    archive = SegmentArchive(tmp_path)

    page = await archive.chain(3, ("main", "a3"), position(48), 30)

    assert [entry.line for entry in page] == [line(3, number) for number in range(48, 18, -1)]
    assert page[0].context == b"\x00context 48"
    assert len(await archive.chain(3, ("main", "a3"), position(7), 30)) == 7
    assert await archive.chain(3, ("main", "other"), position(7), 30) == []
    assert await archive.chain(3, ("other", "a3"), position(7), 30) == []


@pytest.mark.parametrize("nowhere", ["", "-", "1-1", "5", position(3) + "1"])
async def test_a_position_that_nothing_has_leads_nowhere(tmp_path: Path, nowhere: str) -> None:
    segment(tmp_path, {3: (0, 9)})

    assert await SegmentArchive(tmp_path).chain(3, ("main", "a3"), nowhere, 5) == []


async def test_a_position_whose_segment_is_missing_is_an_error(tmp_path: Path) -> None:
    segment(tmp_path, {3: (0, 3)})
    segment(tmp_path, {3: (3, 6)}).path.unlink()
    segment(tmp_path, {3: (6, 9)})

    with pytest.raises(ArchiveError, match="lacks what partition 3 journaled"):
        await SegmentArchive(tmp_path).chain(3, ("main", "a3"), position(5), 5)


async def test_an_account_is_probed_from_a_time_on(tmp_path: Path) -> None:
    segment(tmp_path, {3: (0, 9)})
    segment(tmp_path, {3: (9, 12), 4: (0, 3)})
    archive = SegmentArchive(tmp_path)
    seventh = int(position(7).partition("-")[0])

    found = await archive.first(3, ("main", "a3"), seventh)
    assert found is not None
    assert found.line == line(3, 7)
    assert (await archive.first(3, ("main", "a3"), seventh - 999)) == found
    assert await archive.first(3, ("main", "nobody"), seventh) is None
    assert await archive.first(3, ("main", "a3"), seventh + 3_600_000) is None


async def test_what_is_no_event_is_kept_as_it_is(tmp_path: Path) -> None:
    lines = [b"", b"no event", b"1 X \xff/a 1 1 - - -", b"1 X main/a 99999999999999999999 1 - - -"]
    odd = JournalRun(3, [position(n) for n in range(1, 5)], lines, [b"c"] * 4)
    draft = SegmentDraft()
    draft.add((0, 0), odd)
    draft.write(tmp_path, 1)

    assert await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 4}) == {3: odd}


async def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path: Path) -> None:
    """Wherever it is, no entry is read that was not written; and who looks for it finds it."""
    name = segment(tmp_path, {3: (0, 40)})
    whole = name.path.read_bytes()
    written = run(3, range(1, 41))
    caught = 0
    for place in range(0, len(whole), 7):
        torn = bytearray(whole)
        torn[place] ^= 1 << (place % 8)
        name.path.write_bytes(torn)
        archive = SegmentArchive(tmp_path)
        try:
            found = await read_all(archive, {3: ""}, {3: 40})
        except ArchiveError:
            caught += 1
        else:
            assert found == {3: written}, place
        with pytest.raises(ArchiveError, match=name.path.name):
            _verify(tmp_path)
    assert caught > len(whole) // 7 // 2


def _verify(directory: Path) -> None:
    catalogue = Catalogue(directory)
    catalogue.refresh()
    for name in catalogue.names:
        catalogue.open(name).verify()


@pytest.mark.parametrize("size", [0, 3, 11, 500])
async def test_a_cut_segment_is_an_error(tmp_path: Path, size: int) -> None:
    name = segment(tmp_path, {3: (0, 40)})
    os.truncate(name.path, size)

    with pytest.raises(ArchiveError, match=name.path.name):
        await SegmentArchive(tmp_path).read({3: ""}, {3: position(40)})


async def test_a_segment_of_a_newer_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("ocs.archive.segment.FORMAT", 2)
        segment_in_newer = SegmentArchive(tmp_path)
        name = segment(tmp_path, {3: (0, 4)})
        assert await segment_in_newer.read({3: ""}, {3: position(4)})

    with pytest.raises(ArchiveError, match="format 2, of a newer ocs; this one reads 1"):
        await SegmentArchive(tmp_path).read({3: ""}, {3: position(4)})
    assert name.path.exists()


async def test_other_files_are_nobodys_segments(tmp_path: Path) -> None:
    name = segment(tmp_path, {3: (0, 4)})
    (name.path.parent / "notes.txt").write_text("x")
    (name.path.parent / f"{name.path.name}.partial").write_text("x")
    (tmp_path / "lost+found").mkdir()

    assert await read_all(SegmentArchive(tmp_path), {3: ""}, {3: 4}) == {3: run(3, range(1, 5))}


async def test_a_directory_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ArchiveError, match="cannot be read: Not a directory"):
        await SegmentArchive(tmp_path / "file").read({3: ""}, {3: position(4)})


def test_any_tool_reads_a_segment(tmp_path: Path) -> None:
    name = segment(tmp_path, {3: (0, 2)})

    (first, _) = pq.read_table(name.path).to_pylist()

    assert first == {
        "partition": 3,
        "position_ms": 1_763_899_201_000,
        "position_number": 0,
        "tenant": "main",
        "account": "a3",
        "seq": 1,
        "kind": "DEBIT",
        "store_ms": 1_763_899_201_000,
        "line": line(3, 1),
        "context": b"\x00context 1",
    }


def test_a_segment_is_its_owners_alone(tmp_path: Path) -> None:
    name = segment(tmp_path / "archive", {3: (0, 2)})

    assert name.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700


async def test_an_accounts_entries_are_read_forward_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocs.archive.catalogue._WINDOW", 2)
    monkeypatch.setattr(reader, "ENTRIES_PER_READ", 25)
    for first in range(0, 100, 10):
        segment(tmp_path, {3: (first, first + 10), 50 + first: (0, 1)})
    archive = SegmentArchive(tmp_path)
    found: list[bytes] = []
    at = ""
    calls = 0
    while at != position(97):
        between = (at, position(97))
        page, at = await archive.forward(3, ("main", "a3"), between, start_seq=4, count=17)
        found += [entry.line for entry in page]
        calls += 1

    assert found == [line(3, number) for number in range(4, 98)]
    assert calls > 4
    segment_of_41_to_50 = segments(tmp_path)[4]
    segment_of_41_to_50.unlink()
    with pytest.raises(ArchiveError, match="lacks what partition 3 journaled"):
        await archive.forward(
            3, ("main", "a3"), (position(20), position(97)), start_seq=0, count=90
        )


async def test_few_segments_are_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocs.archive.catalogue._OPENED_MAX", 3)
    for first in range(0, 100, 10):
        segment(tmp_path, {3: (first, first + 10)})
    archive = SegmentArchive(tmp_path)

    assert len(await archive.chain(3, ("main", "a3"), position(100), 100)) == 100
    assert len(archive._catalogue._opened) <= 3
