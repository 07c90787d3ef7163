"""Entries as a journal has them, and segments made of them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocs.archive.draft import SegmentDraft
from ocs.archive.files import ArchiveFiles
from ocs.archive.segment import Name
from ocs.domain.position import parse_position
from ocs.jobs.archive import ArchiveJob, ArchivePace
from ocs.ports import JournalRun
from ocs.service.journal_room import JournalRoom
from ocs.store import keys
from ocs.store.archiving import ValkeyArchiving
from ocs.store.connect import make_pool
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from ocs.telemetry.metrics import ArchiveCounts
from tests.support.stages import now_ms

MS = 1_763_899_200_000  # 2025-11-23T12:00:00Z


def position(number: int) -> str:
    """The position of a journal's n-th entry, one a second."""
    return f"{MS + number * 1000}-0" if number else ""


def line(partition: int, number: int, account: str = "") -> bytes:
    """An event's line; its `prev` is the entry before it."""
    name = account or f"a{partition}"
    prev = position(number - 1) or "-"
    words = f"1 DEBIT main/{name} {number} {MS + number * 1000} {prev} RATING_FAILED - u=1"
    return words.encode()


def run(partition: int, numbers: Iterable[int]) -> JournalRun:
    """Entries of a partition by their numbers, from 1."""
    some = list(numbers)
    return JournalRun(
        partition,
        [position(number) for number in some],
        [line(partition, number) for number in some],
        [b"\x00context %d" % number for number in some],
    )


def segment(
    directory: Path, spans: dict[int, tuple[int, int]], epoch: int = 1, text: str = ""
) -> Name:
    """Write a segment with entries behind a number up to another of some partitions."""
    draft = SegmentDraft()
    for partition, (behind, up_to) in spans.items():
        entries = run(partition, range(behind + 1, up_to + 1))
        if text:
            entries = entries._replace(contexts=[text.encode()] * len(entries.contexts))
        draft.add(parse_position(position(behind)), entries)
    return draft.write(directory, epoch)


def journal(client: Any, partition: int, numbers: Iterable[int], account: str = "") -> None:
    """Put entries into a partition's stream, by their numbers."""
    with client.pipeline() as pipe:
        for number in numbers:
            fields = {
                "e": line(partition, number, account),
                "c": b"\x00context %d" % number,
            }
            pipe.xadd(keys.journal_key(partition), fields, id=position(number))
        pipe.execute()


def kept(client: Any, partition: int) -> list[str]:
    """The positions that a partition's stream still has."""
    return [at for at, _ in client.xrange(keys.journal_key(partition))]


def marks(client: Any, partition: int) -> tuple[str, str]:
    """Up to where a partition is archived, and trimmed."""
    found = client.hgetall(keys.archive_key(partition))
    return found.get("position", ""), found.get("trimmed", "")


def segments(directory: Path) -> list[Path]:
    """The files of an archive."""
    return sorted(directory.glob("date=*/*.parquet"))


def partials(directory: Path) -> list[Path]:
    """What was begun and not ended."""
    return list(directory.glob("*.partial"))


@dataclass
class Archiver:
    """One archiving process, on its own connections."""

    job: ArchiveJob[SegmentDraft]
    files: ArchiveFiles
    control: ValkeyArchiving
    counts: ArchiveCounts
    room: JournalRoom


@asynccontextmanager
async def archiver(url: str, directory: Path, **pace: Any) -> AsyncIterator[Archiver]:
    """An archiver of a store that archives and trims at every step, unless its pace says less."""
    pool = make_pool(url, 3)
    ledger = ValkeyLedger(pool, connections=1, now_ms=now_ms)
    pipeline = Pipeline(pool)
    given = {"interval_s": 0.0, "segment_bytes": 10**9, "behind_ms": 0, "kept_ms": 0}
    counts, room, files = ArchiveCounts(), JournalRoom(), ArchiveFiles(directory)
    control = ValkeyArchiving(ledger, pipeline, now_ms)
    job = ArchiveJob(
        ValkeyJournal(pipeline),
        control,
        files,
        pace=ArchivePace(**given | pace),
        room=room,
        counts=counts,
        steady_ms=now_ms,
    )
    try:
        yield Archiver(job, files, control, counts, room)
    finally:
        if job._merging is not None:
            await job._merging
        await pipeline.close()
        await ledger.close()
        await pool.disconnect()
