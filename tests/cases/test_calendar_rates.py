"""CG, CE: prices by the hour of the day (CGRateS), as this service decides it.

The tariff is a document, as an operator writes it; Tuesday is an ordinary working day.
"""

from datetime import UTC, datetime
from typing import Final

import pytest

from ocs.book.document import read_tariff
from ocs.domain.answer import Outcome
from ocs.domain.commands import Basis
from ocs.domain.tariff_book import TariffBook
from tests.support.stage import MONEY, Figures, Stage

TARIFF: Final = b"""\
version: evening
currency: EUR
prices: gross
time_zone: UTC
zones:
  neighbour: {prefixes: ["33"]}
calendars:
  days:
    entries:
      working-day: [{days: [mon, tue, wed, thu, fri], to: "18:00"}]
  first-hour:
    entries:
      night: [{days: [mon, tue, wed, thu, fri, sat, sun], to: "01:00"}]
services:
  call:
    unit: seconds
    price: "0.50"                # evenings and weekends
    calendar: days
    during:
      working-day: {connect_fee: "1.00", price: "1.00"}
  bytes:
    unit: octets
    increment: 10
    price: "0.001"
    calendar: first-hour
    during:
      night: {price: "0.002"}
  abroad-only:
    unit: seconds
    zones:
      neighbour: {price: "0.50"}
plans:
  everything: {services: [call, bytes, abroad-only]}
"""
HOUR: Final = 3_600


def tuesday(hour: int, minute: int = 0) -> int:
    """Return a moment in the account's clock and the tariff's."""
    return int(datetime(2026, 9, 22, hour, minute, tzinfo=UTC).timestamp() * 1_000)


async def open_at(stage: Stage, now_ms: int, money: int = 10_000) -> None:
    """Open an account with money, at a moment."""
    stage.price_by(TariffBook.of(read_tariff(TARIFF)))
    stage.clock.now_ms = now_ms
    await stage.open()
    await stage.credit(money * MONEY)


async def cost_of_call(stage: Stage, start_ms: int, seconds: int) -> int:
    """Hold, talk and report, with the times of the talk."""
    await open_at(stage, start_ms)
    grant = await stage.reserve(seconds, "call")
    end_ms = start_ms + seconds * 1_000
    stage.clock.now_ms = end_ms
    used = ((seconds, start_ms, end_ms),)
    return (await stage.commit(grant.reservation_id, 0, used=used)).charged_micros


@pytest.mark.parametrize("basis", [Basis.AUTHORIZE, Basis.USED])
@pytest.mark.parametrize(
    ("service_id", "outcome"),
    [("abroad-only", Outcome.RATING_FAILED), ("unknown", Outcome.SERVICE_DENIED)],
)
async def test_cg4_without_a_price_there_is_no_charge(
    stage: Stage, basis: Basis, service_id: str, outcome: Outcome
) -> None:
    await open_at(stage, tuesday(12))

    answer = await stage.debit(10, service_id, basis=basis)

    # There a cost of -1; here the outcome says so, and nothing is free by accident.
    assert (answer.outcome, answer.charged_micros) == (outcome, 0)
    assert await stage.bucket() == Figures(10_000 * MONEY, 0, 0)


async def test_cg7_half_a_minute_late_in_the_evening(stage: Stage) -> None:
    assert await cost_of_call(stage, tuesday(23, 50), 30) == 15 * MONEY


async def test_cg8_an_hour_of_the_evening(stage: Stage) -> None:
    assert await cost_of_call(stage, tuesday(22, 50), 3_621) == 1_810_500_000


async def test_cg9_two_minutes_of_the_evening(stage: Stage) -> None:
    assert await cost_of_call(stage, tuesday(22, 50), 110) == 55 * MONEY


@pytest.mark.parametrize(
    ("asked", "granted", "held"),
    [(3 * HOUR, 9_999, 10_000), (2 * HOUR, 2 * HOUR, 2 * HOUR + 1)],
)
async def test_cg25_the_connect_fee_is_taken_off_what_can_be_granted(
    stage: Stage, asked: int, granted: int, held: int
) -> None:
    await open_at(stage, tuesday(8))

    grant = await stage.reserve(asked, "call")

    assert (grant.granted_units, grant.held_micros) == (granted, held * MONEY)
    assert grant.final_grant == (granted < asked)


async def test_ce6_the_price_is_that_of_the_hour(stage: Stage) -> None:
    await open_at(stage, tuesday(0, 30))
    night = await stage.debit(20, "bytes")
    stage.clock.now_ms = tuesday(1)
    later = await stage.debit(20, "bytes")

    assert (night.charged_micros, later.charged_micros) == (4_000, 2_000)
