"""What a book says of a call: by plan, zone, hour, day and version."""

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from ocs.book.document import read_tariff
from ocs.domain.answer import Outcome
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff_book import PriceInForce, TariffBook, TariffVersion
from tests.unit.book.corpus import BASE

TARIFF = read_tariff(BASE.encode())
BOOK = TariffBook.of(TARIFF)
BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    """A moment of Berlin's clock."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


MONDAY_NOON = ms("2026-12-21T12:00")
SUNDAY = ms("2026-12-20T12:00")


def price(
    service_id: str,
    at_ms: int = SUNDAY,
    plan: str = "basic",
    *,
    other_party: str = "",
    visited_network: str = "",
    book: TariffBook = BOOK,
) -> PriceInForce:
    found = book.price(plan, service_id, other_party, visited_network, at_ms)
    assert isinstance(found, PriceInForce)
    return found


def terms(
    service_id: str,
    at_ms: int = SUNDAY,
    plan: str = "basic",
    *,
    other_party: str = "",
    visited_network: str = "",
) -> ServiceTerms:
    place = {"other_party": other_party, "visited_network": visited_network}
    found = BOOK.price(plan, service_id, at_ms=at_ms, **place)
    assert isinstance(found, PriceInForce)
    return found.terms


def by_minute(text: str) -> Rate:
    return Rate.compiled([Stretch(0, 1, Fraction(text) * 1_000_000 / 60)])


@pytest.mark.parametrize(
    ("moment", "line", "cost", "until"),
    [
        ("2026-12-20T12:00", "voice/home", "0.10", "2026-12-21T00:00"),
        ("2026-12-21T03:00", "voice/home", "0.10", "2026-12-21T06:00"),  # no price of the night's
        ("2026-12-21T07:59:59", "voice/home", "0.10", "2026-12-21T08:00"),
        ("2026-12-21T08:00", "voice/home/peak", "0.20", "2026-12-21T20:00"),
        ("2026-12-21T20:00", "voice/home", "0.10", "2026-12-25T10:00"),
        # A Friday, and a holiday: its hours are the holiday's.
        ("2026-12-25T09:00", "voice/home", "0.10", "2026-12-25T10:00"),
        ("2026-12-25T23:00", "voice/home/peak", "0.20", "2026-12-26T00:00"),
        # The price changes on a day, and has no peak from then on.
        ("2026-12-28T21:00", "voice/home", "0.10", "2027-01-01T00:00"),
        ("2027-01-01T00:00", "voice/home@2027-01-01", "0.12", ""),
        ("2027-01-04T12:00", "voice/home@2027-01-01", "0.12", ""),
    ],
)
def test_a_price_is_in_force_for_some_hours_of_some_days(
    moment: str, line: str, cost: str, until: str
) -> None:
    found = price("voice", ms(moment))

    assert found.terms.price_id == line
    assert found.terms.rate == by_minute(cost)
    assert found.until_ms == (ms(until) if until else 0)


def test_a_line_is_one_object_while_it_is_in_force() -> None:
    assert terms("voice", MONDAY_NOON) is terms("voice", MONDAY_NOON + 3_600_000)
    assert terms("voice", MONDAY_NOON) is not terms("voice", SUNDAY)


def test_plans_without_prices_of_their_own_share_those_of_the_service() -> None:
    twins = read_tariff(
        f"{BASE}  twin: {{services: [voice]}}\n  child: {{extends: more}}\n".encode()
    )

    assert twins.lines["twin", "voice"] is twins.lines["basic", "voice"]
    assert twins.lines["child", "voice"] is twins.lines["more", "voice"]
    assert twins.lines["more", "voice"] is not twins.lines["basic", "voice"]


def test_a_discount_is_taken_off_exactly() -> None:
    assert terms("voice", plan="more").rate == by_minute("0.0875")
    assert terms("voice", plan="more").price_id == "more:voice/home"
    abroad = terms("voice", plan="more", other_party="331")
    assert abroad.rate.connect_micros == 43_750
    assert abroad.rate.price_list() == [
        Stretch(0, 60, Fraction(262_500, 60)),
        Stretch(120, 1, Fraction(131_250, 60)),
    ]


def test_the_nearest_discount_stands() -> None:
    assert terms("data", plan="more").rate == terms("data").rate


def test_a_plan_may_have_a_zone_that_its_service_has_not() -> None:
    assert BOOK.price("basic", "voice", "", "20801", SUNDAY) is Outcome.RATING_FAILED
    # What is unsaid there is as in the service: per 60 seconds.
    islands = terms("voice", plan="more", visited_network="20801")

    assert (islands.rate, islands.price_id) == (by_minute("0.00875"), "more:voice/islands")


def test_a_plan_offers_what_the_plan_that_it_extends_does() -> None:
    assert TARIFF.plans == {
        "basic": frozenset({"voice", "data"}),
        "more": frozenset({"voice", "data", "sms"}),
    }
    assert BOOK.price("basic", "sms", "", "", SUNDAY) is Outcome.SERVICE_DENIED


def test_a_plan_inherits_prices_and_discount_at_any_distance() -> None:
    text = BASE + "  most: {extends: more}\n  own:\n    extends: most\n    discount: '0'\n"
    book = TariffBook.of(read_tariff(text.encode()))

    assert (
        price("voice", plan="most", book=book).terms is price("voice", plan="more", book=book).terms
    )
    own = price("voice", plan="own", book=book).terms
    assert (own.rate, own.price_id) == (by_minute("0.10"), "own:voice/home")
    assert price("voice", plan="own", visited_network="20801", book=book).terms.rate == by_minute(
        "0.01"
    )


def test_wholesale_stands_beside_retail() -> None:
    found = terms("voice", MONDAY_NOON)
    owed = TARIFF.wholesale[found.price_id]

    assert (found.partner, owed.partner, owed.currency) == ("carrier", "carrier", "CHF")
    assert owed.rate == by_minute("0.01")
    # No discount of a plan makes a carrier cheaper.
    assert TARIFF.wholesale["more:voice/home"].rate == owed.rate
    assert terms("data").partner == ""


def test_tiers_go_by_the_use_of_a_period() -> None:
    assert terms("data").tier == tier_id(Period.MONTH, "data")
    assert terms("data").rate.cost(101) == 2_010_000
    assert terms("voice").tier == ""


def test_prices_say_whether_tax_is_in_them() -> None:
    assert TARIFF.tax_included is False
    assert read_tariff(BASE.replace("prices: net", "prices: gross").encode()).tax_included is True


def test_a_version_ends_the_price_of_the_one_before() -> None:
    later = read_tariff(BASE.replace("v7", "v8").encode())
    at = ms("2026-12-22T00:00")
    book = TariffBook([TariffVersion(at, later), TariffVersion(0, TARIFF)])

    assert price("sms", MONDAY_NOON, "more", book=book) == PriceInForce(
        terms("sms", plan="more"), at
    )
    assert price("voice", MONDAY_NOON, book=book).until_ms == ms("2026-12-21T20:00")
    assert price("voice", ms("2026-12-21T23:00"), book=book).until_ms == at
    assert price("sms", at, "more", book=book).terms.tariff_version == "v8"
    assert price("sms", at - 1, "more", book=book).terms.tariff_version == "v7"
    assert (book.activation_after("v7"), book.activation_after("v8")) == (at, 0)
    assert book.activation_after("unheard-of") == 0


def test_a_change_begins_at_a_midnight_of_the_tariffs_clock() -> None:
    """Where the midnight does not exist, at the first moment of the day."""
    text = BASE.replace("Europe/Berlin", "America/Santiago").replace("2027-01-01", "2026-09-06")
    book = TariffBook.of(read_tariff(text.encode()))
    first = int(datetime.fromisoformat("2026-09-06T01:00-03:00").timestamp() * 1000)

    assert price("voice", first - 1, book=book).terms.price_id == "voice/home"
    assert price("voice", first - 1, book=book).until_ms == first
    assert price("voice", first, book=book).terms.price_id == "voice/home@2026-09-06"
