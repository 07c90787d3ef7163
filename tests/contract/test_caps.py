"""Caps that are removed, and caps in rolling windows, on both ledgers."""

import pytest

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import DeleteSpendingCap, SetSpendingCap
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import RollingWindow, SpendingCap
from ocs.domain.units import Unit
from tests.contract.bench import MINUTE_MS, Bench

HOLDERS = ["account", "subscriber/s1", "group/g1"]


async def _set(bench: Bench, cap: SpendingCap) -> Answer:
    return await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))


async def _delete(bench: Bench, holder: str, cap_id: str = "daily") -> Answer:
    command = DeleteSpendingCap(holder=holder, cap_id=cap_id, **bench.call())
    return await bench.ledger.execute(command)


@pytest.mark.parametrize("holder", HOLDERS)
async def test_what_was_held_in_a_cap_that_is_gone_counts_nowhere(
    bench: Bench, holder: str
) -> None:
    """And its id may count another thing: nothing of the old cap reaches it."""
    await bench.open()
    await _set(bench, SpendingCap(holder, "daily", Unit.MICROS, 50, Period.DAY))
    await _set(bench, SpendingCap(holder, "stays", Unit.MICROS, 500, Period.DAY))
    line = await bench.profile("s1")
    await bench.reserve(20, profile=line)

    deleted = await _delete(bench, holder)
    await _set(bench, SpendingCap(holder, "daily", Unit.OCTETS, 500, Period.DAY))
    hold = (await bench.state()).holds["r1"]
    settled = await bench.settle(20, Step.CLOSE, subscriber="s1")
    state = await bench.state()

    assert deleted.outcome is Outcome.DONE
    assert [(held.holder, held.cap_id) for held in hold.cap_lines] == [(holder, "stays")]
    assert settled.charged_micros == 40
    # Use counts in the caps that are there when it is charged.
    assert state.counters[(holder, "daily")].spent == 20
    assert state.counters[(holder, "stays")].spent == 40


@pytest.mark.parametrize("holder", HOLDERS)
async def test_a_cap_that_is_gone_refuses_nothing(bench: Bench, holder: str) -> None:
    """What was refused is granted; a charge that was built on the cap is built again."""
    await bench.open()
    await _set(bench, SpendingCap(holder, "daily", Unit.MICROS, 0, Period.DAY))
    capped = await bench.profile("s1")
    refused = await bench.reserve(20, profile=capped)

    await _delete(bench, holder)

    assert refused.outcome is Outcome.SPENDING_CAP_REACHED
    assert (await bench.reserve(20, "r2", profile=capped)).reason is Reason.STALE_PROFILE
    fresh = await bench.profile("s1")
    assert fresh.caps == ()
    assert (await bench.reserve(20, "r2", profile=fresh)).granted_units == 20
    assert (await bench.state()).counters == {}


async def test_a_cap_that_is_not_there_is_not_found(bench: Bench) -> None:
    """Of the account, of a line, of a group; a second time, too; and nobody has caps of nobody."""
    await bench.open()
    await _set(bench, SpendingCap("account", "daily", Unit.MICROS, 5, Period.DAY))
    await _delete(bench, "account")
    before = await bench.state()

    for holder in (*HOLDERS, "group/g9"):
        assert (await _delete(bench, holder)).reason is Reason.CAP_NOT_FOUND
    assert (await _delete(bench, "subscriber/s9")).reason is Reason.SUBSCRIBER_NOT_FOUND
    assert await bench.state() == before


async def test_a_bound_of_caps_has_room_again(bench: Bench) -> None:
    await bench.open()
    for number in range(16):
        cap = SpendingCap("account", f"c{number}", Unit.MICROS, 5, Period.DAY)
        assert (await _set(bench, cap)).outcome is Outcome.DONE
    one_more = SpendingCap("account", "more", Unit.MICROS, 5, Period.DAY)

    assert (await _set(bench, one_more)).reason is Reason.TOO_MANY_CAPS
    await _delete(bench, "account", "c7")
    assert (await _set(bench, one_more)).outcome is Outcome.DONE


@pytest.mark.parametrize("holder", HOLDERS)
async def test_a_window_counts_what_its_slots_spent_and_hold(bench: Bench, holder: str) -> None:
    """Held in one slot, settled in the next: it counts where it was held, and leaves with it."""
    await bench.open()
    slot_ms = 10 * MINUTE_MS
    bench.clock[0] -= bench.clock[0] % slot_ms
    window = RollingWindow(3, slot_ms)
    await _set(bench, SpendingCap(holder, "rolls", Unit.MICROS, 50, Period.ROLLING, window=window))
    line = await bench.profile("s1")
    start = bench.clock[0]
    await bench.reserve(15, profile=line)
    bench.clock[0] += slot_ms
    settled = await bench.settle(12, Step.CLOSE, subscriber="s1")
    held = await bench.reserve(20, "r2", profile=line)
    cut = await bench.reserve(20, "r3", profile=line)
    bench.clock[0] = start + 3 * slot_ms
    after = await bench.reserve(25, "r4", profile=line)

    assert settled.charged_micros == 24
    assert (held.granted_units, cut.outcome) == (13, Outcome.SPENDING_CAP_REACHED)
    assert cut.cap is not None
    assert (cut.cap.remaining, cut.cap.reset_ms) == (0, start + 3 * slot_ms)
    # The first slot has left, and r2 has lapsed.
    assert after.granted_units == 25
    assert (await bench.state()).counters == {}
