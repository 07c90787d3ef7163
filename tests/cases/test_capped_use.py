"""MZ: use against limits and balances (midaz, tracer and ledger), as this service decides it."""

import pytest

from ocs.domain.answer import Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import Basis
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from ocs.rpc.validate import violations
from ocs.v1 import charging_service_pb2 as pb
from tests.support.stage import LAPSE_MS, CapFigures, Figures, Stage, refused

AMPLE = 1_000_000


async def open_with_cap(stage: Stage, limit: int, *, spent: int = 0, held: int = 0) -> None:
    """Open an account with ample money and a daily cap that counts units."""
    await stage.open()
    await stage.credit(AMPLE)
    await stage.cap(limit, unit=Unit.COUNT)
    if spent:
        await stage.debit(spent)
    if held:
        assert (await stage.reserve(held)).granted_units == held


async def test_mz1_what_is_spent_and_what_is_held_leave_just_enough(stage: Stage) -> None:
    await open_with_cap(stage, 1000, spent=300, held=300)

    grant = await stage.reserve(400, all_or_nothing=True)

    assert grant.granted_units == 400
    assert await stage.counted() == CapFigures(spent=300, reserved=700)


async def test_mz2_what_is_held_counts_against_the_limit(stage: Stage) -> None:
    await open_with_cap(stage, 1000, spent=300, held=300)

    grant = await stage.reserve(600, all_or_nothing=True)

    assert grant.outcome is Outcome.SPENDING_CAP_REACHED
    assert await stage.counted() == CapFigures(spent=300, reserved=300)


async def test_mz3_all_of_a_limit_and_more_than_it(stage: Stage) -> None:
    await open_with_cap(stage, 1000)

    more = await stage.reserve(1500, all_or_nothing=True)
    whole = await stage.reserve(1000, all_or_nothing=True)

    assert more.outcome is Outcome.SPENDING_CAP_REACHED
    assert (whole.outcome, whole.granted_units) == (Outcome.GRANTED, 1000)
    assert await stage.counted() == CapFigures(spent=0, reserved=1000)


@pytest.mark.parametrize("units", [0, -10])
def test_mz3_nothing_and_less_than_nothing_are_no_request(units: int) -> None:
    request = pb.ReserveRequest(
        request_id="r", account_id="a", service_id="work", requested_units=units
    )
    request.request_time.FromMilliseconds(1_790_000_000_000)

    # 0 is accepted without a change there; here a hold of nothing is no hold.
    assert [path for path, _ in violations(request)] == ["requested_units"]


async def test_mz4_a_hold_that_is_never_confirmed_lapses(stage: Stage) -> None:
    await open_with_cap(stage, 10_000)
    grant = await stage.reserve(400)
    held = await stage.counted()
    stage.clock.now_ms += LAPSE_MS

    swept = await stage.sweep()

    assert held == CapFigures(spent=0, reserved=400)
    assert swept == 1
    assert await stage.counted() == CapFigures(spent=0, reserved=0)
    assert await refused(stage.release(grant.reservation_id)) is Reason.RESERVATION_EXPIRED


async def test_mz5_a_confirmation_that_comes_after_the_sweep_is_charged_late(stage: Stage) -> None:
    await open_with_cap(stage, 10_000)
    grant = await stage.reserve(700)
    stage.clock.now_ms += LAPSE_MS
    await stage.sweep()
    swept = await stage.counted()

    charge = await stage.commit(grant.reservation_id, 700)

    # "The caller's own retry must handle the rest" there; here the retry is simply charged.
    assert swept == CapFigures(spent=0, reserved=0)
    assert (charge.late, charge.charged_micros) == (True, 700)
    assert await stage.counted() == CapFigures(spent=700, reserved=0)


async def test_mz6_a_sweep_finds_nothing_to_do_after_confirmations(stage: Stage) -> None:
    await open_with_cap(stage, 1000)
    for units in (300, 250):
        grant = await stage.reserve(units)
        await stage.commit(grant.reservation_id, units)
    stage.clock.now_ms += LAPSE_MS

    swept = await stage.sweep()

    assert swept == 0
    assert await stage.counted() == CapFigures(spent=550, reserved=0)
    kinds = [logged.event.kind for logged in await stage.read_journal()]
    assert EventKind.EXPIRE not in kinds


async def test_mz9_a_day_fills_up_and_then_refuses(stage: Stage) -> None:
    await open_with_cap(stage, 100_000)

    spent, answers = [], []
    for units in (30_000, 60_000, 20_000):
        answers.append(await stage.debit(units, basis=Basis.AUTHORIZE))
        spent.append((await stage.counted()).spent)

    # 30 % and 90 % of the limit; there the second is already named "near".
    assert spent == [30_000, 90_000, 90_000]
    assert [answer.outcome for answer in answers] == [
        Outcome.CHARGED,
        Outcome.CHARGED,
        Outcome.SPENDING_CAP_REACHED,
    ]
    cap = answers[-1].cap
    assert cap is not None
    assert cap.remaining == 10_000


async def test_mz12_a_balance_pays_and_then_the_credit_limit(stage: Stage) -> None:
    await stage.open()
    await stage.credit(500)
    await stage.debit(200, basis=Basis.AUTHORIZE)
    # "Unlimited" is as far as figures are exact.
    await stage.open(account_id="a2", credit_limit=QUANTITY_MAX - 100)
    await stage.credit(100, account_id="a2")

    answer = await stage.debit(250, basis=Basis.AUTHORIZE, account_id="a2")

    assert (await stage.bucket()).balance == 300
    assert answer.outcome is Outcome.CHARGED
    assert (await stage.bucket(account_id="a2")).balance == -150


async def test_mz13_more_than_balance_and_limit_changes_nothing(stage: Stage) -> None:
    await stage.open(credit_limit=50)
    await stage.credit(100)
    version = (await stage.state()).profile_version

    answer = await stage.debit(200, basis=Basis.AUTHORIZE)

    # Figures and version stay; the refusal itself is journaled here.
    assert answer.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert await stage.bucket() == Figures(100, 0, 0)
    assert (await stage.state()).profile_version == version


async def test_mz14_a_credit_limit_is_used_up_to_its_end(stage: Stage) -> None:
    await stage.open(credit_limit=100)
    await stage.credit(100)
    await stage.open(account_id="a2", credit_limit=200)
    await stage.debit(80, basis=Basis.AUTHORIZE, account_id="a2")

    whole = await stage.debit(200, basis=Basis.AUTHORIZE)
    more = await stage.debit(50, basis=Basis.AUTHORIZE, account_id="a2")

    assert whole.outcome is more.outcome is Outcome.CHARGED
    assert (await stage.bucket()).balance == -100
    assert (await stage.bucket(account_id="a2")).balance == -130
