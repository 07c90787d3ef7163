"""`ocs report ... --csv`: the names and numbers of `--json` in rows."""

import csv
import io
from typing import Any

import orjson
import pytest

from ocs.cli import exits
from tests.cli.case import Case
from tests.cli.conftest import Run
from tests.cli.insights_cases import FROM, INSIGHTS_CASES, LIMITS, REVENUE
from tests.client.scripted import Script, answer

CASES = [case for case in INSIGHTS_CASES if case.line.startswith("report ")]
ROWS = {"position": "unused", "limits": "limits", "account": "events"}


def test_every_report_is_here() -> None:
    assert {case.line.split()[1] for case in CASES} == {
        "revenue", "segments", "leakage", "usage", "refusals", "position", "limits", "account",
    }  # fmt: skip


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_csv_has_every_figure_of_the_json_under_its_name(
    run: Run, script: Script, case: Case
) -> None:
    script.on(case.method, answer(case.message))
    told = orjson.loads(run(*case.line.split(), "--json").stdout)
    result = run(*case.line.split(), "--csv")

    assert result.exit_code == 0, result.stderr
    rows = table(result.stdout)
    assert rows
    (figures,) = told[ROWS.get(case.line.split()[1], "rows")]
    for name, value in spread(figures).items():
        assert rows[0][name] == value, name
    assert {row["as_of_time"] for row in rows} == {told["as_of"]["as_of_time"]}
    for row in rows:
        assert None not in row, "a row has more cells than there are names"
        assert None not in row.values(), "or fewer"


def spread(row: dict[str, Any]) -> dict[str, str]:
    """A row of the JSON as cells."""
    made: dict[str, Any] = {}
    money = row.get("unit") == "MICROS"
    for name, value in row.items():
        if name == "keys":
            continue  # columns of what --by asked for: see below
        if name in {"limit", "spent", "balance", "reserved"}:
            made[f"{name}_{'micros' if money else 'units'}"] = value
            made[f"{name}_{'units' if money else 'micros'}"] = None
        elif name == "owed":
            made["owed_micros"] = value
        elif name == "costs":
            same = [one["micros"] for one in value if one["currency"] == row["currency"]]
            others = [one for one in value if one["currency"] != row["currency"]]
            made["cost_micros"] = sum(same)
            made["other_costs"] = " ".join(f"{one['currency']}={one['micros']}" for one in others)
        elif name == "holder":
            made[name] = "account" if value is None else f"subscriber/{value['subscriber_id']}"
        elif name == "buckets":
            made[name] = " ".join(
                f"{one['bucket_id']}:{one['balance_before']}:{one['balance_after']}"
                f":{one['reserved_after']}"
                for one in value
            )
        else:
            made[name] = value
    return {name: _cell(value) for name, value in made.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_dimensions_stand_in_columns_also_of_no_rows(run: Run, script: Script) -> None:
    script.on("GetRevenue", answer(REVENUE))
    line = ("report", "revenue", "--from", FROM, "--by", "segment,zone", "--csv")

    (row,) = table(run(*line).stdout)
    assert (row["segment"], row["zone"]) == ("gold", "")
    assert row["other_costs"] == "USD=700000"
    assert row["revenue_micros"] == "1500000"

    script.on("GetRevenue", answer(type(REVENUE)(as_of=REVENUE.as_of)))
    assert run(*line).stdout.startswith("start_time,segment,zone,currency,revenue_micros,")


def test_the_position_has_all_its_figures(run: Run, script: Script) -> None:
    case = next(case for case in CASES if case.line == "report position")
    script.on(case.method, answer(case.message))

    rows = {row["figure"]: row for row in table(run("report", "position", "--csv").stdout)}

    assert rows["unused"]["balance_micros"] == "19360637"
    assert (rows["held"]["currency"], rows["held"]["held_micros"]) == ("EUR", "450000")
    assert rows["open"]["open_reservation_count"] == "2"


def test_what_is_missing_is_said_beside_it(run: Run, script: Script) -> None:
    script.on("ListLimits", answer(LIMITS))

    result = run("report", "limits", "--csv")

    assert result.stderr == "note: there are more rows: go on with --page-token 50\n"
    assert len(table(result.stdout)) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_two_forms_at_once_are_refused_before_anything_is_asked(
    run: Run, script: Script, case: Case
) -> None:
    result = run(*case.line.split(), "--csv", "--json")

    assert result.exit_code == exits.USAGE
    assert "not both" in result.stderr
    assert not script.calls


def test_a_query_is_a_table_too(run: Run, script: Script) -> None:
    case = next(case for case in INSIGHTS_CASES if case.line.startswith("sql "))
    script.on(case.method, answer(case.message))

    assert run(*case.line.split(), "--csv").stdout == "one\n1\n"
