"""TB: two-phase transfers (TigerBeetle) as reservations of this service.

One unit of `work` costs one micro-unit. A pending transfer is a reservation, posting it a commit
that closes it, voiding it a release.
"""

from collections.abc import Awaitable

import pytest

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.limits import EXPIRE_GRACE_MIN_MS, VALIDITY_MIN_MS
from tests.support.stage import LAPSE_MS, Figures, Stage, refused

DAY_MS = 86_400_000


async def open_with(stage: Stage, micros: int) -> None:
    await stage.open()
    await stage.credit(micros)


async def test_tb1_what_is_pending_adds_up_beside_what_is_posted(stage: Stage) -> None:
    await open_with(stage, 100)
    await stage.debit(15)

    for units in (15, 15, 15, 7, 1, 1):
        assert (await stage.reserve(units)).granted_units == units

    assert await stage.bucket() == Figures(85, reserved=54, spent=15)


async def test_tb3_more_than_is_pending_is_refused_on_request(stage: Stage) -> None:
    await open_with(stage, 100)
    grant = await stage.reserve(15)

    reason = await refused(stage.commit(grant.reservation_id, 16, reject=True))
    released = await stage.release(grant.reservation_id)

    # Unasked, 16 are charged. A release says no figure here, so it cannot say a wrong one.
    assert reason is Reason.COMMIT_EXCEEDS_RESERVED
    assert released.held_micros == 15
    assert await stage.bucket() == Figures(100, 0, 0)


async def test_tb4_a_reservation_ends_once(stage: Stage) -> None:
    await open_with(stage, 100)
    for name in ("posted", "voided", "lapsed"):
        await stage.reserve(10, request_id=name)
    await stage.commit("posted", 10)
    await stage.release("voided")

    again = await refused(stage.commit("posted", 10))
    after = await refused(stage.commit("voided", 10))
    stage.clock.now_ms += LAPSE_MS
    late = await stage.commit("lapsed", 10)

    assert again is Reason.RESERVATION_CLOSED
    assert after is Reason.RESERVATION_CLOSED
    # "Expired" there; here late use is charged while the reservation is remembered.
    assert (late.late, late.charged_micros) == (True, 10)
    assert await stage.bucket() == Figures(80, 0, 20)


async def test_tb5_the_same_id_means_the_same_request(stage: Stage) -> None:
    await open_with(stage, 100)
    for name in ("first", "second"):
        await stage.reserve(20, request_id=name)
    await stage.reserve(5, request_id="r", session_id="s1")
    await stage.commit("first", 15, request_id="c")

    same = await stage.commit("first", 15, request_id="c")
    others: dict[str, Awaitable[Answer]] = {
        "another figure": stage.commit("first", 16, request_id="c"),
        "other flags": stage.commit("first", 15, request_id="c", reject=True),
        "another reservation": stage.commit("second", 15, request_id="c"),
        "other data": stage.reserve(5, request_id="r", session_id="s2"),
    }

    assert (same.replayed, same.charged_micros) == (True, 15)
    for what, call in others.items():
        assert await refused(call) is Reason.REQUEST_ID_REUSED, what
    assert await stage.bucket() == Figures(85, reserved=25, spent=15)


async def test_tb6_an_id_that_found_nothing_stays_free(stage: Stage) -> None:
    await open_with(stage, 100)

    reason = await refused(stage.commit("unknown", 15, request_id="x"))
    charge = await stage.debit(15, request_id="x")

    # There a failed id is burnt. Here nothing is written for what is not found: no key for it.
    assert reason is Reason.RESERVATION_NOT_FOUND
    assert (charge.replayed, charge.charged_micros) == (False, 15)


async def test_tb7_a_debit_is_no_reservation(stage: Stage) -> None:
    await open_with(stage, 100)
    await stage.debit(15, request_id="plain")

    assert await refused(stage.commit("plain", 15)) is Reason.RESERVATION_NOT_FOUND
    assert await stage.bucket() == Figures(85, 0, 15)


async def test_tb9_as_many_as_there_are(stage: Stage) -> None:
    await open_with(stage, 10)
    assert (await stage.reserve(1)).granted_units == 1

    grants = [await stage.reserve(units) for units in (3, 13, 1)]

    assert [grant.granted_units for grant in grants] == [3, 6, 0]
    # A grant of nothing is a refusal that says why.
    assert grants[2].outcome is Outcome.CREDIT_LIMIT_REACHED
    assert await stage.bucket() == Figures(10, reserved=10, spent=0)


async def test_tb13_a_part_is_posted_and_the_rest_released(stage: Stage) -> None:
    await open_with(stage, 1000)
    grant = await stage.reserve(123)

    charge = await stage.commit(grant.reservation_id, 100)

    assert charge.charged_micros == 100
    assert await stage.bucket() == Figures(900, reserved=0, spent=100)


# The shortest hold is 61 s here: a gateway has 60 s to come back after its second of validity.
@pytest.mark.parametrize(
    ("calls", "validity_ms", "lapse_ms"),
    [
        (10, VALIDITY_MIN_MS, VALIDITY_MIN_MS + EXPIRE_GRACE_MIN_MS),
        (1000, DAY_MS // 2, DAY_MS),
    ],
    ids=["10 a minute", "1000 a day"],
)
async def test_tb15_holds_that_nobody_settles_limit_a_rate(
    stage: Stage, calls: int, validity_ms: int, lapse_ms: int
) -> None:
    await open_with(stage, calls)

    for _ in range(calls):
        assert (await stage.reserve(1, validity_ms=validity_ms)).granted_units == 1
    one_more = await stage.reserve(1, validity_ms=validity_ms)
    stage.clock.now_ms += lapse_ms - 1
    still = await stage.reserve(1, validity_ms=validity_ms)
    stage.clock.now_ms += 1
    anew = await stage.reserve(1, validity_ms=validity_ms)

    assert one_more.outcome is still.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert anew.outcome is Outcome.GRANTED
    assert await stage.bucket() == Figures(calls, reserved=1, spent=0)
