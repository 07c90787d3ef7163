"""The price book: what it offers where, and which documents it refuses."""

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocs.book.file import tariff_of_file
from ocs.domain.answer import Outcome
from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_book import PriceInForce, TariffBook
from ocs.domain.tariff_document import parse_tariff
from ocs.domain.tariff_table import TariffRefusedError
from ocs.domain.units import Unit

Document = dict[str, Any]

NOW_MS = 1_795_000_000_000


def document() -> Document:
    return {
        "version": "v7",
        "currency": "EUR",
        "prices": "gross",
        "home_networks": ["26298"],
        "home_prefixes": ["49"],
        "zones": {
            "eu": {"prefixes": ["33"], "visited_networks": ["208"]},
            "premium": {"prefixes": ["3389", "4990"]},
            "islands": {"visited_networks": ["20801"]},
        },
        "services": {
            "data": {
                "unit": "octets",
                "increment": 1024,
                "price": "2.00",
                "per": 2**30,
                "grant_min": 4096,
                "validity_s": 60,
                "zones": {"eu": {"price": "3.5"}, "islands": {"price": "1", "per": 1024}},
            },
            "voice": {
                "unit": "seconds",
                "increment": 60,
                "price": "0.09",
                "zones": {"eu": {"price": "0.19", "increment": 1, "per": 60}},
            },
            "hotline": {"unit": "count", "zones": {"premium": {"price": "1.99"}}},
        },
        "plans": {"prepaid": {"services": ["data", "voice"]}, "all": {"services": ["hotline"]}},
    }


def tariff() -> Tariff:
    return parse_tariff(document())


def terms(
    service_id: str, other_party: str = "", visited_network: str = "", plan: str = "prepaid"
) -> ServiceTerms:
    return terms_in(tariff(), service_id, other_party, visited_network, plan)


def terms_in(
    known: Tariff,
    service_id: str,
    other_party: str = "",
    visited_network: str = "",
    plan: str = "prepaid",
) -> ServiceTerms:
    found = TariffBook.of(known).price(plan, service_id, other_party, visited_network, NOW_MS)
    assert isinstance(found, PriceInForce)
    return found.terms


def test_a_line_of_the_tariff_becomes_exact_terms() -> None:
    assert terms("data") == ServiceTerms(
        service_id="data",
        unit=Unit.OCTETS,
        zone="",
        rate=Rate.flat(
            increment=1024, num=15625, den=8388608
        ),  # 2,000,000 micro-units / 2^30 octets
        grant_min=4096,
        validity_ms=60_000,
        tariff_version="v7",
        price_id="data/home",
    )
    assert terms("data").rate.cost(2**30) == 2_000_000


def test_what_a_line_leaves_out_has_a_default() -> None:
    voice = terms("voice")

    assert voice.rate == Rate.flat(increment=60, num=1500, den=1)
    assert (voice.grant_min, voice.validity_ms) == (60, 600_000)


def test_a_zone_says_only_what_differs() -> None:
    abroad = terms("data", visited_network="20899")

    assert abroad.rate == Rate.per_increment(1024, 3_500_000, 2**20)
    assert (abroad.grant_min, abroad.validity_ms, abroad.zone) == (4096, 60_000, "eu")
    assert terms("voice", other_party="331").rate == Rate.flat(increment=1, num=9500, den=3)


@pytest.mark.parametrize(
    ("other_party", "visited_network", "zone"),
    [
        ("", "", ""),
        ("4915112345678", "", ""),
        ("33612345678", "", "eu"),
        ("3389", "", "premium"),
        ("338", "", "eu"),
        ("3", "", ""),
        ("499055", "", "premium"),
        ("33612345678", "26298", "eu"),  # at home: the other party decides
        ("33612345678", "20801", "islands"),
        ("4915112345678", "20802", "eu"),
        ("", "208011", "eu"),  # six digits are another network than the first five of them
        ("", "26201", None),
        ("33612345678", "99901", None),
    ],
)
def test_the_zone_is_where_one_roams_or_whom_one_calls(
    other_party: str, visited_network: str, zone: str | None
) -> None:
    assert tariff().zone(other_party, visited_network) == zone


