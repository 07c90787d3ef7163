"""What a line of a tariff document costs."""

from fractions import Fraction
from typing import Any

import pytest

from ocs.domain.rating import Rate, Rounding, Stretch
from ocs.domain.tariff_document import parse_tariff
from ocs.domain.tariff_table import TariffRefusedError

TWO_STEPS = [
    {"price": "0.60", "per": 60, "increment": 60},
    {"from": 120, "price": "0.30", "per": 60},
]


def rate(service: dict[str, Any], zone: dict[str, Any] | None = None, name: str = "voice") -> Rate:
    """The rate of a service at home, or in a zone."""
    service = {"unit": "seconds", **service}
    if zone is not None:
        service["zones"] = {"far": zone}
    tariff = parse_tariff(
        {
            "version": "v",
            "currency": "EUR",
            "prices": "gross",
            "zones": {"far": {"prefixes": ["9"]}},
            "services": {name: service},
            "plans": {"p": {"services": [name]}},
        }
    )
    return tariff.lines["p", name]["far" if zone is not None else ""].at(0).terms.rate


def refused(service: dict[str, Any], zone: dict[str, Any] | None = None) -> tuple[str, str]:
    with pytest.raises(TariffRefusedError) as found:
        rate(service, zone)
    (fault,) = found.value.faults
    return fault.path, fault.rule


def test_steps_are_priced_by_how_far_the_session_has_come() -> None:
    found = rate({"steps": TWO_STEPS})

    assert found.price_list() == [
        Stretch(0, 60, Fraction(10_000)),
        Stretch(120, 1, Fraction(5_000)),
    ]
    assert found.cost(121) == 1_205_000


def test_a_minimum_is_charged_at_least_once() -> None:
    """A second costs the minute, a minute and a second a second more."""
    found = rate({"price": "0.60", "per": 60, "minimum": 60})

    assert [found.cost(found.round_up(units) or 0) for units in (1, 61)] == [600_000, 610_000]


def test_fee_bound_and_rounding_are_as_in_the_service_unless_the_zone_says_otherwise() -> None:
    service = {
        "price": "0.01",
        "connect_fee": "0.05",
        "max_session_cost": "1.05",
        "rounding": "up",
        "round_to": "0.10",
    }

    home, far = rate(service), rate(service, {"price": "0.02", "rounding": "down"})

    assert home == Rate.compiled(
        [Stretch(0, 1, Fraction(10_000))],
        rounding=Rounding.UP,
        quantum=100_000,
        max_micros=1_000_000,
        connect_micros=50_000,
    )
    assert (far.cost(9), far.cost(1_000)) == (100_000, 1_000_000)


@pytest.mark.parametrize("key", ["per", "increment", "minimum"])
def test_what_belongs_to_one_price_is_not_said_beside_steps(key: str) -> None:
    path, rule = refused({"steps": TWO_STEPS, key: 1})

    assert (path, rule) == (f"services.voice.{key}", "is said in each of the steps")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ({"price": "1", "steps": TWO_STEPS}, "steps"),
        ({"price": "1", "free": True}, "free"),
        ({"free": True, "tiers": {"period": "month", "steps": TWO_STEPS}}, "tiers"),
    ],
)
def test_a_price_is_said_in_one_way(line: dict[str, Any], path: str) -> None:
    where, rule = refused(line)

    assert where == f"services.voice.{path}"
    assert "one of them is right" in rule


def test_what_is_free_is_so_by_a_word() -> None:
    assert rate({"free": True, "increment": 60}) == Rate.flat(60, 0, 1)
    assert refused({"free": False})[0] == "services.voice.free"


def test_tiers_are_priced_like_steps_by_their_counter() -> None:
    steps = [{"price": "0.60", "per": 60}, {"from": 120, "price": "0.30", "per": 60}]

    found = rate({"tiers": {"period": "month", "increment": 60, "steps": steps}})

    assert found == rate({"steps": [{**step, "increment": 60} for step in steps]})


def test_the_id_of_a_service_leaves_room_for_its_counter_s() -> None:
    tiers = {"tiers": {"period": "month", "steps": [{"price": "1"}]}}
    longest = "v" * (128 - len("tier@month@"))

    assert rate(tiers, name=longest) == Rate.flat(1, 1_000_000, 1)
    with pytest.raises(TariffRefusedError) as found:
        rate(tiers, name=f"{longest}x")

    (fault,) = found.value.faults
    assert fault.path == f"services.{longest}x.tiers"


