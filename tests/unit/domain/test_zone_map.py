"""Zones by the longest prefix, whatever table finds them."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ocs.domain.tariff import ZoneMap

# Few digits, so that prefixes begin with each other.
PREFIXES = st.dictionaries(
    st.text("012", min_size=1, max_size=7), st.sampled_from(["", "a", "b", "c"]), max_size=60
)
NUMBERS = st.lists(st.text("0123", max_size=9), max_size=30)


def longest(prefixes: dict[str, str], number: str) -> str:
    """By trying every prefix."""
    found = [prefix for prefix in prefixes if number.startswith(prefix)]
    return prefixes[max(found, key=len)] if found else ""


@given(prefixes=PREFIXES, numbers=NUMBERS)
def test_the_longest_prefix_decides(prefixes: dict[str, str], numbers: list[str]) -> None:
    zones = ZoneMap(prefixes, {})

    for number in [*numbers, *prefixes]:
        assert zones.zone(number, "") == longest(prefixes, number)


def test_it_does_so_among_ten_thousand() -> None:
    digits = random.Random(1)
    prefixes = {
        "".join(digits.choices("0123456789", k=digits.randint(1, 8))): str(digits.randrange(100))
        for _ in range(10_000)
    }
    zones = ZoneMap(prefixes, {})
    numbers = ["".join(digits.choices("0123456789", k=digits.randint(1, 15))) for _ in range(100)]

    for number in numbers + digits.sample(list(prefixes), 100):
        assert zones.zone(number, "") == longest(prefixes, number)


def test_what_is_no_number_has_no_prefix() -> None:
    assert ZoneMap({"49": "a"}, {}).zone("+49", "") == ""
    assert ZoneMap({}, {}).zone("49", "") == ""
