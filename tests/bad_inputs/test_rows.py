"""No bad input is forgotten: each has its test, or says what it waits for."""

from types import MappingProxyType

import pytest

from tests.bad_inputs import rows


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
