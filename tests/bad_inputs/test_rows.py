"""No bad input is forgotten: each has its test, or says what it waits for."""

from types import MappingProxyType

import pytest

from tests.bad_inputs import rows
from tests.campaigns import bad_inputs
from tests.support.seen import UNCHANGED, Seen


def test_every_row_is_shown_or_says_why_not() -> None:
    assert rows.faults() == []
    assert len(set(rows.NUMBERS)) == len(rows.NUMBERS) == len(rows.SHOWN) + len(rows.LATER)


@pytest.mark.parametrize(
    ("table", "change", "fault"),
    [
        ("SHOWN", {1: ("test_that_is_not_there",)}, "there is no test"),
        ("SHOWN", {2: ()}, "test_row_2_nothing_is_no_request: is not listed"),
        ("LATER", {1: "never"}, "row 1: must be either"),
        ("LATER", {9: "never"}, "row 9: is no row"),
    ],
)
def test_a_gap_in_the_table_is_found(
    monkeypatch: pytest.MonkeyPatch, table: str, change: dict[int, object], fault: str
) -> None:
    monkeypatch.setattr(rows, table, MappingProxyType(dict(getattr(rows, table)) | change))

    assert any(line.startswith(fault) for line in rows.faults())


def test_a_row_that_is_nowhere_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "NUMBERS", (*rows.NUMBERS, 96))

    assert rows.faults() == ["row 96: must be either shown or later"]


def test_a_row_of_which_nothing_was_seen_is_missing() -> None:
    seen = Seen()
    seen.answered("OK")
    by_test = {name: seen for names in rows.SHOWN.values() for name in names}
    assert bad_inputs.missing(by_test) == []
    del by_test["test_row_20_case_tells_accounts_apart"]
    by_test["test_row_2_nothing_is_no_request"] = Seen()

    assert bad_inputs.missing(by_test) == [2, 20]


def test_the_report_says_what_was_seen() -> None:
    seen = Seen()
    for reason in ("GRANTED", "", "CHARGED"):
        seen.answered("OK", reason)
    for _ in range(2):
        seen.answered("NOT_FOUND", "ACCOUNT_NOT_FOUND")
    assert bad_inputs.answers_of(seen).split("; ") == [
        "NOT_FOUND ACCOUNT_NOT_FOUND x2",
        "OK GRANTED x1",
        "OK CHARGED x1",
    ]
    seen.journaled(["TOP_UP", "DEBIT", "TOP_UP"])
    assert bad_inputs.state_of(seen) == "journal: DEBIT 1, TOP_UP 2"
    seen.left(UNCHANGED)
    assert bad_inputs.state_of(seen) == "unchanged x1"
