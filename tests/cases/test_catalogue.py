"""No case is forgotten: each is tested, or has a reason why it cannot be."""

from types import MappingProxyType

import pytest

from tests.cases import catalogue


def test_every_case_is_tested_or_says_why_not() -> None:
    assert catalogue.faults() == []
    assert len(catalogue.restated()) == sum(map(len, catalogue.SECTIONS.values()))


@pytest.mark.parametrize(
    ("table", "value", "fault"),
    [
        ("TESTED", {"CB1": ("test_cb1_that_is_not_there",)}, "CB1: there is no test"),
        ("TESTED", {"CB1": ("test_cb2_a_started_minute_is_taken_whole",)}, "CB1: test_cb2"),
        ("TESTED", {}, "CB1: must be either"),
        ("NOT_EXPRESSIBLE", {"CB1": "no"}, "CB1: must be either"),
        ("NOT_EXPRESSIBLE", {"CB99": "no"}, "CB99: is no case"),
        ("SECTIONS", {"new": ("CB98",)}, "CB98: must be either"),
        ("SECTIONS", {"new": ("CB1", "CB1")}, "CB1: is listed twice"),
    ],
)
def test_a_gap_in_the_lists_is_found(
    monkeypatch: pytest.MonkeyPatch, table: str, value: dict[str, object], fault: str
) -> None:
    old = {} if not value else dict(getattr(catalogue, table))
    monkeypatch.setattr(catalogue, table, MappingProxyType(old | value))

    assert any(line.startswith(fault) for line in catalogue.faults())
