"""The tables say what the journal adds up to, to the unit, however it came in batches."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from ocs.insights.schema import PUBLIC_TABLES
from ocs.insights.tables import Tables
from tests.insights.journals import MVNO, Entry, fold, written_by
from tests.insights.reference import Reference
from tests.model.valkey_side import ValkeySide

DIMENSIONS = "tenant, segment, plan, service, zone, partner"
MEASURES = (
    "charge_count",
    "charged_micros",
    "refunded_micros",
    "topped_up_micros",
    "used_units",
    "uncollected_units",
    "uncollected_micros",
    "uncosted_units",
)


def summed(tables: Tables, table: str, keys: str, figure: str) -> dict[tuple[Any, ...], int]:
    rows = tables._execute(
        f"SELECT minute_ms, {DIMENSIONS}, {keys}, sum({figure})::HUGEINT AS figure FROM {table}"
        " GROUP BY ALL HAVING figure <> 0"
    )
    return {row[:-1]: row[-1] for row in rows}


def check(tables: Tables, entries: list[Entry]) -> Reference:
    reference = Reference(MVNO).fold(entries)
    expected = {key: value for key, value in reference.minutes.items() if value}
    found = {key: value for key, value in minutes_of(tables).items() if value}
    assert found == expected
    assert summed(tables, "cost_minutes", "currency, cost_currency", "cost_micros") == {
        key: value for key, value in reference.costs.items() if value
    }
    assert (
        summed(tables, "decision_minutes", "kind, outcome", "decision_count") == reference.decisions
    )
    assert rows(tables, "tenant, account, bucket, unit, balance, reserved", "buckets") == (
        reference.buckets()
    )
    caps = rows(tables, "tenant, account, holder, cap, unit, cap_limit, period", "caps")
    assert caps == reference.caps()
    counters = rows(tables, "tenant, account, holder, cap, period_start_ms, spent", "cap_counters")
    assert counters >= reference.counters()
    ((open_holds,),) = tables._execute("SELECT coalesce(sum(hold_count), 0) FROM open_holds")
    assert open_holds == reference.open_holds()
    accounts = {row[:2]: row[2] for row in tables._execute("FROM accounts")}
    assert accounts == reference.segments
    return reference


def minutes_of(tables: Tables) -> dict[tuple[Any, ...], int]:
    sums = ", ".join(f"sum({name})::HUGEINT" for name in MEASURES)
    found: dict[tuple[Any, ...], int] = {}
    for row in tables._execute(
        f"SELECT minute_ms, {DIMENSIONS}, currency, unit, {sums} FROM minutes GROUP BY ALL"
    ):
        key, values = row[: -len(MEASURES)], row[-len(MEASURES) :]
        found |= {(*key, name): value for name, value in zip(MEASURES, values, strict=True)}
    return found


def rows(tables: Tables, columns: str, table: str) -> set[tuple[Any, ...]]:
    return set(tables._execute(f"SELECT {columns} FROM {table}"))


def contents(tables: Tables) -> dict[str, Any]:
    """Every table, its rows in order; rows of minutes that add up are added up."""
    found: dict[str, Any] = {}
    for table in PUBLIC_TABLES:
        if not table.endswith("minutes") and table != "open_holds":
            found[table] = tables._execute(f"FROM {table} ORDER BY ALL")
    found["minutes"] = minutes_of(tables)
    for table, keys, figure in (
        ("cost_minutes", "currency, cost_currency", "cost_micros"),
        ("decision_minutes", "kind, outcome", "decision_count"),
    ):
        found[table] = summed(tables, table, keys, figure)
    return found


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
