"""A price that changes while a session runs: what was used before has the old one."""

import pytest

from ocs.domain.answer import Outcome
from ocs.domain.bucket import MAIN, BucketTerms
from ocs.domain.commands import Basis
from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.domain.units import Unit
from tests.support.stage import START_MS, Stage
from tests.support.tariffs import tariff_of

CHANGE_MS = START_MS + 100_000
OLD, NEW = 1, 3  # micro-units a second or octet
MONEY = 100_000


def version(name: str, prices: dict[str, tuple[Unit, Rate]], validity_ms: int = 60_000) -> Tariff:
    return tariff_of(
        name,
        [
            ServiceTerms(service_id, unit, HOME_ZONE, rate, 1, validity_ms, name, service_id)
            for service_id, (unit, rate) in prices.items()
        ],
    )


def per_unit(micros: int) -> dict[str, tuple[Unit, Rate]]:
    rate = Rate.flat(1, micros, 1)
    return {"call": (Unit.SECONDS, rate), "data": (Unit.OCTETS, rate)}


def changing(old: dict[str, tuple[Unit, Rate]], new: dict[str, tuple[Unit, Rate]]) -> TariffBook:
    before, after = version("old", old), version("new", new)
    return TariffBook([TariffVersion(0, before), TariffVersion(CHANGE_MS, after)])


@pytest.fixture
async def changed(stage: Stage) -> Stage:
    """An account with money; the price triples at CHANGE_MS."""
    stage.price_by(changing(per_unit(OLD), per_unit(NEW)))
    await stage.open()
    await stage.credit(MONEY)
    return stage


async def test_a_grant_is_valid_until_the_price_changes(changed: Stage) -> None:
    early = await changed.reserve(10, "call", session_id="early")
    changed.clock.now_ms = CHANGE_MS - 20_000
    late = await changed.reserve(10, "call", session_id="late")

    assert (early.valid_until_ms, early.price_change_ms) == (START_MS + 60_000, CHANGE_MS)
    assert CHANGE_MS - 2_000 <= late.valid_until_ms <= CHANGE_MS
    changed.clock.now_ms = CHANGE_MS
    assert (await changed.reserve(10, "call", session_id="new")).price_change_ms == 0


async def test_what_may_be_used_after_the_change_is_held_at_the_dearer_price(
    changed: Stage,
) -> None:
    far = await changed.reserve(10, "call", validity_ms=1_000)
    near = await changed.reserve(10, "call")

    assert (far.held_micros, near.held_micros) == (10 * OLD, 10 * NEW)


async def test_a_change_to_a_lower_price_holds_the_present_one(stage: Stage) -> None:
    stage.price_by(changing(per_unit(NEW), per_unit(OLD)))
    await stage.open()
    await stage.credit(MONEY)

    assert (await stage.reserve(10, "call")).held_micros == 10 * NEW


async def test_seconds_are_split_by_time(changed: Stage) -> None:
    granted = await changed.reserve(60, "call")
    changed.clock.now_ms = CHANGE_MS + 15_000
    used = (60, CHANGE_MS - 45_000, CHANGE_MS + 15_000)

    answer = await changed.commit(granted.reservation_id, 0, used=(used,))

    assert answer.charged_micros == 45 * OLD + 15 * NEW
    assert changed.contexts[-1].pieces == ((45, "old", "call"), (15, "new", "call"))
    assert await changed.bucket() == (MONEY - answer.charged_micros, 0, answer.charged_micros)


async def test_each_second_has_the_price_at_its_beginning(changed: Stage) -> None:
    """10 seconds in 9.5 s: the tenth of them begins 8.55 s after the first."""
    granted = await changed.reserve(10, "call")
    changed.clock.now_ms = CHANGE_MS + 5_000

    answer = await changed.commit(
        granted.reservation_id, 0, used=((10, CHANGE_MS - 8_550, CHANGE_MS + 950),)
    )

    assert answer.charged_micros == 9 * OLD + NEW


async def test_octets_have_the_price_at_the_start_of_their_segment(changed: Stage) -> None:
    granted = await changed.reserve(100, "data")
    changed.clock.now_ms = CHANGE_MS + 5_000
    used = ((70, CHANGE_MS - 5_000, CHANGE_MS + 1_000), (30, CHANGE_MS, CHANGE_MS + 5_000))

    answer = await changed.commit(granted.reservation_id, 0, used=used)

    assert answer.charged_micros == 70 * OLD + 30 * NEW


async def test_use_without_times_has_the_price_of_its_grant_and_says_so(changed: Stage) -> None:
    granted = await changed.reserve(50, "call")
    before = await changed.commit(granted.reservation_id, 20, next_units=50)
    assert not changed.contexts[-1].unsplit
    changed.clock.now_ms = CHANGE_MS + 5_000

    after = await changed.commit(granted.reservation_id, 30)

    assert (before.charged_micros, after.charged_micros) == (20 * OLD, 30 * OLD)
    assert changed.contexts[-1].unsplit


