"""Lines that are removed, on both ledgers."""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import (
    AddSubscriber,
    RemoveSubscriber,
    SetAccountStatus,
    SetSpendingCap,
    UpdateSubscriber,
)
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import RollingWindow, SpendingCap
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from tests.contract.bench import MINUTE_MS, Bench


async def _remove(bench: Bench, line: str = "s1", open_ids: tuple[str, ...] = ()) -> Answer:
    command = RemoveSubscriber(subscriber_id=line, open_ids=open_ids, **bench.call())
    return await bench.ledger.execute(command)


async def _add(bench: Bench, line: str = "s1") -> Answer:
    identities = (("imsi", "262011"), ("msisdn", "49151"))
    command = AddSubscriber(
        subscriber_id=line, identities=identities, group_ids=("g1",), **bench.call()
    )
    return await bench.ledger.execute(command)


async def test_a_line_goes_with_its_caps_and_comes_back_without(bench: Bench) -> None:
    """What it used stays counted in the caps of the account and of its group."""
    await bench.open()
    await _add(bench, "s2")
    window = RollingWindow(4, 15 * MINUTE_MS)
    for cap in (
        SpendingCap("subscriber/s2", "own", Unit.MICROS, 40, Period.DAY),
        SpendingCap("subscriber/s2", "rolls", Unit.MICROS, 40, Period.ROLLING, window=window),
        SpendingCap("group/g1", "shared", Unit.MICROS, 90, Period.DAY),
    ):
        await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    await bench.reserve(20, profile=await bench.profile("s2"))
    await bench.settle(20, Step.CLOSE, subscriber="s2")

    removed = await _remove(bench, "s2")
    state = await bench.state()
    await _add(bench, "s2")

    assert removed.outcome is Outcome.DONE
    assert removed.identities == (("imsi", "262011"), ("msisdn", "49151"))
    assert set(state.subscribers) == {"s1"}
    assert {holder for holder, _ in state.caps} == {"group/g1"}
    assert (set(state.counters), state.slots) == ({("group/g1", "shared")}, {})
    again = await bench.reserve(40, "r2", profile=await bench.profile("s2"))
    assert again.granted_units == 25


async def test_a_line_that_holds_something_stays(bench: Bench) -> None:
    """Another line's reservation is no hindrance, nor is one that has lapsed."""
    await bench.open()
    await _add(bench, "s2")
    await bench.reserve(10, profile=await bench.profile("s1"))
    before = await bench.state()

    refused = await _remove(bench, "s1", ("r1",))
    assert (await bench.state()).subscribers == before.subscribers
    other = await _remove(bench, "s2", ("r1",))
    bench.clock[0] += 24 * 60 * MINUTE_MS
    lapsed = await _remove(bench, "s1")

    assert refused.reason is Reason.SUBSCRIBER_HOLDS_RESERVATIONS
    assert other.outcome is lapsed.outcome is Outcome.DONE
    assert (await bench.state()).holds == {}


async def test_a_reservation_that_the_service_did_not_see_is_looked_at(bench: Bench) -> None:
    await bench.open()
    await bench.reserve(10, profile=await bench.profile("s1"))
    before = await bench.state()

    assert (await _remove(bench, "s1")).reason is Reason.STALE_PROFILE
    assert await bench.state() == before


async def test_late_use_of_a_line_that_is_gone_is_charged(bench: Bench) -> None:
    """P8: to the account alone; the caps of nobody count it."""
    await bench.open()
    cap = SpendingCap("account", "daily", Unit.MICROS, 500, Period.LIFETIME)
    await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    granted = await bench.reserve(10, profile=await bench.profile("s1"))
    bench.clock[0] = granted.expire_ms
    await _remove(bench, "s1")

    late = await bench.settle(10, Step.CLOSE)

    assert (late.late, late.charged_micros) == (True, 20)
    assert (await bench.state()).counters[("account", "daily")].spent == 20


