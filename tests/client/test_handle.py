"""`with client.reserve(...) as r`: use that happened is never lost, what is held never left."""

import asyncio
from typing import Any

import pytest

from ocs.client import (
    AsyncClient,
    FailedPreconditionError,
    Outcome,
    UnavailableError,
    UnknownOutcomeError,
    UsageError,
)
from tests.client.conftest import done, entered
from tests.client.scripted import (
    NAME,
    Script,
    answer,
    committed,
    fail,
    granted,
    hang,
    refused,
    released,
    reported,
)

WANTED = {"account_id": "alice", "service_id": "data", "requested_units": 100}
SHORT_S = 0.25


@pytest.fixture(autouse=True)
def _granting(script: Script) -> None:
    script.on("Reserve", answer(granted()))
    script.on("Release", answer(released()))


async def test_a_commit_closes_and_nothing_is_left_to_release(client: Any, script: Script) -> None:
    script.on("Commit", answer(committed()))

    async with entered(client.reserve(**WANTED)) as r:
        result = await done(r.commit(60))

    assert result.charge.charged_units == 60
    assert script.methods() == ["Reserve", "Commit"]
    (request,) = script.requests("Commit")
    assert request.WhichOneof("rest") == "close"
    assert request.reservation == NAME
    assert not r.is_open


async def test_leaving_without_a_commit_releases(client: Any, script: Script) -> None:
    async with entered(client.reserve(**WANTED)) as r:
        assert r.granted_units == 100

    assert script.methods() == ["Reserve", "Release"]
    assert script.requests("Release")[0].reservation == NAME


async def test_leaving_on_an_error_releases_and_lets_it_pass(client: Any, script: Script) -> None:
    with pytest.raises(ZeroDivisionError):
        async with entered(client.reserve(**WANTED)):
            raise ZeroDivisionError

    assert script.methods() == ["Reserve", "Release"]


async def test_an_explicit_release_is_the_only_one(client: Any, script: Script) -> None:
    async with entered(client.reserve(**WANTED)) as r:
        result = await done(r.release())

    assert result.outcome is Outcome.RELEASED
    assert script.methods() == ["Reserve", "Release"]


async def test_a_lost_commit_is_resent_and_never_released(client: Any, script: Script) -> None:
    script.on("Commit", hang, answer(committed(replayed=True)))
    after = []

    async with entered(client.reserve(**WANTED)) as r:
        result = await done(r.commit(60, timeout_s=SHORT_S))
        after.append("the block goes on")

    assert after
    assert result.receipt.replayed
    assert script.methods() == ["Reserve", "Commit", "Commit"]
    first, second = script.requests("Commit")
    assert first == second


async def test_a_commit_lost_twice_is_resent_on_leaving(client: Any, script: Script) -> None:
    script.on("Commit", hang, hang, answer(committed(replayed=True)))

    with pytest.raises(UnknownOutcomeError) as caught:
        async with entered(client.reserve(**WANTED)) as r:
            await done(r.commit(60, timeout_s=SHORT_S))

    assert script.methods() == ["Reserve", "Commit", "Commit", "Commit"]
    assert r.last_commit is not None
    assert r.unresolved is None
    again = await done(client.resend(caught.value.operation))
    assert again.receipt.replayed


async def test_a_commit_that_stays_unknown_is_not_released(client: Any, script: Script) -> None:
    script.on("Commit", hang)

    with pytest.raises(UnknownOutcomeError) as caught:
        async with entered(client.reserve(**WANTED)) as r:
            await done(r.commit(60, timeout_s=SHORT_S))

    assert "Release" not in script.methods()
    assert r.unresolved is caught.value.operation
    assert "on leaving" in "".join(caught.value.__notes__)


async def test_an_unknown_outcome_that_the_block_swallowed_is_raised_on_leaving(
    client: Any, script: Script
) -> None:
    script.on("Commit", fail("UNAVAILABLE", "STORE_UNAVAILABLE"))

    async def block() -> None:
        async with entered(client.reserve(**WANTED)) as r:
            with pytest.raises(UnknownOutcomeError):
                await done(r.commit(60, timeout_s=SHORT_S))

    with pytest.raises(UnknownOutcomeError):
        await block()
    assert "Release" not in script.methods()


async def test_outside_a_block_an_unknown_outcome_is_the_callers(
    client: Any, script: Script
) -> None:
    script.on("Commit", hang, answer(committed(replayed=True)))
    r = await done(client.reserve(**WANTED))

    with pytest.raises(UnknownOutcomeError):
        await done(r.commit(60, timeout_s=SHORT_S))
    for other in (lambda: r.commit(60), r.release):
        with pytest.raises(UsageError, match="unknown"):
            await done(other())
    result = await done(r.resend())

    assert result.receipt.replayed
    assert script.methods() == ["Reserve", "Commit", "Commit"]
    with pytest.raises(UsageError, match="no operation"):
        await done(r.resend())


async def test_a_report_moves_the_handle_to_the_next_grant(client: Any, script: Script) -> None:
    successor = NAME.replace("r1", "r2")
    script.on("Commit", answer(reported(250, name=successor)), answer(committed()))

    async with entered(client.reserve(**WANTED)) as r:
        await done(r.report(100, next_units=300))
        assert (r.reservation, r.granted_units, r.granted) == (successor, 250, True)
        await done(r.commit(10))

    first, second = script.requests("Commit")
    assert first.next_grant.requested_units == 300
    assert (first.reservation, second.reservation) == (NAME, successor)
    assert script.methods() == ["Reserve", "Commit", "Commit"]