@pytest.mark.parametrize(
    ("plan", "service_id", "other_party", "visited_network", "outcome"),
    [
        ("prepaid", "hotline", "", "", Outcome.SERVICE_DENIED),
        ("prepaid", "fax", "", "", Outcome.SERVICE_DENIED),
        ("unheard-of", "data", "", "", Outcome.SERVICE_DENIED),
        ("unheard-of", "data", "", "99901", Outcome.SERVICE_DENIED),
        ("prepaid", "data", "", "99901", Outcome.RATING_FAILED),
        ("prepaid", "voice", "3389", "", Outcome.RATING_FAILED),
        ("all", "hotline", "", "", Outcome.RATING_FAILED),
    ],
)
def test_what_is_not_offered_or_not_priced_is_refused(
    plan: str, service_id: str, other_party: str, visited_network: str, outcome: Outcome
) -> None:
    book = TariffBook.of(tariff())

    assert book.price(plan, service_id, other_party, visited_network, NOW_MS) is outcome


def test_terms_are_made_once() -> None:
    known = tariff()

    assert terms_in(known, "data") is terms_in(known, "data", "49151", "26298")


def test_an_explicit_price_of_nothing_is_one() -> None:
    free = document()
    free["services"]["data"]["price"] = "0"
    found = terms_in(parse_tariff(free), "data")

    assert found.rate == Rate.flat(increment=1024, num=0, den=1)


def put(*path: str, value: object) -> Callable[[Document], None]:
    def change(target: Document) -> None:
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


def drop(*path: str) -> Callable[[Document], None]:
    def change(target: Document) -> None:
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return change


BAD_PRICES: list[object] = [
    0.09, 9, True, None, "", "1e3", "0x10", " 5", "5 ", "+5", "-5", "007", "5\n", "5.", ".5", "1,5",
    "\u0665", "NaN", "Infinity", "1_000", "1/3", "12345678901", "0.0000000000001",
]  # fmt: skip


@pytest.mark.parametrize("price", BAD_PRICES)
def test_a_price_is_a_strict_decimal_string(price: object) -> None:
    bad = document()
    bad["services"]["voice"]["price"] = price

    with pytest.raises(TariffRefusedError, match="must be a string such as") as caught:
        parse_tariff(bad)

    assert caught.value.faults[0].path == "services.voice.price"


@pytest.mark.parametrize("number", [0, -1, 2**53, 1.0, "60", True, None])
@pytest.mark.parametrize(
    "key", ["increment", "per", "grant_min", "grant_default", "grant_max", "validity_s"]
)
def test_a_quantity_is_a_whole_number_in_range(key: str, number: object) -> None:
    bad = document()
    bad["services"]["voice"][key] = number

    with pytest.raises(
        TariffRefusedError, match=rf"services\.voice\.{key}: must be a whole number, 1 .."
    ):
        parse_tariff(bad)


