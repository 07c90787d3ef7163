"""Status and terms of an account, on both ledgers."""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import (
    SetAccountStatus,
    UpdateAccount,
)
from ocs.domain.reservation import Step
from ocs.domain.state import AccountStatus, AccountTerms
from tests.contract.bench import Bench


async def test_a_suspended_account_settles_what_it_holds(bench: Bench) -> None:
    """Use goes on, grants do not; after it is resumed they do."""
    await bench.open()
    await bench.reserve(100)
    suspend = SetAccountStatus(status=AccountStatus.SUSPENDED, **bench.call())
    await bench.ledger.execute(suspend)

    refused = await bench.reserve(100, "r2")
    settled = await bench.settle(50, Step.NEXT_GRANT)
    status = (await bench.state()).status
    await bench.ledger.execute(SetAccountStatus(status=AccountStatus.ACTIVE, **bench.call()))
    granted = await bench.reserve(100, "r3")

    assert status is AccountStatus.SUSPENDED
    assert refused.outcome is settled.outcome is Outcome.ACCOUNT_SUSPENDED
    assert (settled.charged_micros, granted.granted_units) == (100, 100)
    assert (await bench.state()).status is AccountStatus.ACTIVE


async def test_only_what_is_empty_is_closed_and_stays_closed(bench: Bench) -> None:
    """Nothing held, nothing left; then no credit any more."""
    await bench.open(money=20)
    await bench.reserve(10)

    async def close() -> Answer:
        command = SetAccountStatus(status=AccountStatus.CLOSED, **bench.call())
        return await bench.ledger.execute(command)

    holding = await close()
    await bench.settle(9, Step.CLOSE)
    having = await close()
    await bench.reserve(1, "r2")
    await bench.settle(1, Step.CLOSE, "r2")
    closed = await close()

    assert holding.reason is Reason.ACCOUNT_HOLDS_RESERVATIONS
    assert having.reason is Reason.ACCOUNT_HAS_BALANCE
    assert closed.outcome is Outcome.DONE
    assert (await bench.top_up("main", 5)).reason is Reason.ACCOUNT_CLOSED
    assert (await close()).reason is Reason.ACCOUNT_CLOSED


async def test_an_update_changes_what_it_names(bench: Bench) -> None:
    """And nothing else; a charge that was built on the old terms is built again."""
    await bench.open()
    old = await bench.profile()
    etag = str(old.version)
    update = UpdateAccount(credit_limit=300, segment="silver", etag=etag, **bench.call())
    done = await bench.ledger.execute(update)
    stale = await bench.ledger.execute(UpdateAccount(plan="x", etag=etag, **bench.call()))
    state = await bench.state()

    assert (done.outcome, stale.reason) == (Outcome.DONE, Reason.ETAG_MISMATCH)
    assert state.terms == AccountTerms("EUR", "UTC", 1, "plan", "silver", 300)
    assert (await bench.reserve(10, profile=old)).reason is Reason.STALE_PROFILE
    assert (await bench.reserve(1_000, "r2")).granted_units == 650


async def test_a_lowered_credit_limit_only_stops_new_grants(bench: Bench) -> None:
    """What is held on credit is still settled."""
    await bench.open(money=100)
    await bench.ledger.execute(UpdateAccount(credit_limit=300, **bench.call()))
    await bench.reserve(200)
    await bench.ledger.execute(UpdateAccount(credit_limit=0, **bench.call()))

    refused = await bench.reserve(1, "r2")
    settled = await bench.settle(200, Step.CLOSE)

    assert refused.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert (settled.charged_micros, settled.uncollected_micros) == (400, 0)
    assert (await bench.state()).buckets["main"].balance == -300
