"""What a gateway is told of a price that changes, and what its reports must say of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ocs.book.document import read_tariff
from ocs.store.embedded import EmbeddedValkey
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from tests.support.live import Live, serving_at
from tests.support.stage import Clock

# One micro-unit by day and three from 18:00 on; `cheaper` costs three, and one from 100 units on.
TARIFF: Final = b"""\
version: by-hour
currency: EUR
prices: gross
time_zone: UTC
calendars:
  hours:
    entries:
      evening: [{days: [mon, tue, wed, thu, fri, sat, sun, holiday], from: "18:00"}]
services:
  data:
    unit: octets
    price: "0.000001"
    calendar: hours
    during: {evening: {price: "0.000003"}}
  voice:
    unit: seconds
    price: "0.000001"
    calendar: hours
    during: {evening: {price: "0.000003"}}
  cheaper:
    unit: octets
    tiers: {period: month, steps: [{price: "0.000003"}, {from: 100, price: "0.000001"}]}
plans:
  prepaid: {services: [data, voice, cheaper]}
"""
CHANGE_MS: Final = int(datetime(2026, 9, 22, 18, tzinfo=UTC).timestamp() * 1_000)
BEFORE_MS: Final = CHANGE_MS - 300_000
AFTER_MS: Final = CHANGE_MS + 120_000


@pytest.fixture
def clock() -> Clock:
    """Five minutes before the change."""
    return Clock(BEFORE_MS)


@pytest.fixture
async def live(store: EmbeddedValkey, clock: Clock) -> AsyncIterator[Live]:
    """A service with a price that changes."""
    async with serving_at(store, clock, read_tariff(TARIFF)) as found:
        yield found


def used(units: int, start_ms: int, end_ms: int) -> charging.UsedSegment:
    """A stretch of use."""
    segment = charging.UsedSegment(units=units)
    segment.start_time.FromMilliseconds(start_ms)
    segment.end_time.FromMilliseconds(end_ms)
    return segment


def report(live: Live, reservation: str, *segments: charging.UsedSegment, **fields: Any) -> Any:
    """A commit that closes, unless fields say otherwise."""
    given: dict[str, Any] = {"reservation": reservation, "used": segments}
    if not fields:
        given["close"] = charging.CloseReservation()
    return live.stamped(charging.CommitRequest(**given | fields))


async def test_a_grant_says_when_the_price_changes_and_ends_there(live: Live, clock: Clock) -> None:
    account = await live.open(micros=10_000)

    before = (await live.call(live.reserve(account, 100, service_id="data"))).grant
    clock.now_ms = AFTER_MS
    after = (await live.call(live.reserve(account, 100, service_id="data"))).grant

    assert before.tariff_change_time.ToMilliseconds() == CHANGE_MS
    assert BEFORE_MS < before.validity_time.ToMilliseconds() <= CHANGE_MS
    assert before.expire_time.ToMilliseconds() > CHANGE_MS
    # It may be used at the dearer price, so that is held.
    assert before.reserved_micros == 300
    assert not after.HasField("tariff_change_time")


async def test_octets_come_as_a_segment_before_and_one_after(live: Live, clock: Clock) -> None:
    account = await live.open(micros=10_000)
    reservation = await live.hold(account, 100, service_id="data")
    clock.now_ms = AFTER_MS

    segments = (used(70, BEFORE_MS, CHANGE_MS), used(20, CHANGE_MS, AFTER_MS))
    wanted = charging.NextGrant(requested_units=50)
    answer = await live.call(report(live, reservation, *segments, next_grant=wanted))

    assert answer.charge.charged_micros == 70 + 20 * 3
    assert (answer.grant.granted_units, answer.grant.reserved_micros) == (50, 150)
    assert not answer.grant.HasField("tariff_change_time")


async def test_octets_that_straddle_the_change_have_the_price_at_their_start(
    live: Live, clock: Clock
) -> None:
    account = await live.open(micros=10_000)
    reservation = await live.hold(account, 100, service_id="data")
    clock.now_ms = AFTER_MS

    answer = await live.call(report(live, reservation, used(90, BEFORE_MS, AFTER_MS)))

    assert answer.charge.charged_micros == 90


async def test_seconds_are_split_by_the_service(live: Live, clock: Clock) -> None:
    account = await live.open(micros=10_000)
    reservation = await live.hold(account, 420, service_id="voice")
    clock.now_ms = AFTER_MS

    answer = await live.call(report(live, reservation, used(420, BEFORE_MS, AFTER_MS)))

    assert answer.charge.charged_micros == 300 + 120 * 3


@pytest.mark.parametrize("service_id", ["data", "voice"])
async def test_use_without_times_has_the_price_of_its_grant_and_is_marked(
    live: Live, clock: Clock, service_id: str
) -> None:
    account = await live.open(micros=10_000)
    reservation = await live.hold(account, 100, service_id=service_id)
    clock.now_ms = AFTER_MS

    answer = await live.call(live.commit(reservation, 90))

    page = await live.call(accounts.ListChargingEventsRequest(account_id=account, page_size=1))
    assert answer.charge.charged_micros == 90
    assert [event.context.unsplit for event in page.events] == [True]


async def test_a_graduated_price_is_held_dear_and_charged_as_it_is(live: Live) -> None:
    account = await live.open(micros=10_000)

    answer = await live.call(live.reserve(account, 150, service_id="cheaper"))
    charge = (await live.call(live.commit(answer.reservation, 150))).charge

    assert not answer.grant.HasField("tariff_change_time")
    assert answer.grant.reserved_micros == 150 * 3
    assert charge.charged_micros == 100 * 3 + 50
