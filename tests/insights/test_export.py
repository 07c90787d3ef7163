"""Exports of random traffic: nothing is lost, nothing there twice, and sums are the figures."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from ocs.domain.export import ExportAsked, ExportEnded, ExportFormat, ExportKind
from ocs.domain.insights import AsOf, Figures, FiguresAsked, Usage
from ocs.insights import figures
from ocs.insights.export import cut, plan, read
from ocs.insights.export_file import ExportFile
from ocs.insights.export_rows import COLUMNS, SUMS
from ocs.insights.question import Question
from ocs.insights.tables import Tables
from tests.insights.journals import Entry, fold, written_by
from tests.model.valkey_side import ValkeySide

SEED = 11
STEPS = 600
END_MS = 4_000_000_000_000


@pytest.fixture(scope="module")
def journal(lua: ValkeySide) -> list[Entry]:
    found = written_by(lua, SEED, STEPS)
    kinds = {entry.event.kind.value for entry in found}
    assert {"COMMIT", "DEBIT", "REFUND", "TOP_UP", "PURCHASE_BUNDLE", "BUCKET_CLOSED"} <= kinds
    return found


@pytest.fixture
def folded(tables: Tables, journal: list[Entry]) -> Tables:
    fold(tables, journal, Random(SEED))
    return tables


def exported(
    tables: Tables,
    kind: ExportKind,
    format_: ExportFormat = ExportFormat.PARQUET,
    *,
    start_ms: int = 0,
    end_ms: int = END_MS,
    tenant: str = "",
) -> tuple[bytes, ExportEnded]:
    asked = ExportAsked(tenant=tenant, kind=kind, format=format_, start_ms=start_ms, end_ms=end_ms)
    planned = plan(tables.reader(), asked)
    file = ExportFile(kind, format_)
    data = b""
    for of in planned.slices:
        table = read(tables.reader(), asked, of, planned.generation)
        assert table is not None
        data += file.add(table)
    last, ended = file.end()
    data += last
    assert ended.row_count == planned.row_count
    assert (ended.byte_count, ended.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return data, ended


def rows_of(data: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def times(tables: Tables) -> list[int]:
    return sorted(ms for (ms,) in tables._execute("SELECT DISTINCT store_ms FROM events"))


def asked_for(start_ms: int, end_ms: int) -> FiguresAsked:
    return FiguresAsked(tenant="", start_ms=start_ms, end_ms=end_ms, steps=[start_ms])


def revenue(tables: Tables, start_ms: int, end_ms: int) -> Figures:
    question = Question(tables.reader())
    return figures.revenue(question, asked_for(start_ms, end_ms), AsOf(end_ms, 0))


def usage(tables: Tables, start_ms: int, end_ms: int) -> Usage:
    question = Question(tables.reader())
    return figures.usage(question, asked_for(start_ms, end_ms), AsOf(end_ms, 0))


def ranges(tables: Tables, random: Random) -> Iterator[tuple[int, int]]:
    """Ranges side by side, cut anywhere, also within a minute and at an event's own time."""
    at = times(tables)
    bounds = sorted({0, END_MS, *random.sample(at, 4), at[len(at) // 2] + 1, at[-1] + 1})
    yield from pairwise(bounds)


@pytest.mark.parametrize("kind", ExportKind)
def test_files_side_by_side_have_every_row_once_and_in_order(
    folded: Tables, kind: ExportKind
) -> None:
    whole = rows_of(exported(folded, kind)[0])
    assert len(whole) > 20
    parts = [
        row
        for start_ms, end_ms in ranges(folded, Random(SEED))
        for row in rows_of(exported(folded, kind, start_ms=start_ms, end_ms=end_ms)[0])
    ]
    assert parts == whole
    order = [
        (row["store_time"], row["tenant"], row["account_id"], row["account_seq"]) for row in whole
    ]
    assert order == sorted(order)
    assert [*whole[0]] == [column.name for column in COLUMNS[kind]]


def test_sums_of_any_range_are_those_of_the_reports(folded: Tables) -> None:
    seen = Counter[str]()
    for start_ms, end_ms in [(0, END_MS), *ranges(folded, Random(SEED + 1))]:
        data, ended = exported(folded, ExportKind.CHARGES, start_ms=start_ms, end_ms=end_ms)
        rows = rows_of(data)
        told = revenue(folded, start_ms, end_ms)
        totals = {total.currency: total.sums for total in ended.totals}
        for figure in told.rows:
            sums = totals.get(figure.currency, dict.fromkeys(SUMS[ExportKind.CHARGES], 0))
            assert sums["charged_micros"] == figure.charged_micros
            assert sums["refunded_micros"] == figure.refunded_micros
            assert sums["uncollected_micros"] == figure.uncollected_micros
            seen.update({k: v for k, v in sums.items() if k != "connect_micros"})
        assert set(totals) >= {one.currency for one in told.rows if one.charge_count}
        for name in SUMS[ExportKind.CHARGES]:
            assert sum(sums[name] for sums in totals.values()) == sum(row[name] for row in rows)

        used = Counter[str]()
        for row in rows:
            used[row["unit"] or ""] += row["used_units"]
        assert +used == {row.unit: row.used_units for row in usage(folded, start_ms, end_ms).rows}

        owed = Counter[str]()
        for figure in told.rows:
            for cost in figure.costs:
                owed[cost.currency] += cost.micros
        costs, ended = exported(folded, ExportKind.COSTS, start_ms=start_ms, end_ms=end_ms)
        assert {
            t.currency: t.sums["cost_micros"] for t in ended.totals if any(t.sums.values())
        } == +owed
        by_event = Counter(row["event_id"] for row in rows_of(costs))
        assert by_event == Counter(
            {row["event_id"]: row["cost_count"] for row in rows if row["cost_count"]}
        )
        for row in rows:
            assert (row["cost_micros"] is None) is (row["cost_count"] != 1)
    assert min(seen.values()) > 0, "the journal has nothing of one kind"


def test_the_changes_of_a_bucket_add_up_to_its_balance(folded: Tables) -> None:
    data, ended = exported(folded, ExportKind.BALANCES)
    balance = Counter[tuple[str, str]]()
    moved = Counter[str]()
    last: dict[tuple[str, str], int] = {}
    for row in rows_of(data):
        money = row["unit"] is None
        before, change, after = (
            row[f"{name}_{'micros' if money else 'units'}"]
            for name in ("before", "change", "after")
        )
        others = [row[f"{name}_{'units' if money else 'micros'}"] for name in ("before", "after")]
        assert others == [None, None]
        assert bool(row["currency"]) is money
        assert after - before == change
        bucket = (row["account_id"], row["bucket_id"])
        # A bucket that was closed and opened anew begins at nothing.
        assert before in {last.get(bucket, 0), 0}
        last[bucket] = after
        balance[bucket] += change
        if money:
            moved[row["currency"]] += change
    assert {t.currency: t.sums["change_micros"] for t in ended.totals if t.currency} == moved
    now = folded._execute("SELECT account, bucket, balance FROM buckets WHERE balance <> 0")
    assert {(account, bucket): figure for account, bucket, figure in now} == {
        bucket: figure for bucket, figure in last.items() if figure
    }


@pytest.mark.parametrize("kind", ExportKind)
def test_csv_says_what_parquet_says_to_the_last_digit(folded: Tables, kind: ExportKind) -> None:
    folded._execute("UPDATE events SET charged_micros = 9007199254740991 WHERE charged_micros > 0")
    folded._execute("UPDATE events SET session = '=1+1,\"\n;é', subscriber = '+4915'")
    rows = rows_of(exported(folded, kind)[0])
    text = exported(folded, kind, ExportFormat.CSV)[0].decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.splitlines()[0] == ",".join(column.name for column in COLUMNS[kind])
    assert [*found[0]] == [column.name for column in COLUMNS[kind]]
    for typed, spelled in zip(rows, found, strict=True):
        for column in COLUMNS[kind]:
            value = typed[column.name]
            assert spelled[column.name] == _spelled(value), column.name


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | str):
        return str(value)
    return str(value.strftime("%Y-%m-%dT%H:%M:%S.")) + f"{value.microsecond // 1000:03d}Z"


def test_refusals_and_commits_of_nothing_are_no_charges(folded: Tables) -> None:
    names = {row["event_id"] for row in rows_of(exported(folded, ExportKind.CHARGES)[0])}
    missing = folded._execute(
        "SELECT 'tenants/' || tenant || '/accounts/' || account || '/events/' || seq, kind,"
        " used_units, charged_micros FROM events WHERE kind IN ('COMMIT', 'DEBIT')"
    )
    left = [one for one in missing if one[0] not in names]
    assert left
    assert all((used, charged) == (0, 0) for _, _, used, charged in left)


def test_a_tenant_gets_his_own(folded: Tables) -> None:
    folded._execute("UPDATE events SET tenant = 'other' WHERE account = 'a1'")
    folded._execute("UPDATE costs SET tenant = 'other' WHERE account = 'a1'")
    folded._execute("UPDATE bucket_changes SET tenant = 'other' WHERE account = 'a1'")
    for kind in ExportKind:
        every = rows_of(exported(folded, kind)[0])
        assert {row["tenant"] for row in every} == {"main", "other"}
        for tenant in ("main", "other", "third"):
            mine = rows_of(exported(folded, kind, tenant=tenant)[0])
            assert mine == [row for row in every if row["tenant"] == tenant]


def test_rows_of_a_journal_that_stepped_back_are_not_mixed(folded: Tables) -> None:
    asked = ExportAsked(
        tenant="", kind=ExportKind.CHARGES, format=ExportFormat.CSV, start_ms=0, end_ms=END_MS
    )
    planned = plan(folded.reader(), asked)
    (of, *_) = planned.slices
    assert read(folded.reader(), asked, of, planned.generation) is not None
    folded.begin("another", {})
    assert read(folded.reader(), asked, of, planned.generation) is None


def test_a_range_without_rows_is_a_file_with_names_alone(tables: Tables) -> None:
    for kind in ExportKind:
        data, ended = exported(tables, kind, ExportFormat.CSV)
        assert data.decode() == ",".join(column.name for column in COLUMNS[kind]) + "\n"
        assert (ended.row_count, ended.totals) == (0, ())
        assert rows_of(exported(tables, kind)[0]) == []


def test_slices_have_every_event_once_and_are_not_large() -> None:
    random = Random(SEED)
    for _ in range(200):
        start_ms = random.randrange(10**9)
        end_ms = start_ms + random.choice([1, 999, 60_000, 3_600_000])
        events = Counter(
            random.randrange(start_ms, end_ms) for _ in range(random.choice([0, 1, 300]))
        )
        minutes = Counter[int]()
        for at, count in events.items():
            minutes[at - at % 60_000] += count
        slices = list(cut((start_ms, end_ms), sorted(minutes.items()), events_max=20))
        held = [sum(n for at, n in events.items() if low <= at < high) for low, high in slices]
        assert sum(held) == events.total()
        assert all(low < high for low, high in slices)
        assert all(one[1] <= other[0] for one, other in pairwise(slices))
        # Even within a minute events come at random; three times the mean is far out.
        assert max(held, default=0) <= 60 or end_ms - start_ms < 60