async def test_a_refused_next_grant_leaves_it_open_holding_nothing(
    client: Any, script: Script
) -> None:
    script.on("Commit", answer(reported(0, "OUTCOME_SPENDING_CAP_REACHED")))

    async with entered(client.reserve(**WANTED)) as r:
        await done(r.report(100, next_units=300))
        assert not r.granted
        assert r.outcome is Outcome.SPENDING_CAP_REACHED
        assert r.granted_units == 0
        assert r.is_open

    assert script.methods() == ["Reserve", "Commit", "Release"]


async def test_keep_leaves_the_rest_held_until_the_block_ends(client: Any, script: Script) -> None:
    script.on("Commit", answer(committed()))

    async with entered(client.reserve(**WANTED)) as r:
        await done(r.commit(60, keep=True))

    assert script.requests("Commit")[0].WhichOneof("rest") == "keep"
    assert script.methods() == ["Reserve", "Commit", "Release"]


async def test_a_refused_reservation_can_be_entered_but_not_used(
    client: Any, script: Script
) -> None:
    script.on("Reserve", answer(refused()))

    async with entered(client.reserve(**WANTED)) as r:
        assert not r.granted
        for use in (lambda: r.commit(1), lambda: r.report(1, next_units=1), r.release):
            with pytest.raises(UsageError, match="CREDIT_LIMIT_REACHED"):
                await done(use())

    assert script.methods() == ["Reserve"]


async def test_a_closed_reservation_takes_nothing_more(client: Any, script: Script) -> None:
    script.on("Commit", answer(committed()))
    r = await done(client.reserve(**WANTED))
    await done(r.commit(60))

    with pytest.raises(UsageError, match="closed"):
        await done(r.commit(1))

    assert script.methods() == ["Reserve", "Commit"]


async def test_a_refused_commit_still_gives_back_what_is_held(client: Any, script: Script) -> None:
    script.on("Commit", fail("FAILED_PRECONDITION", "COMMIT_EXCEEDS_RESERVED"))

    with pytest.raises(FailedPreconditionError):
        async with entered(client.reserve(**WANTED)) as r:
            await done(r.commit(600, overrun_policy="REJECT"))

    assert script.methods() == ["Reserve", "Commit", "Release"]


async def test_a_reservation_that_is_over_needs_no_release(client: Any, script: Script) -> None:
    script.on("Commit", fail("FAILED_PRECONDITION", "RESERVATION_CLOSED"))

    with pytest.raises(FailedPreconditionError):
        async with entered(client.reserve(**WANTED)) as r:
            await done(r.commit(60))

    assert script.methods() == ["Reserve", "Commit"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("FAILED_PRECONDITION", "RESERVATION_EXPIRED"),
        ("FAILED_PRECONDITION", "RESERVATION_CLOSED"),
        ("NOT_FOUND", "RESERVATION_NOT_FOUND"),
    ],
)
async def test_a_release_that_finds_nothing_held_is_silent(
    client: Any, script: Script, code: str, reason: str
) -> None:
    script.on("Release", fail(code, reason))

    async with entered(client.reserve(**WANTED)):
        pass

    assert script.methods() == ["Reserve", "Release"]


async def test_a_release_that_fails_is_raised(client: Any, script: Script) -> None:
    script.on("Release", fail("UNAVAILABLE", "STORE_FULL"))
    client.timeout_s = SHORT_S

    with pytest.raises(UnavailableError):
        async with entered(client.reserve(**WANTED)):
            pass


async def test_a_release_that_fails_does_not_hide_the_error_of_the_block(
    client: Any, script: Script
) -> None:
    script.on("Release", fail("PERMISSION_DENIED"))

    with pytest.raises(ZeroDivisionError) as caught:
        async with entered(client.reserve(**WANTED)):
            raise ZeroDivisionError

    assert "PERMISSION_DENIED" in "".join(caught.value.__notes__)


async def test_a_resent_reserve_gives_a_handle(client: Any, script: Script) -> None:
    script.on("Reserve", hang, answer(granted()))
    script.on("Commit", answer(committed()))
    with pytest.raises(UnknownOutcomeError) as caught:
        await done(client.reserve(**WANTED, timeout_s=SHORT_S))

    grant = await done(client.resend(caught.value.operation))
    async with entered(client.reservation(grant)) as r:
        await done(r.commit(60))

    assert script.methods() == ["Reserve", "Reserve", "Commit"]


async def test_a_task_cancelled_in_a_commit_resends_it(target: str, script: Script) -> None:
    script.on("Commit", hang, answer(committed()))

    async with AsyncClient(target) as client:

        async def session() -> None:
            async with client.reserve(account_id="a", service_id="data", requested_units=9) as r:
                script.arrived.clear()
                await r.commit(60, timeout_s=30.0)

        task = asyncio.create_task(session())
        while "Commit" not in script.methods():
            await asyncio.to_thread(script.arrived.wait, 30.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert script.methods() == ["Reserve", "Commit", "Commit"]
    first, second = script.requests("Commit")
    assert first == second


async def test_a_resend_turned_away_at_the_door_leaves_the_commit_open(
    client: Any, script: Script
) -> None:
    script.on("Commit", hang, fail("UNAUTHENTICATED"))

    with pytest.raises(UnknownOutcomeError) as caught:
        async with entered(client.reserve(**WANTED)) as r:
            await done(r.commit(60, timeout_s=SHORT_S))

    assert caught.value.code == "UNAUTHENTICATED"
    assert r.unresolved is caught.value.operation
    assert "Release" not in script.methods()
