"""The projector over real stores: it follows, it survives, and it never counts twice."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ocs.insights.projector import Projector
from ocs.insights.tables import FormatError, Tables
from ocs.ports import JournalMark, JournalRun, StoreUnavailableError
from ocs.rpc.context_columns import context_columns
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from ocs.store.tariffs import ValkeyTariffs
from tests.insights.journals import fold, written_by
from tests.insights.tables import contents
from tests.model.valkey_side import ValkeySide
from tests.store.audit.stored import ledger_on


class Flaky(ValkeyJournal):
    """A journal whose store is away at times, in the middle of a read, too."""

    random = Random(7)

    async def _read(self, *arguments: Any) -> list[JournalRun]:
        if self.random.random() < 0.02:
            raise StoreUnavailableError
        return await super()._read(*arguments)


class Following:
    """A journal that is followed, and its tables."""

    def __init__(self, journal: ValkeyJournal, ledger: ValkeyLedger, path: Path) -> None:
        self.journal = journal
        self.ledger = ledger
        self.path = path
        self.tables = Tables.open(path)
        self.projector = self._projector()

    def _projector(self) -> Projector:
        def never(_: bytes) -> Any:
            raise AssertionError("no tariff is stored")

        return Projector(
            self.tables,
            self.journal,
            ValkeyTariffs(self.ledger),
            read_contexts=context_columns,
            read_tariff=never,
            steady_ms=lambda: 0,
        )

    async def catch_up(self) -> None:
        while True:
            try:
                if await self.projector.step():
                    return
            except StoreUnavailableError:
                continue

    def start_again(self) -> None:
        self.projector.close()
        self.tables.close()
        self.tables = Tables.open(self.path)
        self.projector = self._projector()

    def close(self) -> None:
        self.projector.close()
        self.tables.close()


Follow = Callable[..., Any]


@pytest.fixture
def follow(lua: ValkeySide, tmp_path: Path) -> Follow:
    @asynccontextmanager
    async def following(
        kind: type[ValkeyJournal] = ValkeyJournal, name: str = "followed"
    ) -> AsyncIterator[Following]:
        pool = make_pool(lua._store.url, 1)
        pipeline = Pipeline(pool)
        ledger = ledger_on(lua)
        followed = Following(kind(pipeline), ledger, tmp_path / f"{name}.duckdb")
        try:
            yield followed
        finally:
            followed.close()
            await pipeline.close()
            await pool.disconnect()
            await ledger.close()

    return following


def rewritten(lua: ValkeySide, seed: int, steps: int) -> list[Any]:
    """Random traffic in the store, with contexts as a service would write them."""
    entries = written_by(lua, seed, steps)
    lua.client.flushall()
    for entry in entries:
        fields: Any = {b"e": entry.line, b"c": entry.context}
        lua.client.xadd(keys.journal_key(entry.partition), fields, id=entry.position)
    return entries


async def test_what_is_followed_in_pieces_is_what_is_folded_at_once(
    lua: ValkeySide, follow: Follow, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocs.insights.projector._BATCH_ENTRIES", 40)
    monkeypatch.setattr("ocs.store.journal.ENTRIES_PER_READ", 7)
    entries = rewritten(lua, 60, 300)
    async with follow() as followed:
        await followed.catch_up()
        fold(tables, entries, tariff=None)
        assert contents(followed.tables) == contents(tables)
        assert followed.projector.event_count == len(entries)
        assert followed.projector.as_of.lag_ms == 0


async def test_a_store_that_comes_and_goes_costs_no_event(
    lua: ValkeySide, follow: Follow, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocs.insights.projector._BATCH_ENTRIES", 20)
    monkeypatch.setattr("ocs.store.journal.ENTRIES_PER_READ", 5)
    entries = rewritten(lua, 61, 300)
    async with follow(Flaky) as followed:
        await followed.catch_up()
        fold(tables, entries, tariff=None)
        assert contents(followed.tables) == contents(tables)


async def test_a_projector_that_starts_again_goes_on(
    lua: ValkeySide, follow: Follow, tables: Tables
) -> None:
    entries = rewritten(lua, 62, 200)
    async with follow() as followed:
        await followed.catch_up()
        half = len(entries) // 2
        lua.client.flushall()
        for entry in entries:
            lua.client.xadd(
                keys.journal_key(entry.partition),
                {b"e": entry.line, b"c": entry.context},
                id=entry.position,
            )
        followed.start_again()
        await followed.catch_up()
        fold(tables, entries, tariff=None)
        assert half
        assert contents(followed.tables) == contents(tables)
        assert followed.tables.progress().rewritten_count == 0


async def test_what_is_no_event_is_set_aside_and_stops_nothing(
    lua: ValkeySide, follow: Follow
) -> None:
    entries = rewritten(lua, 63, 60)
    key = keys.journal_key(entries[0].partition)
    lua.client.xadd(key, {"e": "2 SING to me", "c": "x"})
    lua.client.xadd(key, {"something": "else"})
    lua.client.xadd(key, {"e": entries[0].line, "c": b"\xff\xff"})
    async with follow() as followed:
        await followed.catch_up()
        assert followed.projector.unreadable_count == 3
        assert followed.projector.event_count == len(entries)


async def test_another_generation_is_read_again_from_ten_minutes_before(
    lua: ValkeySide, follow: Follow
) -> None:
    entries = rewritten(lua, 64, 150)
    async with follow() as followed:
        await followed.catch_up()
        before = contents(followed.tables)
        asked: list[dict[int, str]] = []
        read, mark = followed.journal.read, followed.journal.mark

        async def spied(after: Any) -> Any:
            asked.append(dict(after))
            return await read(after)

        async def other() -> JournalMark:
            found: JournalMark = await mark()
            return found._replace(generation="other")

        followed.journal.read, followed.journal.mark = spied, other
        await followed.catch_up()
        assert contents(followed.tables) == before
        assert followed.projector.rewritten_count == 0
        assert followed.projector.event_count == len(entries)
        assert asked


def test_a_newer_format_is_refused_an_older_one_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "insights.duckdb"
    for number, kept in ((0, False), (99, None)):
        tables = Tables.open(path)
        tables._execute("INSERT INTO unreadable VALUES (1, 1, 1, 'x', 'y')")
        tables._execute("UPDATE projection SET format = ?", [number])
        tables.close()
        if kept is None:
            with pytest.raises(FormatError, match="format 99"):
                Tables.open(path)
        else:
            tables = Tables.open(path)
            assert tables.progress().unreadable_count == 0
            tables.close()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "insights.duckdb"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(FormatError, match="no file of this program"):
        Tables.open(path)
