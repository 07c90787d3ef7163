"""What is typed has one spelling and one exact value; everything else is a usage error."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from ocs import limits
from ocs.cli import parse
from ocs.client import Identity
from ocs.client.names import reservation_name

# Rows 10 and 11 of the bad inputs, and their neighbours.
NO_FIGURE = [
    "", " ", "NaN", "nan", "Inf", "-Infinity", "1e3", "1E3", "0x10", "0b1", "0o7", " 5", "5 ",
    "+5", "-5", "-0", "007", "00", "5\n", "\n5", "5\t", "5\0", "1_000", "1,000", "\u0665", "\u096b",
    "\uff15",
    "\u00b2", "\u00bd", "five", "1 000", "5L", "--5",
]  # fmt: skip


@pytest.mark.parametrize("text", [*NO_FIGURE, "1.5", "5.0", "5.", ".5"])
def test_units_are_whole_numbers_in_plain_digits(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse.whole(text)


@pytest.mark.parametrize(
    "text",
    [*NO_FIGURE, "5.", ".5", "12.1234567", "12,50", "00.5", "01.5", "1.5e3", "1.\u0665", "1.2.3"],
)
def test_money_is_plain_digits_with_at_most_six_decimals(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse.money(text)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("0.000001", 1),
        ("12.5", 12_500_000),
        ("12.50", 12_500_000),
        ("0.1", 100_000),
        ("0.3", 300_000),
        ("1234567.891011", 1_234_567_891_011),
        # Neither of these survives a float.
        ("9007199254.740991", 2**53 - 1),
        ("4503599627.370497", 4_503_599_627_370_497),
    ],
)
def test_money_is_exact(text: str, micros: int) -> None:
    assert parse.money(text) == micros


def test_figures_have_the_bound_of_the_contract() -> None:
    assert parse.QUANTITY_MAX == limits.QUANTITY_MAX
    assert parse.whole(str(limits.QUANTITY_MAX)) == limits.QUANTITY_MAX
    for beyond in (limits.QUANTITY_MAX + 1, 10**16 - 1, 10**40):
        with pytest.raises(ValueError, match="must be"):
            parse.whole(str(beyond))
    for text in ("9007199254.740992", "9999999999", "10000000000", "9" * 40):
        with pytest.raises(ValueError, match="must be"):
            parse.money(text)


@hypothesis.given(strategies.integers(0, limits.QUANTITY_MAX))
def test_what_is_shown_can_be_typed(micros: int) -> None:
    shown = parse.decimal_of(micros)

    assert parse.money(shown) == micros
    assert len(shown.split(".")[1]) >= 2


@hypothesis.given(strategies.text(max_size=20))
def test_no_text_passes_that_int_would_read_otherwise(text: str) -> None:
    try:
        value = parse.whole(text)
    except ValueError:
        return
    assert str(value) == text


def test_a_debt_is_shown_with_its_sign() -> None:
    assert parse.decimal_of(-1_500_000) == "-1.50"
    assert parse.decimal_of(-1) == "-0.000001"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00.000001Z", datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=UTC)),
        ("2026-11-23T12:00:00+01:00", datetime(2026, 11, 23, 11, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_exactly(text: str, moment: datetime) -> None:
    assert parse.instant(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-23",
        "2026-11-23T12:00:00",
        "2026-11-23 12:00:00Z",
        "2026-13-23T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-23T12:00:00.0000001Z",
        "20261123T120000Z",
        "\u0662\u0660\u0662\u0666-11-23T12:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2026-11-23T12:00:00Z\n",
    ],
)
def test_a_time_has_a_zone_and_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time"):
        parse.instant(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [("90s", timedelta(seconds=90)), ("10m", timedelta(minutes=10)), ("24h", timedelta(days=1))],
)
def test_a_span_is_read(text: str, span: timedelta) -> None:
    assert parse.span(text) == span


@pytest.mark.parametrize("text", ["", "90", "s", "1.5h", "-1s", "01s", "1d", "1s ", "9" * 9 + "h"])
def test_a_span_has_one_unit(text: str) -> None:
    with pytest.raises(ValueError, match="must be a span"):
        parse.span(text)


def test_a_deadline_is_above_nothing() -> None:
    assert parse.seconds("0.5") == pytest.approx(0.5)
    for text in ("0", "0.0", "-1", "1e3", "inf", ""):
        with pytest.raises(ValueError, match="above 0"):
            parse.seconds(text)


def test_a_payer_is_an_account_or_a_line() -> None:
    assert parse.payer("alice@home+1") == parse.Payer("alice@home+1", None)
    assert parse.payer("msisdn:4915112345678") == parse.Payer(
        None, Identity.msisdn("4915112345678")
    )
    for text in ("tel:49151", ":49151", "MSISDN:49151"):
        with pytest.raises(ValueError, match="must begin"):
            parse.payer(text)
    with pytest.raises(ValueError, match="must begin"):
        parse.identity("4915112345678")


def test_a_reservation_has_a_short_name() -> None:
    def name_of(account_id: str, reservation_id: str) -> str:
        return reservation_name("acme", account_id, reservation_id)

    full = "tenants/acme/accounts/alice/reservations/r1"
    assert parse.reservation("alice/r1", name_of) == full
    assert parse.reservation(full, name_of) == full
    assert parse.reservation("r1", name_of) == "r1"  # for the service to refuse


@pytest.mark.parametrize("function", [parse.whole, parse.money, parse.instant, parse.span])
def test_a_broken_rule_names_itself(function: Callable[[str], Any]) -> None:
    with pytest.raises(Exception, match="must be") as caught:
        parse.argument(function)("x")

    assert type(caught.value).__name__ == "BadParameter"