def test_no_session_has_tiers() -> None:
    tiers = {"period": "month", "steps": [{"price": "1"}]}

    assert (
        refused({"tiers": tiers, "max_session_cost": "1"})[0] == "services.voice.max_session_cost"
    )


@pytest.mark.parametrize(
    ("tiers", "path"),
    [
        ({"steps": [{"price": "1"}]}, "tiers.period"),
        ({"period": "fortnight", "steps": TWO_STEPS}, "tiers.period"),
        ({"period": "month"}, "tiers.steps"),
        ({"period": "month", "steps": TWO_STEPS}, "tiers.steps[0].increment"),
        ({"period": "lifetime", "steps": [{"price": "1"}]}, "tiers.period"),
        ([], "tiers"),
    ],
)
def test_tiers_that_are_none(tiers: object, path: str) -> None:
    assert refused({"tiers": tiers})[0] == f"services.voice.{path}"


TB_2 = 2 * 10**12


@pytest.mark.parametrize(
    ("price", "per", "cost"),
    [
        ("10000", 10**9, TB_2 * 10_000_000_000 // 10**9),  # per GB, by the octet
        ("250000", 2**30, round(Fraction(TB_2 * 250_000_000_000, 2**30))),  # per GiB
    ],
)
def test_dear_data_by_the_octet_is_exact_up_to_2_tb(price: str, per: int, cost: int) -> None:
    found = rate({"unit": "octets", "price": price, "per": per})

    assert found.cost(TB_2) == cost
    assert found.cost(1) == round(Fraction(cost, TB_2))
    assert found.steps[0].num <= 2**53 - 1
    assert (found.steps[0].den - 1) * found.steps[0].num <= 2**53 - 1


def test_a_list_that_costs_more_than_is_counted_is_named() -> None:
    dear = [{"price": "9999999999"}, {"from": 2**52, "price": "1"}]

    path, rule = refused({"steps": dear})

    assert path == "services.voice.steps"
    assert "2^53-1" in rule


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ([], "steps"),
        ("0.10", "steps"),
        ([{"price": "1"}] * 9, "steps"),
        ([{"price": "1", "tax": 1}], "steps[0].tax"),
        ([{"from": 0, "price": "1"}], "steps[0].from"),
        ([{"price": "1"}, {"price": "2"}], "steps[1].from"),
        ([{"price": "1", "increment": 60}, {"from": 90, "price": "2"}], "steps[1].from"),
        ([{"price": "1"}, {"from": 5, "price": "2"}, {"from": 5, "price": "1"}], "steps[2].from"),
        ([{"price": "-1"}], "steps[0].price"),
        ([{"price": 1}], "steps[0].price"),
        ([{"per": 60}], "steps[0].price"),
    ],
)
def test_steps_that_are_no_price_list(steps: object, path: str) -> None:
    assert refused({"steps": steps})[0] == f"services.voice.{path}"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("rounding", "bankers", "must be one of half_up, up, down"),
        ("rounding", 1, "must be one of half_up, up, down"),
        ("round_to", "0", "must be whole micro-units of the currency"),
        ("round_to", "0.0000001", "must be whole micro-units of the currency"),
        ("connect_fee", "0.0000005", "must be whole micro-units of the currency"),
        ("max_session_cost", "0", "must be more than the connect fee"),
    ],
)
def test_amounts_and_words_that_mean_nothing(key: str, value: object, rule: str) -> None:
    assert refused({"price": "1", key: value}) == (f"services.voice.{key}", rule)


def test_a_session_may_cost_more_than_its_connect_fee() -> None:
    lines = {"price": "1", "connect_fee": "0.50", "max_session_cost": "0.50"}

    assert refused(lines)[0] == "services.voice.max_session_cost"


def test_steps_whose_fractions_add_up_too_fine_are_named() -> None:
    fine = [{"price": "0.000001", "per": 94_906_249, "increment": 1}]
    fine.append({"from": 1, "price": "0.000003", "per": 94_906_247, "increment": 1})

    path, rule = refused({"steps": fine})

    assert path == "services.voice.steps"
    assert rule.startswith("PRICE_TOO_FINE")
