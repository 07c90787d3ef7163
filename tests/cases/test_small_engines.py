"""CL, OS: balances of redis-charglt and sessions of ostelco, as this service decides them."""

from typing import Final

from ocs.domain.answer import Outcome, Reason
from ocs.domain.rating import Rate
from ocs.domain.units import Unit
from tests.support.stage import Figures, Stage, refused

STEP: Final = 500  # what the gateway asks for each time, at one micro-unit an octet


async def test_cl1_what_is_allocated_is_not_available(stage: Stage) -> None:
    await stage.open()
    await stage.credit(1_000)

    await stage.reserve(10)

    assert await stage.bucket() == Figures(1_000, 10, 0)
    assert (await stage.state()).buckets["main"].available(0) == 990


async def test_cl2_a_credit_that_is_sent_twice_is_made_once(stage: Stage) -> None:
    await stage.open()
    await stage.credit(1_000)
    await stage.reserve(10)

    answers = [await stage.credit(300, request_id="add") for _ in range(2)]

    assert [answer.replayed for answer in answers] == [False, True]
    assert (await stage.state()).buckets["main"].available(0) == 1_290


async def test_os1_each_rating_group_has_what_it_asked_for(stage: Stage) -> None:
    await stage.open()
    await stage.credit(100_000)
    groups = ["data", "work", stage.price("case", Unit.OCTETS, Rate.flat(1, 1, 1))]

    grants = [await stage.reserve(5_000, group, session_id="session") for group in groups]

    assert [(grant.outcome, grant.granted_units) for grant in grants] == [
        (Outcome.GRANTED, 5_000)
    ] * 3
    assert await stage.bucket() == Figures(100_000, 15_000, 0)


async def test_os2_a_session_in_three_messages(stage: Stage) -> None:
    await stage.open()
    await stage.credit(10 * STEP)

    async def taken() -> int:
        return 10 * STEP - (await stage.state()).buckets["main"].available(0)

    opened = await stage.reserve(STEP, "data")
    after_open = await taken()
    await stage.commit(opened.reservation_id, STEP, next_units=STEP)
    after_update = await taken()
    await stage.commit(opened.reservation_id, STEP)

    # There the balance falls with each grant; here what is held is a part of it until it is used.
    assert (after_open, after_update, await taken()) == (STEP, 2 * STEP, 2 * STEP)
    assert await stage.bucket() == Figures(8 * STEP, 0, 2 * STEP)


async def test_os3_nobody_is_no_payer(stage: Stage) -> None:
    reason = await refused(stage.reserve(STEP, "data", account_id="nobody"))

    # 5030 DIAMETER_USER_UNKNOWN.
    assert reason is Reason.ACCOUNT_NOT_FOUND


async def test_os4_the_last_units_are_final(stage: Stage) -> None:
    await stage.open()
    await stage.credit(123)

    grant = await stage.reserve(STEP, "data")

    assert (grant.granted_units, grant.final_grant) == (123, True)