async def test_a_line_that_is_not_there_is_not_found(bench: Bench) -> None:
    await bench.open()
    before = await bench.state()
    assert (await _remove(bench, "s9")).reason is Reason.SUBSCRIBER_NOT_FOUND
    assert await bench.state() == before


async def test_a_charge_that_was_built_on_the_line_is_built_again(bench: Bench) -> None:
    await bench.open()
    old = await bench.profile("s1")
    await _remove(bench)
    gone = await bench.reserve(10, profile=old)
    found = await bench.ledger.profile("main", "a1", "s1", fresh=True)
    await _add(bench)

    assert gone.reason is Reason.STALE_PROFILE
    assert isinstance(found, Answer)
    assert found.reason is Reason.SUBSCRIBER_NOT_FOUND
    assert (await bench.reserve(10, "r2", profile=old)).reason is Reason.STALE_PROFILE


async def test_lines_of_a_closed_account_can_be_removed(bench: Bench) -> None:
    """A number does not stay with an account that is closed for ever."""
    await bench.open(money=20)
    await bench.reserve(10)
    await bench.settle(10, Step.CLOSE)
    close = SetAccountStatus(status=AccountStatus.CLOSED, **bench.call())

    assert (await bench.ledger.execute(close)).outcome is Outcome.DONE
    assert (await _remove(bench)).outcome is Outcome.DONE
    assert (await bench.state()).subscribers == {}


async def _move(
    bench: Bench, *groups: str, etag: str = "", open_ids: tuple[str, ...] = (), line: str = "s1"
) -> Answer:
    command = UpdateSubscriber(
        subscriber_id=line, group_ids=groups, etag=etag, open_ids=open_ids, **bench.call()
    )
    return await bench.ledger.execute(command)


async def test_a_line_with_other_groups_is_another_profile(bench: Bench) -> None:
    await bench.open()
    old = await bench.profile("s1")
    before = await bench.state()

    moved = await _move(bench, "g7", "g8", etag=str(before.profile_version))

    after = await bench.state()
    assert moved.outcome is Outcome.DONE
    assert after.subscribers["s1"] == ("g7", "g8")
    assert after.identities == before.identities
    assert after.profile_version == before.profile_version + 1
    assert (await bench.reserve(10, profile=old)).reason is Reason.STALE_PROFILE
    found = await bench.ledger.profile("main", "a1", "s1", fresh=True)
    assert not isinstance(found, Answer)
    assert found.group_ids == ("g7", "g8")
    assert (await _move(bench)).outcome is Outcome.DONE
    assert (await bench.state()).subscribers["s1"] == ()


async def test_what_a_line_holds_keeps_it_in_its_groups(bench: Bench) -> None:
    await bench.open()
    await _add(bench, "s2")
    await bench.reserve(10, profile=await bench.profile("s1"))
    before = await bench.state()

    unseen = await _move(bench, "g7")
    assert await bench.state() == before
    held = await _move(bench, "g7", open_ids=("r1",))
    other = await _move(bench, "g7", open_ids=("r1",), line="s2")
    bench.clock[0] += 24 * 60 * MINUTE_MS
    lapsed = await _move(bench, "g7")

    assert unseen.reason is Reason.STALE_PROFILE
    assert held.reason is Reason.SUBSCRIBER_HOLDS_RESERVATIONS
    assert other.outcome is lapsed.outcome is Outcome.DONE


async def test_an_old_view_of_the_account_changes_no_line(bench: Bench) -> None:
    await bench.open()
    version = (await bench.state()).profile_version

    for etag in (str(version + 1), str(version - 1)):
        assert (await _move(bench, etag=etag)).reason is Reason.ETAG_MISMATCH
    assert (await _move(bench, line="s9")).reason is Reason.SUBSCRIBER_NOT_FOUND
    assert (await bench.state()).profile_version == version
