"""Caps in rolling windows, on a clock we move, and windows that are none."""

from typing import Any

import pytest

from ocs.limits import WINDOW_MAX_MS, WINDOW_MIN_MS, WINDOW_SLOTS_DEFAULT
from ocs.v1 import types_pb2
from tests.bad_inputs.test_periods_of_caps import Clocked, ms
from tests.support.live import Live

HOUR_S = 3_600


def rolling(live: Live, account: str, units: int, **fields: Any) -> Any:
    """Cap messages in a window of four hours, in slots of one, unless fields say otherwise."""
    given = {"window": {"seconds": 4 * HOUR_S}, "window_slots": 4} | fields
    limit = {"unit": 4, "units": units}
    return live.set_cap(account, limit_units=limit, period="CAP_PERIOD_ROLLING", **given)


async def test_what_was_used_counts_until_its_slot_leaves(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2026-11-20T10:30:00")
    account = await live.open(messages=100)
    await live.call(rolling(live, account, 10))
    await live.call(live.debit(account, 6))
    clock.now_ms = ms("2026-11-20T12:10:00")
    await live.call(live.debit(account, 3))

    refused = await live.call(live.debit(account, 2, authorize=True))
    cap = (await live.caps(account))["cap"]
    clock.now_ms = ms("2026-11-20T13:59:59.999")
    still = await live.call(live.debit(account, 2, authorize=True))
    clock.now_ms = ms("2026-11-20T14:00:00")
    then = await live.call(live.debit(account, 7, authorize=True))

    assert refused.outcome == still.outcome == types_pb2.OUTCOME_SPENDING_CAP_REACHED
    assert refused.cap.remaining == 1
    assert refused.cap.reset_time.ToMilliseconds() == ms("2026-11-20T14:00:00")
    assert (cap.spent, cap.reserved, cap.remaining) == (9, 0, 1)
    assert cap.period_start_time.ToMilliseconds() == ms("2026-11-20T09:00:00")
    assert cap.reset_time == refused.cap.reset_time
    assert then.outcome == types_pb2.OUTCOME_CHARGED
    assert (await live.caps(account))["cap"].spent == 10


async def test_a_hold_counts_in_its_slot_and_ends_with_it(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2026-11-20T10:59:30")
    account = await live.open(messages=100)
    await live.call(rolling(live, account, 10))
    granted = await live.call(live.reserve(account, 6))
    clock.now_ms = ms("2026-11-20T11:00:20")

    await live.call(live.commit(granted.reservation, 6))

    left_ms = granted.grant.validity_time.ToMilliseconds() - ms("2026-11-20T10:59:30")
    assert 27_000 <= left_ms <= 30_000
    cap = (await live.caps(account))["cap"]
    assert (cap.spent, cap.reset_time.ToMilliseconds()) == (6, ms("2026-11-20T14:00:00"))


async def test_a_cap_that_nothing_counts_in_has_no_reset(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2026-11-20T10:30:00")
    account = await live.open(messages=100)
    answer = await live.call(rolling(live, account, 10))

    refused = await live.call(live.debit(account, 11, authorize=True))

    assert refused.cap.remaining == 10
    assert not refused.cap.HasField("reset_time")
    assert not answer.cap.HasField("reset_time")
    assert (answer.cap.window.seconds, answer.cap.window_slots) == (4 * HOUR_S, 4)


async def test_the_ends_of_the_range_are_windows(live: Live) -> None:
    account = await live.open()
    for number, window_ms in enumerate((WINDOW_MIN_MS, WINDOW_MAX_MS)):
        cap = live.set_cap(
            account, cap_id=f"c{number}", limit_micros=1, period="CAP_PERIOD_ROLLING",
            window={"seconds": window_ms // 1000},
        )  # fmt: skip
        assert (await live.call(cap)).cap.window_slots == WINDOW_SLOTS_DEFAULT


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"window": None}, "cap.window"),
        ({"window": {"seconds": HOUR_S - 1}, "window_slots": 2}, "cap.window"),
        ({"window": {"seconds": 31 * 24 * HOUR_S + 1}}, "cap.window"),
        ({"window": {"seconds": -4 * HOUR_S}}, "cap.window"),
        ({"window": {"seconds": 4 * HOUR_S, "nanos": 1}}, "cap.window"),
        ({"window_slots": 7}, "cap.window"),
        ({"window_slots": 1}, "cap.window_slots"),
        ({"window_slots": 32}, "cap.window_slots"),
        ({"window_slots": 0}, "cap.window_slots"),
        ({"window_slots": -1}, "cap.window_slots"),
        ({"period": "CAP_PERIOD_DAY", "window_slots": None}, "cap.window"),
        ({"period": "CAP_PERIOD_DAY", "window": None}, "cap.window_slots"),
    ],
)
async def test_a_window_that_is_none_is_named(
    live: Live, fields: dict[str, Any], field: str
) -> None:
    account = await live.open()
    given = {"period": "CAP_PERIOD_ROLLING", "window": {"seconds": 4 * HOUR_S}, "window_slots": 4}
    said = {name: value for name, value in (given | fields).items() if value is not None}
    with live.unchanged():
        refusal = await live.refused(live.set_cap(account, limit_micros=1, **said))
    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert field in refusal.violations


async def test_a_window_is_part_of_what_a_cap_means(live: Live) -> None:
    account = await live.open()
    await live.call(rolling(live, account, 10))

    refusal = await live.refused(rolling(live, account, 10, window_slots=2))
    raised = await live.call(rolling(live, account, 20))

    assert refusal.reason == "CAP_MISMATCH"
    assert raised.cap.remaining == 20
