"""Rows 63 to 72: caps over midnights, months, leap days and clock changes, on a clock we move."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ocs.domain.periods import Period, period_bounds
from ocs.v1 import types_pb2
from tests.support.live import Live
from tests.support.seen import SEEN
from tests.support.stage import Clock

Clocked = tuple[Live, Clock]
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    """Milliseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def text(stamp: Any) -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(stamp.seconds, UTC).strftime("%Y-%m-%d %H:%M")


async def open_with_cap(live: Live, units: int, period: str, **terms: Any) -> str:
    """Open an account with ample messages and a cap on them."""
    account = await live.open(messages=10_000, **terms)
    limit = {"unit": 4, "units": units}
    await live.call(live.set_cap(account, limit_units=limit, period=f"CAP_PERIOD_{period}"))
    return account


async def resets_at(live: Live, account: str) -> str:
    """When the cap starts again."""
    return text((await live.caps(account))["cap"].reset_time)


async def test_row_63_held_before_midnight_used_after(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2026-11-20T23:59:30")
    account = await open_with_cap(live, 10, "DAY")
    reservation = await live.hold(account, 6)
    clock.now_ms = ms("2026-11-21T00:00:10")

    grant = await live.call(live.commit_next(reservation, 6, 10))

    # What was held yesterday counts yesterday; the next grant holds today.
    assert grant.charge.charged_units == 6
    assert grant.grant.granted_units == 10
    cap = (await live.caps(account))["cap"]
    assert (cap.spent, cap.reserved, cap.remaining) == (0, 10, 0)
    await live.call(live.commit(reservation, 4))
    cap = (await live.caps(account))["cap"]
    assert (cap.spent, cap.reserved, cap.remaining) == (4, 0, 6)


async def test_row_63_a_grant_ends_with_the_period_of_its_cap(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2026-11-20T23:59:30")
    account = await open_with_cap(live, 10, "DAY")

    grant = (await live.call(live.reserve(account))).grant

    # At midnight or, so that not all come at once, a little before.
    left_ms = grant.validity_time.ToMilliseconds() - clock.now_ms
    assert 27_000 <= left_ms <= 30_000


async def test_row_65_the_31st_is_the_last_of_shorter_months(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2027-01-15T12:00:00")
    account = await open_with_cap(live, 10, "MONTH", billing_anchor_day=31)

    ends = []
    for _ in range(14):
        ends.append(await resets_at(live, account))
        clock.now_ms = (await live.caps(account))["cap"].reset_time.ToMilliseconds()

    assert ends == [
        f"{day} 00:00"
        for day in (
            "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30",
            "2027-07-31", "2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30", "2027-12-31",
            "2028-01-31", "2028-02-29",
        )
    ]  # fmt: skip


async def test_row_65_what_is_spent_starts_again_with_the_month(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2027-02-27T12:00:00")
    account = await open_with_cap(live, 10, "MONTH", billing_anchor_day=31)
    await live.call(live.debit(account, 10))
    refused = await live.call(live.reserve(account))
    clock.now_ms = ms("2027-02-28T00:00:00")

    granted = await live.call(live.reserve(account, 10))

    assert refused.grant.outcome == types_pb2.OUTCOME_SPENDING_CAP_REACHED
    assert text(refused.grant.cap.reset_time) == "2027-02-28 00:00"
    assert granted.grant.granted_units == 10


def test_row_66_a_year_that_begins_on_the_leap_day() -> None:
    # The API has an anchor day and no anchor month yet: the rule itself.
    now_ms, starts = ms("2026-06-01T00:00:00"), []
    for _ in range(4):
        bounds = period_bounds(
            Period.YEAR, time_zone="UTC", anchor_day=29, anchor_month=2, now_ms=now_ms
        )
        starts.append(datetime.fromtimestamp(bounds.start_ms // 1000, UTC).strftime("%Y-%m-%d"))
        now_ms = bounds.end_ms

    assert starts == ["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"]
    SEEN.answered("a year opens", ", ".join(start[5:] for start in starts))


@pytest.mark.parametrize(
    ("day", "before", "end", "hours"),
    [
        ("spring", "2026-03-28T23:00:00", "2026-03-29 22:00", 23),
        ("autumn", "2026-10-24T22:00:00", "2026-10-25 23:00", 25),
    ],
)
async def test_row_67_a_day_of_23_or_25_hours_is_one(
    clocked: Clocked, day: str, before: str, end: str, hours: int
) -> None:
    live, clock = clocked
    clock.now_ms = ms(before)
    account = await open_with_cap(live, hours, "DAY", time_zone="Europe/Paris")

    spent = []
    for _ in range(hours + 1):
        await live.call(live.debit(account))
        spent.append((await live.caps(account))["cap"].spent)
        clock.now_ms += HOUR_MS

    assert spent == [*range(1, hours + 1), 1], day
    assert text((await live.caps(account))["cap"].period_start_time) == end


async def test_row_69_an_hour_that_comes_twice_is_one(clocked: Clocked) -> None:
    live, clock = clocked
    # 02:30 in Paris on 2026-10-25, first in summer time, then in winter time.
    clock.now_ms = ms("2026-10-25T00:30:00")
    account = await open_with_cap(live, 10, "HOUR", time_zone="Europe/Paris")
    await live.call(live.debit(account, 7))
    clock.now_ms = ms("2026-10-25T01:30:00")

    grant = (await live.call(live.reserve(account, 10))).grant

    assert (grant.granted_units, text(grant.cap.reset_time)) == (3, "2026-10-25 02:00")


async def test_row_70_the_zone_of_an_account_cannot_be_changed(clocked: Clocked) -> None:
    live, clock = clocked
    # Noon in Paris; in Auckland the next day has begun, in Honolulu this one has not.
    clock.now_ms = ms("2026-11-20T11:00:00")
    account = await open_with_cap(live, 10, "DAY", time_zone="Europe/Paris")
    await live.call(live.debit(account, 7))
    # What a later version of the contract, or a forger, would send along with the mask.
    zone = b"\x4a\x10Pacific/Auckland"

    for path in ("time_zone", "currency", "billing_anchor_day"):
        change = live.keep("Update", account, plan="prepaid", update_mask={"paths": ["plan", path]})
        with live.unchanged():
            refusal = await live.refused(("UpdateAccount", change.SerializeToString() + zone))
        assert (refusal.code.name, list(refusal.violations)) == (
            "INVALID_ARGUMENT",
            ["update_mask"],
        )
        assert path in refusal.violations["update_mask"]

    cap = (await live.caps(account))["cap"]
    assert (cap.spent, text(cap.reset_time)) == (7, "2026-11-20 23:00")
    clock.now_ms = ms("2026-11-20T23:00:00")
    assert (await live.call(live.reserve(account, 10))).grant.granted_units == 10


@pytest.mark.parametrize(
    "zone", ["Mars/Phobos", "europe/paris", "+01:00", "localtime", "Europe/Paris ", "Z" * 64]
)
async def test_row_71_a_zone_that_is_none(live: Live, zone: str) -> None:
    with live.unchanged():
        refusal = await live.refused(live.create(live.new_id("a"), time_zone=zone))

    assert (refusal.code.name, list(refusal.violations)) == ("INVALID_ARGUMENT", ["time_zone"])


async def test_row_72_a_clock_that_steps_back_opens_nothing_again(clocked: Clocked) -> None:
    live, clock = clocked
    clock.now_ms = ms("2026-11-20T23:50:00")
    account = await open_with_cap(live, 10, "DAY")
    lapsed = await live.hold(account, 10)
    clock.now_ms = ms("2026-11-21T00:10:00")
    await live.call(live.debit(account, 9))
    # Back before midnight, and before the hold lapsed. The caller's clock does not step.
    reserve, commit = live.reserve(account, 5), live.commit(lapsed, 1)
    clock.now_ms -= HOUR_MS

    grant = (await live.call(reserve)).grant
    late = (await live.call(commit)).charge

    cap = (await live.caps(account))["cap"]
    assert text(cap.period_start_time) == "2026-11-21 00:00"
    assert grant.granted_units == 1
    assert late.late
    assert (cap.spent, cap.reserved) == (10, 1)


async def test_row_72_a_record_stands_when_the_clock_steps_back(clocked: Clocked) -> None:
    live, clock = clocked
    request = live.debit(await live.open(messages=10), 4)
    await live.call(request)
    clock.now_ms -= HOUR_MS

    again = await live.call(request)

    assert again.receipt.replayed
    assert await live.bucket(request.account_id) == (6, 0, 4)
