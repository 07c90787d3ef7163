"""CY: reservations against a million (Cycles), as this service decides them.

One unit of `work` costs one micro-unit. What was spent before is spent by a debit.
"""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import Basis
from ocs.domain.units import Unit
from tests.support.stage import ACCOUNT, LAPSE_MS, Figures, Stage, refused

MILLION = 1_000_000


async def open_with(stage: Stage, *, spent: int = 0, credit_limit: int = 0) -> None:
    """Open an account with a million, of which some is spent."""
    await stage.open(credit_limit=credit_limit)
    await stage.credit(MILLION)
    if spent:
        await stage.debit(spent)


async def reserved_then_used(stage: Stage, reserved: int, used: int) -> Answer:
    """Reserve, then close with this use."""
    grant = await stage.reserve(reserved)
    assert grant.granted_units == reserved
    return await stage.commit(grant.reservation_id, used)


async def test_cy1_the_rest_goes_back(stage: Stage) -> None:
    await open_with(stage)

    charge = await reserved_then_used(stage, 5000, 3000)

    assert charge.charged_micros == 3000
    assert await stage.bucket() == Figures(MILLION - 3000, 0, 3000)


async def test_cy2_nothing_is_left_to_go_back(stage: Stage) -> None:
    await open_with(stage)

    charge = await reserved_then_used(stage, 5000, 5000)

    assert charge.charged_micros == 5000
    assert await stage.bucket() == Figures(MILLION - 5000, 0, 5000)


async def test_cy3_an_overrun_is_charged_while_there_is_money(stage: Stage) -> None:
    await open_with(stage)

    charge = await reserved_then_used(stage, 5000, 8000)

    assert (charge.charged_micros, charge.uncollected_micros) == (8000, 0)
    assert await stage.bucket() == Figures(MILLION - 8000, 0, 8000)


async def test_cy5_an_overrun_is_charged_as_far_as_the_money_goes(stage: Stage) -> None:
    await open_with(stage, spent=999_000)

    charge = await reserved_then_used(stage, 500, 1500)

    # "Over limit" there; here the event says what nobody paid.
    assert (charge.charged_micros, charge.uncollected_micros) == (1000, 500)
    assert await stage.bucket() == Figures(0, 0, MILLION)


async def test_cy6_after_that_nothing_is_granted(stage: Stage) -> None:
    await open_with(stage, spent=999_000)

    charge = await reserved_then_used(stage, 1000, 2000)
    grant = await stage.reserve(100)

    # A refusal is an outcome here, not an error.
    assert (charge.charged_micros, charge.uncollected_micros) == (1000, 1000)
    assert (grant.outcome, grant.granted_units) == (Outcome.CREDIT_LIMIT_REACHED, 0)


async def test_cy7_an_overrun_is_refused_on_request(stage: Stage) -> None:
    await open_with(stage)
    grant = await stage.reserve(1000)

    reason = await refused(stage.commit(grant.reservation_id, 2000, reject=True))

    assert reason is Reason.COMMIT_EXCEEDS_RESERVED
    assert await stage.bucket() == Figures(MILLION, 1000, 0)


async def test_cy9_an_overrun_may_use_the_whole_credit_limit(stage: Stage) -> None:
    await open_with(stage, spent=900_000, credit_limit=100_000)

    charge = await reserved_then_used(stage, 1000, 200_000)

    assert (charge.charged_micros, charge.uncollected_micros) == (200_000, 0)
    assert (await stage.bucket()).balance == -100_000


async def test_cy10_an_overrun_beyond_it_is_uncollected(stage: Stage) -> None:
    await open_with(stage, spent=900_000, credit_limit=100_000)

    charge = await reserved_then_used(stage, 1000, 500_000)

    # Refused there. Use that happened is never refused here: what nobody pays is shown as leakage.
    assert (charge.charged_micros, charge.uncollected_micros) == (200_000, 300_000)
    assert (await stage.bucket()).balance == -100_000


async def test_cy12_the_tightest_level_decides_and_is_the_one_named(stage: Stage) -> None:
    await open_with(stage)
    await stage.subscriber("s1")
    await stage.cap(50, cap_id="parent", unit=Unit.COUNT)
    await stage.cap(950, cap_id="child", unit=Unit.COUNT, holder="subscriber/s1")

    # Levels are caps here. An authorizing debit takes all or nothing; the part is a reservation's.
    debit = await stage.debit(100, basis=Basis.AUTHORIZE, subscriber_id="s1")
    grant = await stage.reserve(100, subscriber_id="s1")
    charge = await stage.commit(grant.reservation_id, 50)

    for answer in (debit, grant):
        assert answer.cap is not None
        assert (answer.cap.cap_id, answer.cap.remaining) == ("parent", 50)
    assert debit.outcome is Outcome.SPENDING_CAP_REACHED
    assert (grant.granted_units, charge.charged_micros) == (50, 50)


