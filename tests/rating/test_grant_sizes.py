"""Grants by the tariff's sizes: the default where no units are named, and never more than most."""

from dataclasses import replace

import pytest

from ocs.domain.answer import Outcome, Reason
from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import HOME_ZONE
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.domain.units import Unit
from ocs.service.errors import ServiceError
from tests.support.stage import START_MS, Stage, refused
from tests.support.tariffs import tariff_of

CHANGE_MS = START_MS + 100_000
MONEY = 100_000
UNNAMED = 0  # units of a wish that names none

TERMS = ServiceTerms(
    "data", Unit.OCTETS, HOME_ZONE, Rate.flat(10, 1, 1), 10, 60_000, "v1", "data/home"
)
SIZED = replace(TERMS, grant_default=50, grant_max=200)


def book(*versions: ServiceTerms) -> TariffBook:
    """Price by the first, and by each next one from a later CHANGE_MS on."""
    return TariffBook(
        [
            TariffVersion(
                place * CHANGE_MS,
                tariff_of(f"v{place}", [replace(terms, tariff_version=f"v{place}")]),
            )
            for place, terms in enumerate(versions)
        ]
    )


@pytest.fixture
async def sized(stage: Stage) -> Stage:
    """An account with money: 50 octets by default, at most 200; unsized from CHANGE_MS on."""
    stage.price_by(book(SIZED, TERMS))
    await stage.open()
    await stage.credit(MONEY)
    return stage


async def test_who_names_no_units_gets_the_default(sized: Stage) -> None:
    first = await sized.reserve(UNNAMED, "data")
    again = await sized.commit(first.reservation_id, 20, next_units=UNNAMED, asks=True)

    assert (first.outcome, first.granted_units, first.held_micros) == (Outcome.GRANTED, 50, 50)
    assert (again.outcome, again.granted_units) == (Outcome.GRANTED, 50)
    assert [event.event.requested_units for event in (await sized.read_journal())[-2:]] == [50, 50]


async def test_a_grant_is_cut_to_the_most_and_is_not_the_last(sized: Stage) -> None:
    first = await sized.reserve(1_000_000, "data")
    again = await sized.commit(first.reservation_id, 200, next_units=201)

    for answer in (first, again):
        assert (answer.outcome, answer.granted_units) == (Outcome.GRANTED, 200)
        assert not answer.final_grant
        assert answer.cap is None
    assert again.valid_until_ms == START_MS + 60_000
    # The event is of what was decided on, its context says what was asked for.
    assert [event.event.requested_units for event in (await sized.read_journal())[-2:]] == [
        200,
        200,
    ]
    assert [context.asked_units for context in sized.contexts[-2:]] == [1_000_000, 201]


async def test_what_is_within_the_sizes_is_granted_as_it_is_asked_for(sized: Stage) -> None:
    for units in (1, 49, 51, 200):
        assert (await sized.reserve(units, "data")).granted_units == units
    assert {context.asked_units for context in sized.contexts} == {0}


async def test_all_or_nothing_of_more_than_the_most_is_nothing(sized: Stage) -> None:
    fits = await sized.reserve(200, "data", all_or_nothing=True)
    denied = await sized.reserve(201, "data", all_or_nothing=True, request_id="q")
    again = await sized.reserve(201, "data", all_or_nothing=True, request_id="q")

    assert (fits.outcome, fits.granted_units) == (Outcome.GRANTED, 200)
    assert (denied.outcome, denied.granted_units) == (Outcome.GRANT_MAX_EXCEEDED, 0)
    assert again == replace(denied, replayed=True)


async def test_use_is_charged_though_its_next_grant_is_too_large(sized: Stage) -> None:
    first = await sized.reserve(100, "data")

    answer = await sized.commit(
        first.reservation_id, 100, next_units=201, asks=True, all_or_nothing=True
    )
    onward = await sized.commit(first.reservation_id, 0, next_units=200, all_or_nothing=True)

    assert (answer.outcome, answer.charged_micros) == (Outcome.GRANT_MAX_EXCEEDED, 100)
    assert (await sized.bucket()).spent == 100
    assert (onward.outcome, onward.granted_units) == (Outcome.GRANTED, 200)


async def test_who_names_no_units_where_there_is_no_default_is_told_so(sized: Stage) -> None:
    granted = await sized.reserve(100, "data")
    sized.clock.now_ms = CHANGE_MS
    before = await sized.state()

    with pytest.raises(ServiceError) as reserve:
        await sized.reserve(UNNAMED, "data", request_id="r")
    with pytest.raises(ServiceError) as commit:
        await sized.commit(granted.reservation_id, 5, asks=True, request_id="c")

    assert [error.value.reason for error in (reserve, commit)] == [Reason.INVALID_FIELD] * 2
    assert [error.value.violations[0][0] for error in (reserve, commit)] == [
        "requested_units",
        "next_grant.requested_units",
    ]
    assert await sized.state() == before
    # Neither request_id is consumed.
    assert (await sized.reserve(7, "data", request_id="r")).granted_units == 7
    settled = await sized.commit(granted.reservation_id, 5, next_units=30, request_id="c")
    assert (settled.charged_micros, settled.granted_units) == (10, 30)


async def test_a_resend_is_replayed_whatever_the_sizes_are_by_then(sized: Stage) -> None:
    """The version that follows has neither default nor most."""
    unnamed = await sized.reserve(UNNAMED, "data", request_id="unnamed")
    cut = await sized.reserve(1_000, "data", request_id="cut")
    denied = await sized.reserve(1_000, "data", all_or_nothing=True, request_id="denied")
    onward = await sized.commit(cut.reservation_id, 200, asks=True, request_id="onward")

    sized.clock.now_ms = CHANGE_MS
    resent = [
        await sized.reserve(UNNAMED, "data", request_id="unnamed"),
        await sized.reserve(1_000, "data", request_id="cut"),
        await sized.reserve(1_000, "data", all_or_nothing=True, request_id="denied"),
        await sized.commit(cut.reservation_id, 200, asks=True, request_id="onward"),
    ]

    assert resent == [replace(one, replayed=True) for one in (unnamed, cut, denied, onward)]
    assert (unnamed.granted_units, cut.granted_units, onward.granted_units) == (50, 200, 50)


async def test_naming_the_default_means_something_else_than_naming_none(sized: Stage) -> None:
    await sized.reserve(UNNAMED, "data", request_id="q")

    assert await refused(sized.reserve(50, "data", request_id="q")) is Reason.REQUEST_ID_REUSED


async def test_what_has_no_price_is_refused_for_that_though_no_units_are_named(
    sized: Stage,
) -> None:
    answer = await sized.reserve(UNNAMED, "fax")

    assert answer.outcome is Outcome.SERVICE_DENIED
    assert (await sized.read_journal())[-1].event.requested_units == 1


async def test_a_quote_tells_the_sizes_and_the_cut(sized: Stage) -> None:
    fits, cut = await sized.quote(200, "data"), await sized.quote(201, "data")

    assert fits.terms is not None
    assert (fits.terms.grant_default, fits.terms.grant_max) == (50, 200)
    assert [line.text for line in fits.explanation if line.cause == "GRANT_MAX"] == []
    assert [line.text for line in cut.explanation if line.cause == "GRANT_MAX"] == [
        "A reserve of 201 octets is cut to 200 octets, the most of one grant"
    ]
