"""What lapsed is available to the next call, however much of it there is, sweeper or not (P7)."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.domain.answer import Outcome
from ocs.domain.charging_event import EventKind
from ocs.domain.units import Unit
from ocs.limits import EXPIRIES_PER_CALL_MAX
from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.support.stage import LAPSE_MS, Figures, Stage
from tests.support.stages import valkey_stage

SUBSCRIBERS = 50
HOLDS_EACH = 10
UNITS_EACH = 20
HOLDS = SUBSCRIBERS * HOLDS_EACH
ALL_UNITS = HOLDS * UNITS_EACH


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("expiry")) as server:
        yield server


@pytest.fixture
async def stage(store: EmbeddedValkey) -> AsyncIterator[Stage]:
    """The service over the scripts; no job runs."""
    async with valkey_stage(store.url) as found:
        yield found


async def open_and_hold_everything(stage: Stage) -> list[str]:
    """Hold all there is, by 500 reservations of 50 subscribers, in one and the same millisecond."""
    await stage.open()
    await stage.credit(ALL_UNITS)
    await stage.cap(ALL_UNITS, unit=Unit.COUNT)
    reservations = []
    for number in range(SUBSCRIBERS):
        subscriber_id = f"s{number}"
        await stage.subscriber(subscriber_id)
        await stage.cap(
            HOLDS_EACH * UNITS_EACH, unit=Unit.COUNT, holder=f"subscriber/{subscriber_id}"
        )
        for _ in range(HOLDS_EACH):
            grant = await stage.reserve(
                UNITS_EACH, subscriber_id=subscriber_id, all_or_nothing=True
            )
            assert grant.granted_units == UNITS_EACH
            reservations.append(grant.reservation_id)
    deadlines = {hold.expire_ms for hold in (await stage.state()).holds.values()}
    assert deadlines == {stage.clock.now_ms + LAPSE_MS}
    return reservations


async def test_500_holds_lapse_at_once_and_the_next_reserve_gets_all_units(stage: Stage) -> None:
    reservations = await open_and_hold_everything(stage)
    assert len(reservations) == HOLDS > EXPIRIES_PER_CALL_MAX
    stage.clock.now_ms += LAPSE_MS - 1
    before = await stage.reserve(1)
    stage.clock.now_ms += 1

    grant = await stage.reserve(ALL_UNITS, all_or_nothing=True)

    assert before.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert (grant.outcome, grant.granted_units) == (Outcome.GRANTED, ALL_UNITS)
    assert await stage.bucket() == Figures(ALL_UNITS, reserved=ALL_UNITS, spent=0)
    assert (await stage.counted()).reserved == ALL_UNITS
    assert set((await stage.state()).holds) == {grant.reservation_id}
    events = [logged.event for logged in await stage.read_journal()]
    expired = Counter(event.ref for event in events if event.kind is EventKind.EXPIRE)
    assert expired == dict.fromkeys(reservations, 1)
    # One number for each event, and the grant is the last of them.
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (events[-1].kind, events[-1].ref) == (EventKind.RESERVE, grant.reservation_id)


async def test_a_refused_call_leaves_the_rest_to_the_next(stage: Stage) -> None:
    await open_and_hold_everything(stage)
    stage.clock.now_ms += LAPSE_MS

    refusal = await stage.reserve(ALL_UNITS + 1, all_or_nothing=True)
    grant = await stage.reserve(ALL_UNITS, all_or_nothing=True)

    # A refusal is one too only after everything that is due has come back.
    assert refusal.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert (await stage.bucket()).reserved == ALL_UNITS
    assert grant.granted_units == ALL_UNITS


async def test_a_subscriber_gets_its_own_cap_back(stage: Stage) -> None:
    await open_and_hold_everything(stage)
    stage.clock.now_ms += LAPSE_MS

    grant = await stage.reserve(HOLDS_EACH * UNITS_EACH, subscriber_id="s7", all_or_nothing=True)

    assert grant.granted_units == HOLDS_EACH * UNITS_EACH
    assert (await stage.counted(holder="subscriber/s7")).reserved == HOLDS_EACH * UNITS_EACH
    assert (await stage.counted(holder="subscriber/s8")).reserved == 0
