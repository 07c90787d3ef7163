"""What the price book sells as bundles, and which it refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from ocs.domain.bundle import Bundle, BundleContent
from ocs.domain.tariff_document import parse_tariff
from ocs.domain.tariff_table import TariffRefusedError
from ocs.domain.units import Unit

Document = dict[str, Any]

CONTENT: Document = {"unit": "octets", "quantity": 1000}


def document() -> Document:
    return {
        "version": "v7",
        "currency": "EUR",
        "prices": "gross",
        "zones": {"eu": {"prefixes": ["33"]}},
        "services": {
            "data": {"unit": "octets", "price": "2.00"},
            "voice": {"unit": "seconds", "price": "0.09"},
        },
        "plans": {"family": {"services": ["data"]}, "single": {"services": ["data"]}},
        "bundles": {
            "big": {
                "price": "10.000001",
                "validity": "30d",
                "plans": ["family"],
                "renewals": 12,
                "contents": [
                    {
                        "unit": "octets",
                        "quantity": 1000,
                        "services": ["data"],
                        "zones": ["eu"],
                        "priority": 50,
                        "roll_over": 2000,
                        "threshold": 100,
                    },
                    {"unit": "count", "quantity": 5},
                ],
            },
            "gift": {"price": "0", "validity": "month", "contents": [dict(CONTENT)]},
        },
    }


def test_a_bundle_is_read_in_whole_units() -> None:
    big = parse_tariff(document()).bundles["big"]

    assert big == Bundle(
        bundle_id="big",
        price_micros=10_000_001,
        span_ms=30 * 86_400_000,
        contents=(
            BundleContent(Unit.OCTETS, 1000, 50, ("data",), ("eu",), 2000, 100),
            BundleContent(Unit.COUNT, 5, 100),
        ),
        renewals=12,
        plans=frozenset({"family"}),
        tariff_version="v7",
    )


def test_what_a_bundle_leaves_out_has_a_default() -> None:
    gift = parse_tariff(document()).bundles["gift"]

    assert (gift.price_micros, gift.span_ms, gift.renewals, gift.plans) == (0, 0, 0, frozenset())
    assert gift.contents == (BundleContent(Unit.OCTETS, 1000, 100),)


@pytest.mark.parametrize(
    ("text", "span_ms"),
    [("1s", 1_000), ("90m", 5_400_000), ("24h", 86_400_000), ("1d", 86_400_000)],
)
def test_a_validity_is_a_length_of_time(text: str, span_ms: int) -> None:
    book = document()
    book["bundles"]["gift"]["validity"] = text

    assert parse_tariff(book).bundles["gift"].span_ms == span_ms


def test_a_span_ends_by_its_length_and_a_month_with_the_month_it_starts_in() -> None:
    bundles = parse_tariff(document()).bundles

    assert bundles["big"].end(1_000, (0, 0)) == 1_000 + 30 * 86_400_000
    assert [bundles["gift"].end(at, (50, 80)) for at in (49, 50, 79, 80)] == [50, 80, 80, None]


def _set(path: str, value: object) -> Callable[[Document], None]:
    def change(book: Document) -> None:
        *parents, last = path.split("/")
        found: Any = book["bundles"]
        for key in parents:
            found = found[int(key) if key.isdecimal() else key]
        if value is None:
            del found[last]
        else:
            found[last] = value

    return change


FIRST = "big/contents/0"


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        (_set("big/price", "1.0000001"), "bundles.big.price", "whole micro-units"),
        (_set("big/price", 10), "bundles.big.price", "must be a string"),
        (_set("big/price", "-1"), "bundles.big.price", "must be a string"),
        (_set("big/price", None), "bundles.big.price", "required"),
        (_set("big/validity", "0d"), "bundles.big.validity", "such as"),
        (_set("big/validity", "3661d"), "bundles.big.validity", "at most"),
        (_set("big/validity", "1y"), "bundles.big.validity", "such as"),
        (_set("big/plans", ["gold"]), "bundles.big.plans[0]", "not one of the plans"),
        (_set("big/renewals", 1001), "bundles.big.renewals", "1 .. 1000"),
        (_set("big/renewals", 0), "bundles.big.renewals", "1 .. 1000"),
        (_set("big/contents", []), "bundles.big.contents", "1 to 8"),
        (_set("big/contents", [CONTENT] * 9), "bundles.big.contents", "1 to 8"),
        (_set("big/content", []), "bundles.big.content", "not known"),
        (_set(f"{FIRST}/unit", "micros"), "bundles.big.contents[0].unit", "one of octets"),
        (_set(f"{FIRST}/quantity", 0), "bundles.big.contents[0].quantity", "1 .. "),
        (_set(f"{FIRST}/quantity", 2**53), "bundles.big.contents[0].quantity", "1 .. "),
        (_set(f"{FIRST}/quantity", None), "bundles.big.contents[0].quantity", "1 .. "),
        (
            _set(f"{FIRST}/services", ["voice"]),
            "bundles.big.contents[0].services[0]",
            "metered in seconds, not in octets",
        ),
        (_set(f"{FIRST}/services", ["x"]), "bundles.big.contents[0].services[0]", "not one of"),
        (_set(f"{FIRST}/zones", ["mars"]), "bundles.big.contents[0].zones[0]", "not one of"),
        (_set(f"{FIRST}/priority", 1001), "bundles.big.contents[0].priority", "1 .. 1000"),
        (_set(f"{FIRST}/threshold", 1000), "bundles.big.contents[0].threshold", "below quantity"),
        (_set(f"{FIRST}/roll_over", True), "bundles.big.contents[0].roll_over", "whole number"),
        (_set("big/renewals", None), "bundles.big.contents[0].roll_over", "needs renewals"),
        (_set("data", {"price": "0"}), "bundles.data", "is one of the services already"),
        (_set("n" * 97, {"price": "0"}), f"bundles.{'n' * 97}", "must match"),
        (_set("a b", {"price": "0"}), 'bundles."a b"', "must match"),
    ],
)
def test_a_slip_in_a_bundle_is_refused(
    change: Callable[[Document], None], path: str, rule: str
) -> None:
    book = document()
    change(book)

    with pytest.raises(TariffRefusedError) as refused:
        parse_tariff(book)

    (fault,) = refused.value.faults
    assert fault.path == path
    assert rule in fault.rule