async def test_the_next_grant_goes_by_the_price_of_its_time(changed: Stage) -> None:
    granted = await changed.reserve(50, "call")
    changed.clock.now_ms = CHANGE_MS + 10_000
    used = (50, CHANGE_MS - 40_000, CHANGE_MS + 10_000)

    onward = await changed.commit(granted.reservation_id, 0, used=(used,), next_units=20)
    last = await changed.commit(granted.reservation_id, 20)

    assert onward.held_micros == 20 * NEW
    assert onward.price_change_ms == 0
    assert last.charged_micros == 20 * NEW
    assert changed.contexts[-1].tariff_version == "new"


async def test_a_service_that_the_new_price_list_lacks_gets_no_next_grant(stage: Stage) -> None:
    new = per_unit(NEW)
    del new["call"]
    stage.price_by(changing(per_unit(OLD), new))
    await stage.open()
    await stage.credit(MONEY)
    granted = await stage.reserve(50, "call")
    stage.clock.now_ms = CHANGE_MS + 10_000
    used = (50, CHANGE_MS - 40_000, CHANGE_MS + 10_000)

    answer = await stage.commit(granted.reservation_id, 0, used=(used,), next_units=20)

    assert answer.outcome is Outcome.SERVICE_DENIED
    assert answer.charged_micros == 50 * OLD  # the last price it had: used, and never free


async def test_a_version_that_comes_after_the_grant_prices_what_comes_after_it(
    stage: Stage,
) -> None:
    stage.price_by(TariffBook.of(version("old", per_unit(OLD))))
    await stage.open()
    await stage.credit(MONEY)
    granted = await stage.reserve(50, "call", validity_ms=600_000)
    assert granted.price_change_ms == 0
    stage.price_by(changing(per_unit(OLD), per_unit(NEW)))
    stage.clock.now_ms = CHANGE_MS + 10_000
    used = (50, CHANGE_MS - 40_000, CHANGE_MS + 10_000)

    answer = await stage.commit(granted.reservation_id, 0, used=(used,))

    assert answer.charged_micros == 40 * OLD + 10 * NEW


async def test_the_increment_that_was_begun_is_not_paid_again(stage: Stage) -> None:
    """A minute at the old price runs on into the new; only then does the new price begin."""
    minute = {"call": (Unit.SECONDS, Rate.flat(60, OLD, 1))}
    second = {"call": (Unit.SECONDS, Rate.flat(1, NEW, 1))}
    stage.price_by(changing(minute, second))
    await stage.open()
    await stage.credit(MONEY)
    granted = await stage.reserve(100, "call")
    stage.clock.now_ms = CHANGE_MS + 70_000
    used = (100, CHANGE_MS - 30_000, CHANGE_MS + 70_000)

    answer = await stage.commit(granted.reservation_id, 0, used=(used,))

    assert answer.charged_micros == 60 * OLD + 40 * NEW


async def test_a_bundle_pays_for_seconds_at_any_price(changed: Stage) -> None:
    await changed.credit(50, bucket_id="minutes", terms=BucketTerms(Unit.SECONDS, 1))
    granted = await changed.reserve(60, "call")
    changed.clock.now_ms = CHANGE_MS + 20_000
    used = (60, CHANGE_MS - 40_000, CHANGE_MS + 20_000)

    answer = await changed.commit(granted.reservation_id, 0, used=(used,))

    assert answer.charged_micros == 10 * NEW
    assert [(paid.bucket_id, paid.units) for paid in answer.payments] == [
        ("minutes", 50),
        (MAIN, 10),
    ]


async def test_interim_reports_cost_what_one_report_costs(changed: Stage) -> None:
    one = await changed.reserve(60, "call", session_id="one")
    many = await changed.reserve(60, "call", session_id="many")
    start = CHANGE_MS - 31_000
    changed.clock.now_ms = CHANGE_MS + 29_000

    whole = await changed.commit(one.reservation_id, 0, used=((60, start, start + 60_000),))
    parts = [
        await changed.commit(
            many.reservation_id,
            0,
            step=Step.KEEP,
            used=((15, start + at, start + at + 15_000),),
        )
        for at in range(0, 60_000, 15_000)
    ]

    assert whole.charged_micros == 31 * OLD + 29 * NEW
    assert sum(part.charged_micros for part in parts) == whole.charged_micros


async def test_a_record_of_a_call_is_split_from_its_event_time(changed: Stage) -> None:
    changed.clock.now_ms = CHANGE_MS + 60_000

    answer = await changed.debit(60, "call", basis=Basis.USED, event_ms=CHANGE_MS - 20_000)
    octets = await changed.debit(60, "data", basis=Basis.USED, event_ms=CHANGE_MS - 20_000)

    assert answer.charged_micros == 20 * OLD + 40 * NEW
    assert octets.charged_micros == 60 * OLD


async def test_the_price_at_the_change_itself_is_the_new_one(changed: Stage) -> None:
    changed.clock.now_ms = CHANGE_MS

    before = await changed.debit(1, "data", event_ms=CHANGE_MS - 1)
    at = await changed.debit(1, "data", event_ms=CHANGE_MS)

    assert (before.charged_micros, at.charged_micros) == (OLD, NEW)