async def test_cy13_without_credit_limit_the_balance_is_the_end(stage: Stage) -> None:
    await open_with(stage, spent=950_000)

    charge = await reserved_then_used(stage, 1000, 100_000)

    assert (charge.charged_micros, charge.uncollected_micros) == (50_000, 50_000)
    assert (await stage.bucket()).balance == 0


async def test_cy14_a_repeated_reserve_holds_once(stage: Stage) -> None:
    await open_with(stage)

    first = await stage.reserve(1000, request_id="r")
    again = await stage.reserve(1000, request_id="r")

    assert (first.replayed, again.replayed) == (False, True)
    assert again.reservation_id == first.reservation_id
    state = await stage.state()
    assert state.buckets["main"].available(0) == 999_000
    assert await stage.bucket() == Figures(MILLION, 1000, 0)


async def test_cy15_the_same_id_with_another_figure_is_refused(stage: Stage) -> None:
    await open_with(stage)
    await stage.reserve(1000, request_id="r")

    reason = await refused(stage.reserve(1001, request_id="r"))

    assert reason is Reason.REQUEST_ID_REUSED
    assert await stage.bucket() == Figures(MILLION, 1000, 0)


async def test_cy16_a_repeated_commit_charges_once(stage: Stage) -> None:
    await open_with(stage)
    grant = await stage.reserve(1000)

    first = await stage.commit(grant.reservation_id, 800, request_id="c")
    again = await stage.commit(grant.reservation_id, 800, request_id="c")
    reason = await refused(stage.commit(grant.reservation_id, 801, request_id="c"))

    assert (first.replayed, again.replayed) == (False, True)
    assert first.charged_micros == again.charged_micros == 800
    assert reason is Reason.REQUEST_ID_REUSED
    assert await stage.bucket() == Figures(999_200, 0, 800)


async def test_cy17_a_repeated_release_gives_back_once(stage: Stage) -> None:
    await open_with(stage)
    grant = await stage.reserve(1000)

    first = await stage.release(grant.reservation_id, request_id="e")
    again = await stage.release(grant.reservation_id, request_id="e")

    assert first.held_micros == again.held_micros == 1000
    assert (first.replayed, again.replayed) == (False, True)
    assert await stage.bucket() == Figures(MILLION, 0, 0)


async def test_cy18_a_repeated_debit_charges_once(stage: Stage) -> None:
    await open_with(stage)

    first = await stage.debit(MILLION, request_id="d")
    again = await stage.debit(MILLION, request_id="d")
    reason = await refused(stage.debit(999_999, request_id="d"))

    assert (first.charged_micros, again.charged_micros) == (MILLION, MILLION)
    assert again.replayed
    assert reason is Reason.REQUEST_ID_REUSED
    assert await stage.bucket() == Figures(0, 0, MILLION)


async def test_cy19_a_dry_run_of_more_than_there_is_refuses_and_changes_nothing(
    stage: Stage,
) -> None:
    await open_with(stage)
    events = len(await stage.read_journal())

    answers = [(await stage.quote(MILLION + 1)).priced.answer for _ in range(2)]

    assert [answer.outcome for answer in answers] == [Outcome.CREDIT_LIMIT_REACHED] * 2
    assert await stage.bucket() == Figures(MILLION, 0, 0)
    assert len(await stage.read_journal()) == events


async def test_cy20_after_expiry_use_is_charged_late(stage: Stage) -> None:
    await open_with(stage)
    for name in ("committed", "released", "extended"):
        await stage.reserve(1000, request_id=name)
    stage.clock.now_ms += LAPSE_MS

    committed = await stage.commit("committed", 400)
    released = await refused(stage.release("released"))
    extended = await stage.commit("extended", 100, next_units=500, request_id="next")

    # All three are refused there. Here use that happened is charged late, out of what is available
    # now, and an extension opens a successor; only giving back what is gone does not fit.
    assert (committed.late, committed.charged_micros) == (True, 400)
    assert released is Reason.RESERVATION_EXPIRED
    assert (extended.late, extended.charged_micros) == (True, 100)
    assert (extended.reservation_id, extended.granted_units) == ("next", 500)
    assert await stage.bucket() == Figures(MILLION - 500, 500, 500)
    assert set((await stage.state(ACCOUNT)).holds) == {"next"}
