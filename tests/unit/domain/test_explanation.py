"""A price that can be followed by hand, line by line."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ocs.domain.answer import Payment
from ocs.domain.explanation import Cause, ExplainedLine, explain, first_use
from ocs.domain.price_function import Joined, Part, connect_due
from ocs.domain.rating import PriceTooFineError, Rate, Rounding, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.units import Unit

CENT = 10_000


def terms(rate: Rate, tier: str = "", version: str = "v1") -> ServiceTerms:
    return ServiceTerms("voice", Unit.SECONDS, "", rate, 1, 60_000, version, "voice/peak", tier)


def explained(rate: Rate, used: int, *payments: Payment) -> list[ExplainedLine]:
    rated = rate.round_up(used)
    assert rated is not None
    return explain(first_use([terms(rate)], "EUR", (used, rated), rate, payments))


def test_each_step_rounding_and_bucket_is_a_sentence() -> None:
    rate = Rate.compiled(
        [Stretch(0, 60, Fraction(90_000, 60)), Stretch(120, 1, Fraction(70_000, 60))],
        rounding=Rounding.UP,
        quantum=CENT,
        connect_micros=50_000,
    )

    lines = explained(rate, 61, Payment("main", 120, 230_000))

    assert [line.text for line in lines] == [
        "61 seconds are charged as 120 seconds: use is counted in whole increments",
        "120 seconds at 0.09 EUR for each 60 seconds: 0.18 EUR (voice/peak)",
        "Connect fee, once a session: 0.05 EUR",
        "Bucket main pays for 120 seconds with 0.23 EUR",
    ]
    lines = explained(rate, 125, Payment("minutes", 100, 0), Payment("main", 25, 240_000))
    assert [line.text for line in lines] == [
        "120 seconds at 0.09 EUR for each 60 seconds: 0.18 EUR (voice/peak)",
        "5 seconds at about 0.001166667 EUR for each 1 second: about 0.005833333 EUR (voice/peak)",
        "Rounded up to whole 0.01 EUR: 0.19 EUR",
        "Connect fee, once a session: 0.05 EUR",
        "Bucket minutes pays for 100 seconds",
        "Bucket main pays for 25 seconds with 0.24 EUR",
    ]


def test_what_a_session_costs_at_most_is_said() -> None:
    rate = Rate.compiled([Stretch(0, 1, Fraction(1_000))], max_micros=50_000)

    lines = explained(rate, 80)

    assert [(line.cause, line.micros) for line in lines] == [
        (Cause.STEP, Fraction(80_000)),
        (Cause.MAXIMUM, Fraction(-30_000)),
    ]
    assert lines[1].text == "A session costs at most 0.05 EUR for its use"


def test_a_tier_says_where_it_stands() -> None:
    rate = Rate.compiled([Stretch(0, 1, Fraction(CENT)), Stretch(100, 1, Fraction(CENT, 2))])
    price = Joined((Part(rate, 90, 0, 20),), rate, 0)
    what = first_use([terms(rate, "tier@month@voice")], "EUR", (20, 20), price, ())

    texts = [line.text for line in explain(what)]

    assert texts == [
        "90 seconds were used before in this period: prices go on from there",
        "10 seconds at 0.01 EUR for each 1 second: 0.10 EUR (voice/peak)",
        "10 seconds at 0.005 EUR for each 1 second: 0.05 EUR (voice/peak)",
    ]


def test_each_price_of_a_change_is_named() -> None:
    before, after = Rate.flat(1, 1, 1), Rate.flat(1, 3, 1)
    price = Joined((Part(before, 0, 0, 40), Part(after, 0, -80, 60)), before, 0)
    listed = [terms(before, version="old"), terms(after, version="new")]
    what = first_use(listed, "EUR", (60, 60), price, ())

    lines = explain(what)

    assert [(line.tariff_version, line.from_units, line.to_units) for line in lines] == [
        ("old", 0, 40),
        ("new", 40, 60),
    ]


stretches = st.lists(
    st.tuples(st.integers(1, 90), st.integers(1, 9), st.integers(0, 10**6), st.integers(1, 1024)),
    min_size=1,
    max_size=5,
)


@given(
    stretches,
    st.sampled_from(list(Rounding)),
    st.sampled_from([1, 10, CENT]),
    st.sampled_from([0, 77_777]),
    st.sampled_from([0, 12_345]),
    st.integers(1, 3_000),
)
def test_the_lines_add_up_to_the_price(  # noqa: PLR0917 - one of each thing that is drawn
    drawn: list[tuple[int, int, int, int]],
    rounding: Rounding,
    quantum: int,
    most: int,
    fee: int,
    used: int,
) -> None:
    listed, start = [], 0
    for increment, times, num, den in drawn:
        listed.append(Stretch(start, increment, Fraction(num, den)))
        start += increment * times
    try:
        rate = Rate.compiled(
            listed, rounding=rounding, quantum=quantum, max_micros=most, connect_micros=fee
        )
    except PriceTooFineError:
        return

    lines = explained(rate, used)

    rated = rate.round_up(used)
    assert rated is not None
    cost = rate.cost(rated)
    assert cost is not None
    assert sum(line.micros for line in lines) == cost + connect_due(rate, 0, used)
