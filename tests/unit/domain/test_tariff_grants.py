"""How much a line grants: said by the nearest table, in whole increments, never falling."""

from typing import Any

import pytest

from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff_book import PriceInForce, TariffBook
from ocs.domain.tariff_document import parse_tariff
from ocs.domain.tariff_table import TariffRefusedError

NOW_MS = 1_790_000_000_000


def document(**voice: Any) -> dict[str, Any]:
    """Voice in minutes at home, by the second abroad."""
    line = {"unit": "seconds", "price": "0.09", "increment": 60}
    return {
        "version": "v1",
        "currency": "EUR",
        "prices": "gross",
        "zones": {"eu": {"prefixes": ["33"]}},
        "services": {
            "voice": line | {"zones": {"eu": {"price": "0.19", "increment": 1}}} | voice,
        },
        "plans": {
            "prepaid": {"services": ["voice"]},
            "more": {"extends": "prepaid", "prices": {"voice": {"grant_max": 7200}}},
        },
    }


def sizes(found: dict[str, Any], other_party: str = "", plan: str = "prepaid") -> tuple[int, ...]:
    """Least, default and most of what is in force."""
    book = TariffBook.of(parse_tariff(found))
    price = book.price(plan, "voice", other_party, "", NOW_MS)
    assert isinstance(price, PriceInForce)
    terms: ServiceTerms = price.terms
    return terms.grant_min, terms.grant_default, terms.grant_max


def test_sizes_are_as_the_nearest_table_says() -> None:
    abroad = {"price": "0.19", "increment": 1, "grant_default": 90}
    found = document(grant_min=60, grant_default=600, grant_max=3600, zones={"eu": abroad})

    assert sizes(found) == (60, 600, 3600)
    assert sizes(found, "331") == (60, 90, 3600)
    assert sizes(found, plan="more") == (60, 600, 7200)


def test_what_is_not_said_is_no_bound() -> None:
    assert sizes(document()) == (60, 0, 0)
    assert sizes(document(grant_max=60)) == (60, 0, 60)


def test_a_longer_first_increment_counts() -> None:
    minimum = {"minimum": 120, "increment": 60, "zones": {}}

    assert sizes(document(grant_default=180, **minimum)) == (120, 180, 0)
    assert fault(document(grant_default=60, **minimum)) == (
        "services.voice.grant_default",
        "must be whole increments of the price, such as 120",
    )


def test_tiers_have_one_increment() -> None:
    tiers = {"period": "month", "increment": 10, "steps": [{"price": "0.01"}]}
    found = document(grant_max=30, zones={})
    del found["services"]["voice"]["price"], found["services"]["voice"]["increment"]
    found["services"]["voice"]["tiers"] = tiers
    found["plans"]["more"]["prices"]["voice"]["grant_max"] = 7205

    assert fault(found) == (
        "plans.more.prices.voice.grant_max",
        "must be whole increments of the price, such as 7200 or 7210",
    )


@pytest.mark.parametrize(
    ("voice", "key", "rule"),
    [
        ({"grant_default": 90}, "grant_default", "must be whole increments of the price, such as"),
        ({"grant_max": 3601}, "grant_max", "such as 3600 or 3660"),
        ({"grant_min": 120, "grant_default": 60}, "grant_default", "must be at least 120"),
        ({"grant_default": 600, "grant_max": 540}, "grant_max", "must be at least 600"),
        ({"grant_min": 120, "grant_max": 60}, "grant_max", "must be at least 120"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    voice: dict[str, Any], key: str, rule: str
) -> None:
    found = document(**voice)
    found["plans"]["more"] = {"extends": "prepaid"}

    path, told = fault(found)

    assert path == f"services.voice.{key}"
    assert rule in told


def fault(found: dict[str, Any]) -> tuple[str, str]:
    """The first fault of a document: its path and rule."""
    with pytest.raises(TariffRefusedError) as caught:
        parse_tariff(found)
    first = caught.value.faults[0]
    return first.path, first.rule