def test_a_price_that_would_leave_the_exact_range_is_refused() -> None:
    bad = document()
    bad["services"]["data"]["zones"]["eu"] |= {"price": "9999999999.999999999999", "per": 1}

    with pytest.raises(TariffRefusedError, match="PRICE_TOO_FINE") as caught:
        parse_tariff(bad)

    assert caught.value.faults[0].path == "services.data.zones.eu.price"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("version"), "version: is required"),
        (put("version", value="a b"), "version: must match"),
        (put("version", value="x" * 129), "version: must match"),
        (put("currency", value="eur"), "currency: must be an ISO 4217 code"),
        (put("currency", value="EUR\n"), "currency: must be an ISO 4217 code"),
        (put("home_networks", value=["262"]), "home_networks[0]: must be a PLMN"),
        (put("home_prefixes", value=["+49"]), "home_prefixes[0]: must be 1 to 15 digits"),
        (put("pirces", value={}), "pirces: is not known here"),
        (put("zones", value=[]), "zones: must be a table"),
        (put("zones", "eu", value="33"), "zones.eu: must be a table"),
        (put("zones", "e u", value={}), 'zones."e u": its id must match'),
        (put("zones", "eu", "prefixes", value="33"), "zones.eu.prefixes: must be a list"),
        (put("zones", "eu", "prefixes", value=["33", "33"]), "zones.eu.prefixes[1]: is listed"),
        (put("zones", "eu", "prefixes", value=[33]), "zones.eu.prefixes[0]: must be 1 to 15"),
        (put("zones", "eu", "prefixes", value=["49"]), "zones.eu.prefixes[0]: is home already"),
        (
            put("zones", "premium", "prefixes", value=["33"]),
            "zones.premium.prefixes[0]: is in zone eu already",
        ),
        (
            put("zones", "eu", "visited_networks", value=["26298"]),
            "zones.eu.visited_networks[0]: is home already",
        ),
        (
            put("zones", "eu", "visited_networks", value=["2080"]),
            "zones.eu.visited_networks[0]: must be an MCC or PLMN",
        ),
        (drop("services"), "services: must have at least one service"),
        (drop("services", "data", "unit"), "services.data.unit: is required"),
        (put("services", "data", "unit", value="micros"), "services.data.unit: must be one of"),
        (put("services", "data", "unit", value=["octets"]), "services.data.unit: must be one of"),
        (drop("services", "hotline", "zones"), "services.hotline.price: is required, here or"),
        (
            put("services", "data", "zones", "mars", value={"price": "1"}),
            "services.data.zones.mars: is not one of the zones",
        ),
        (
            put("services", "data", "zones", "eu", value={"per": 1}),
            "services.data.zones.eu.price: is required",
        ),
        (
            put("services", "data", "zones", "eu", "unit", value="octets"),
            "services.data.zones.eu.unit: is not known here",
        ),
        (put("services", "voice", "validity_s", value=86_401), "services.voice.validity_s: must"),
        (drop("plans"), "plans: must have 1 to 10000 plans"),
        (put("plans", "prepaid", "services", value=[]), "plans.prepaid.services: must name at"),
        (
            put("plans", "prepaid", "services", value=["data", "fax"]),
            "plans.prepaid.services[1]: is not one of the services",
        ),
    ],
)
def test_a_broken_document_is_refused_by_path_and_rule(
    change: Callable[[Document], None], message: str
) -> None:
    bad = document()
    change(bad)

    with pytest.raises(TariffRefusedError) as caught:
        parse_tariff(bad)

    assert str(caught.value).startswith(message)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
PATHS = [
    (key,) if inner is None else (key, inner)
    for key, value in document().items()
    for inner in [None, *(value if isinstance(value, dict) else ())]
]


@given(path=st.sampled_from(PATHS), junk=JUNK)
def test_no_document_raises_anything_else(path: tuple[str, ...], junk: object) -> None:
    bad = copy.deepcopy(document())
    put(*path, value=junk)(bad)

    with suppress(TariffRefusedError):
        parse_tariff(bad)


def test_the_shipped_tariff_is_one() -> None:
    known = tariff_of_file(None)
    book = TariffBook.of(known)

    assert {"prepaid", "family"} <= set(known.plans)
    for service_id in ("data", "voice", "sms", "esim_activation"):
        assert terms_in(known, service_id).service_id == service_id
        assert book.price("family", service_id, "", "99901", NOW_MS) is Outcome.RATING_FAILED
    # No number that is not named is priced as home.
    assert known.zone("88216", "") == "international"
    assert known.zone("4915112345678", "") == ""
    assert terms_in(known, "esim_activation").rate.cost(1) == 5_000_000
