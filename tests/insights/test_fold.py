"""The tables say what the journal adds up to, to the unit, however it came in batches."""

from pathlib import Path
from random import Random

import pytest

from ocs.insights.tables import Tables
from tests.insights.journals import MVNO, Entry, fold, written_by
from tests.insights.reference import Reference
from tests.insights.tables import DIMENSIONS, contents, differences
from tests.model.valkey_side import ValkeySide


def check(tables: Tables, entries: list[Entry]) -> Reference:
    reference = Reference(MVNO).fold(entries)
    assert differences(tables, reference) == []
    return reference


@pytest.mark.parametrize("seed", range(20, 28))
def test_every_figure_is_that_of_a_fold_event_by_event(
    lua: ValkeySide, tables: Tables, seed: int
) -> None:
    entries = written_by(lua, seed, 250)
    fold(tables, entries, Random(seed))
    reference = check(tables, entries)
    assert len(entries) > 100
    assert reference.minutes
    assert reference.costs


def test_batches_of_any_size_make_the_same_tables(
    lua: ValkeySide, tables: Tables, tmp_path: Path
) -> None:
    entries = written_by(lua, 31, 300)
    fold(tables, entries)
    other = Tables.open(tmp_path / "other.duckdb")
    fold(other, entries, Random(31))
    assert contents(other) == contents(tables)
    other.close()


def test_rows_that_add_up_are_put_together(
    lua: ValkeySide, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = written_by(lua, 32, 250)
    monkeypatch.setattr("ocs.insights.tables._LOOSE_ROWS_MAX", 30)
    fold(tables, entries, Random(32))
    check(tables, entries)
    for table in ("minutes", "cost_minutes", "decision_minutes"):
        ((count, distinct),) = tables._execute(
            f"SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT minute_ms, {DIMENSIONS}"
            f" FROM {table})) FROM {table}"
        )
        assert distinct <= count <= 4 * distinct + 60
