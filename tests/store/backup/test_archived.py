"""A store most of whose journal is in the archive: audited, backed up, restored."""

import asyncio
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ocs.store import keys
from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey
from tests.archive.support import archiver, segments
from tests.store.backup.support import ocs
from tests.support.live import serving_at
from tests.support.stages import now_ms

EVENTS = 60


@dataclass(frozen=True, slots=True)
class Archived:
    """A store, its archive, and its events in all."""

    store: EmbeddedValkey
    archive: Path
    event_count: int


@pytest.fixture
async def archived(store: EmbeddedValkey) -> Archived:
    archive = store.data_dir / "archive"
    async with serving_at(store, now_ms) as live, archiver(store.url, archive) as one:
        account = await live.open(micros=90_000_000)
        for _ in range(EVENTS):
            await live.call(live.debit(account, 1))
        await one.job.step()
        await live.call(live.debit(account, 1))
        assert one.counts.trimmed > EVENTS // 2
        assert live.journal_length() < EVENTS // 2
    return Archived(store, archive, EVENTS + 3)


async def run(*arguments: object) -> tuple[int, Any, str]:
    """Run the command beside the event loop."""
    return await asyncio.to_thread(ocs, *map(str, arguments))


async def test_the_audit_reads_the_archive_that_is_named(
    archived: Archived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("audit", "--store-url", archived.store.url)

    named = await run(*at, "--archive", archived.archive)
    other = await run(*at, "--archive", tmp_path / "other")
    monkeypatch.setenv("OCS_ARCHIVE_DIR", str(archived.archive))
    of_the_environment = await run(*at)

    assert named[0] == of_the_environment[0] == 0
    assert named[1]["event_count"] == archived.event_count
    assert other[0] == 1
    assert other[1]["difference_count"] > 0
    (gap, *_) = [one for one in other[1]["differences"] if one["account_id"] == "-"]
    assert gap["term"].startswith("journal of partition ")
    assert "the archive lacks what partition" in gap["journal"]


async def test_a_restore_is_right_with_its_archive_and_says_so_without(
    archived: Archived, tmp_path: Path
) -> None:
    file = tmp_path / "books.ocs"
    assert (await run("backup", file, "--store-url", archived.store.url))[0] == 0

    without = await run("restore", file, "--data-dir", tmp_path / "without")
    with_it = await run(
        "restore", file, "--data-dir", tmp_path / "with", "--archive", archived.archive
    )
    shutil.copytree(archived.archive, tmp_path / "without" / "archive")
    put_there = await run("audit", "--data-dir", tmp_path / "without")

    assert without[0] == 1
    assert any("lacks what" in one["journal"] for one in without[1]["audit"]["differences"])
    assert with_it[0] == 0
    assert with_it[1]["audit"]["event_count"] == archived.event_count
    assert put_there[0] == 0


async def test_a_restored_store_goes_on_beside_an_archive_that_is_ahead(
    archived: Archived, tmp_path: Path
) -> None:
    """What was charged after the backup is in the archive, and never happened here."""
    file = tmp_path / "books.ocs"
    store, archive = archived.store, archived.archive
    assert (await run("backup", file, "--store-url", store.url))[0] == 0
    async with serving_at(store, now_ms) as live, archiver(store.url, archive) as one:
        live._ids = count(1000)
        live.store.hset(keys.archiver_key(), "until_ms", "1")
        account = await live.open(micros=90_000_000)
        await live.call(live.debit(account, 1))
        await one.job.step()
        assert one.counts.entries >= 4
    files = len(segments(archive))
    data = tmp_path / "restored"
    assert (await run("restore", file, "--data-dir", data, "--archive", archive))[0] == 0
    with EmbeddedValkey.start(EmbeddedOptions(data / "store")) as restored:
        async with serving_at(restored, now_ms) as live, archiver(restored.url, archive) as one:
            live._ids = count(2000)
            live.store.hset(keys.archiver_key(), "until_ms", "1")
            other = await live.open(micros=1_000_000)
            for _ in range(EVENTS):
                await live.call(live.debit(other, 1))
            await one.job.step()
        found = await run("audit", "--store-url", restored.url, "--archive", archive)

    assert found[0] == 0, found[1]
    assert len(segments(archive)) > files
