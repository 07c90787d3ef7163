"""A journal that lost its end: the tables are those of the journal as it is now."""

from pathlib import Path
from random import Random

import pytest

from ocs.insights.tables import Tables
from tests.insights.journals import Entry, fold, written_by
from tests.insights.tables import contents
from tests.insights.test_fold import check
from tests.model.valkey_side import ValkeySide


def ms(entry: Entry) -> int:
    return int(entry.position.partition("-")[0])


@pytest.mark.parametrize("seed", range(40, 44))
def test_what_was_lost_and_written_otherwise_is_replaced(
    lua: ValkeySide, tables: Tables, tmp_path: Path, seed: int
) -> None:
    entries = written_by(lua, seed, 300)
    random = Random(seed)
    fold(tables, entries, random)
    cut_ms = ms(random.choice(entries[len(entries) // 4 :]))
    kept = [one for one in entries if ms(one) < cut_ms]
    # The store lost half of what came after, and wrote one of the others with other words.
    back = [one for one in entries if ms(one) >= cut_ms]
    again = [one for one in back if random.random() < 0.5]
    cuts = {one.partition: cut_ms for one in entries}

    tables._execute("UPDATE projection SET as_of_ms = 9007199254740991")
    positions = tables.begin("another", cuts)
    assert all(int(position.partition("-")[0]) < cut_ms for position in positions.values())
    assert tables.progress().as_of_ms == cut_ms
    other = Tables.open(tmp_path / "other.duckdb")
    fold(other, kept)
    assert contents(tables) == contents(other)
    if len(again) == len(back):
        check(tables, kept)

    fold(tables, back, random)
    assert contents(tables) == contents_of(tmp_path / "whole.duckdb", entries)
    tables.settle_rewritten()
    assert tables.progress().rewritten_count == 0
    assert tables.progress().event_count == len(entries)
    check(tables, entries)
    other.close()


def contents_of(path: Path, entries: list[Entry]) -> object:
    tables = Tables.open(path)
    fold(tables, entries)
    found = contents(tables)
    tables.close()
    return found


def test_what_differs_or_is_gone_is_counted(lua: ValkeySide, tables: Tables) -> None:
    entries = written_by(lua, 45, 120)
    fold(tables, entries)
    *kept, changed, lost = entries
    cut_ms = min(ms(changed), ms(lost))
    cuts = {one.partition: cut_ms for one in entries}
    back = [one for one in kept if ms(one) >= cut_ms]

    tables.begin("another", cuts)
    words = changed.line.split(b" ")
    words[5] = b"9-9"
    fold(tables, [*back, changed._replace(line=b" ".join(words))])
    assert tables.progress().rewritten_count == 1
    tables.settle_rewritten()
    assert tables.progress().rewritten_count == 2
    assert tables.progress().event_count == len(entries) - 1
