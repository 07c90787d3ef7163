"""`ocs tariff check`: needs no service, and names what is wrong where."""

import json
from pathlib import Path

from ocs.cli import exits
from tests.cli.conftest import Run
from tests.unit.book.corpus import BASE, EXAMPLE


def test_a_good_tariff_is_summed_up(run: Run) -> None:
    told = run("tariff", "check", str(EXAMPLE), "--json")

    assert told.exit_code == 0
    found = json.loads(told.stdout)
    assert found["ok"] is True
    assert found["tariff"]["version"] == "mvno-2026-12"
    assert [plan["plan"] for plan in found["tariff"]["plans"]] == ["data-only", "family", "prepaid"]
    assert "mvno-2026-12" in run("tariff", "check", str(EXAMPLE)).stdout


def test_a_bad_tariff_is_told_line_by_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BASE.replace("EUR", "eur").replace("prices: net", "prices: taxed"), "utf-8")

    told = run("tariff", "check", str(path))
    as_json = json.loads(run("tariff", "check", str(path), "--json").stdout)

    assert told.exit_code == exits.REQUEST
    assert f"error: {path}:2:1: currency: must be an ISO 4217 code" in told.stderr
    assert f"error: {path}:3:1: prices: must be one of gross, net" in told.stderr
    assert [(one["line"], one["path"]) for one in as_json["faults"]] == [
        (2, "currency"), (3, "prices"),
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    told = run("tariff", "check", str(tmp_path / "none.yaml"))

    assert told.exit_code == exits.USAGE
    assert "No such file" in told.stderr
