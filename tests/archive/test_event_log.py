"""Accounts' events over stream and archive as one: lists, single events, the audit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ocs.archive.reader import SegmentArchive
from ocs.domain.answer import Reason
from ocs.ports import ArchiveError
from ocs.service.audit import AuditReport, audit
from ocs.store import event_log, keys
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from tests.archive.support import Archiver, archiver, marks, segments
from tests.model.pair import TENANT
from tests.model.valkey_side import ValkeySide
from tests.store.audit.stored import event_count, ledger_on, machine_on
from tests.support.audit_traffic import Traffic

A1 = (TENANT, "a1")
PARTITION = keys.partition_of(*A1)
JOURNAL = keys.journal_key(PARTITION)


@dataclass
class Books:
    """A store after traffic, most of whose journal is in the archive only."""

    side: ValkeySide
    traffic: Traffic
    ledger: ValkeyLedger
    archiver: Archiver
    directory: Path
    positions: dict[int, str]

    def log(self) -> ValkeyEventLog:
        return ValkeyEventLog(self.ledger, SegmentArchive(self.directory))

    async def audit(self) -> AuditReport:
        return await audit(self.ledger, self.log())


def kept_of_a1(client: Any) -> dict[int, str]:
    """The positions of a1's events that its stream still has, by their numbers."""
    found = ((at, fields["e"].split(" ")) for at, fields in client.xrange(JOURNAL))
    return {int(words[3]): at for at, words in found if words[2] == "/".join(A1)}


@pytest.fixture
def steps() -> int:
    return 200


@pytest.fixture
async def books(server: ValkeySide, tmp_path: Path, steps: int) -> AsyncIterator[Books]:
    traffic = Traffic(machine_on(server), seed=3)
    positions: dict[int, str] = {}
    ledger = ledger_on(server)
    async with archiver(server._store.url, tmp_path) as one:
        for _ in range(4):
            traffic.run(steps // 4)
            positions |= kept_of_a1(server.client)
            await one.job.step()
        traffic.run(5)
        positions |= kept_of_a1(server.client)
        yield Books(server, traffic, ledger, one, tmp_path, positions)
    await ledger.close()


@pytest.fixture(autouse=True)
def _in_the_archive(books: Books) -> None:
    """Else a test would prove nothing: most of the account's events have left the stream."""
    client: Any = books.side.client
    kept = {at for at, _ in client.xrange(JOURNAL)}
    gone = set(books.positions.values()) - kept
    assert len(gone) > len(books.positions) // 2 > 20
    assert kept & set(books.positions.values())


async def test_all_of_it_is_audited_without_a_gap(books: Books) -> None:
    report = await books.audit()

    assert report.differences == []
    assert report.event_count > event_count(books.side)
    assert report.event_count == books.archiver.counts.entries + _not_archived(books.side)


def _not_archived(side: ValkeySide) -> int:
    """Entries behind what is archived, in all partitions."""
    client: Any = side.client
    return sum(
        len(client.xrange(keys.journal_key(number), f"({archived}" if archived else "-"))
        for number in range(keys.PARTITION_COUNT)
        for archived in (marks(client, number)[0],)
    )


async def test_newest_first_goes_on_into_the_archive(books: Books) -> None:
    found = await books.log().newest_first(*A1, "", 10_000)

    assert {logged.event.seq: logged.position for logged in found} == books.positions
    seqs = [logged.event.seq for logged in found]
    assert seqs == sorted(seqs, reverse=True)
    pages: list[int] = []
    start = ""
    while True:
        page = await books.log().newest_first(*A1, start, 7)
        pages += [logged.event.seq for logged in page]
        start = page[-1].event.prev
        if not start:
            break
    assert pages == seqs


@pytest.mark.parametrize("count", [7, 10_000])
async def test_oldest_first_starts_in_the_archive(books: Books, count: int) -> None:
    seqs: list[int] = []
    position = ""
    while True:
        page, position = await books.log().oldest_first(*A1, position, 0, count)
        assert len(page) <= count or not position
        seqs += [logged.event.seq for logged in page]
        if not position:
            break

    assert seqs == sorted(books.positions)


async def test_oldest_first_begins_at_a_number_on_either_side(books: Books) -> None:
    last = max(books.positions)

    for start in (2, last // 2, last - 1, last):
        page, _ = await books.log().oldest_first(*A1, "", start, 10_000)
        assert [logged.event.seq for logged in page] == list(range(start, last + 1))


async def test_each_event_is_found_by_its_number(books: Books) -> None:
    log = books.log()

    found = {seq: await log.find(*A1, seq) for seq in books.positions}

    assert {seq: logged and logged.position for seq, logged in found.items()} == books.positions
    assert await log.find(*A1, max(books.positions) + 1) is None


async def test_what_is_far_back_is_found_without_following_all(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "_NEAR", 8)
    monkeypatch.setattr(event_log, "_STEPS_MAX", 40)

    found = await books.log().find(*A1, 3)

    assert found is not None
    assert found.position == books.positions[3]


async def test_a_missing_segment_is_a_finding_and_an_error(books: Books) -> None:
    segments(books.directory)[0].unlink()

    report = await books.audit()
    with pytest.raises(ArchiveError) as raised:
        await books.log().newest_first(*A1, "", 10_000)
    with pytest.raises(ArchiveError):
        await books.log().oldest_first(*A1, "", 0, 10_000)

    terms = [found.term for found in report.differences]
    assert f"journal of partition {PARTITION}" in terms
    assert all("the archive lacks what partition" in found.journal for found in report.differences)
    assert raised.value.reason is Reason.ARCHIVE_UNREADABLE
    recent = await books.log().newest_first(*A1, "", 1)
    assert [logged.event.seq for logged in recent] == [max(books.positions)]


async def test_a_damaged_segment_is_named_by_the_audit(books: Books) -> None:
    path = segments(books.directory)[-1]
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)

    report = await books.audit()

    assert not report.ok
    assert any(path.name in found.journal for found in report.differences)


async def test_an_archive_that_is_not_there_is_a_finding(books: Books) -> None:
    """A store that was restored without its archive."""
    absent = SegmentArchive(books.directory / "absent")

    report = await audit(books.ledger, ValkeyEventLog(books.ledger, absent))

    terms = [found.term for found in report.differences]
    assert f"journal of partition {PARTITION}" in terms
    assert report.account_count > 0


async def test_an_altered_archive_is_found_by_the_audit(books: Books) -> None:
    """Whole files, written by somebody else: what they say does not add up."""
    log = books.log()
    original = await log.find(*A1, 5)
    assert original is not None
    state = books.side.client.hget(keys.account_key(*A1), "b:main")
    assert isinstance(state, str)
    figures = state.split(" ")
    books.side.client.hset(
        keys.account_key(*A1), "b:main", " ".join([str(int(figures[0]) + 1), *figures[1:]])
    )

    report = await books.audit()

    assert "bucket main balance" in [found.term for found in report.differences]


async def test_what_is_trimmed_while_an_audit_runs_is_read_all_the_same(books: Books) -> None:
    """Between two of its steps the archiver works on."""
    books.traffic.run(60)
    log = books.log()
    kept = log._kept
    steps_left = 3

    async def trimmed_before(partition: int, after: str) -> Any:
        nonlocal steps_left
        if partition == PARTITION and steps_left:
            steps_left -= 1
            await books.archiver.job.step()
        return await kept(partition, after)

    log._kept = trimmed_before  # type: ignore[method-assign]
    report = await audit(books.ledger, log)

    assert steps_left < 3
    assert report.differences == []
