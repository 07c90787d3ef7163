"""Times of use that cannot be: too long ago, not yet, or not in order."""

from typing import Any, Final

import pytest

from ocs.v1 import charging_service_pb2 as charging
from tests.support.live import Live
from tests.support.stage import Clock

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
DAY_MS: Final = 24 * 60 * MINUTE_MS
USED_AGE_MS: Final = 31 * DAY_MS
ASKED_AGE_MS: Final = 15 * MINUTE_MS
AHEAD_MS: Final = 60 * SECOND_MS


def at(request: Any, moment_ms: int) -> Any:
    """Say when it happens."""
    request.event_time.FromMilliseconds(moment_ms)
    return request


def used(units: int, start_ms: int | None, end_ms: int | None) -> charging.UsedSegment:
    """A stretch of use; None: not said."""
    segment = charging.UsedSegment(units=units)
    if start_ms is not None:
        segment.start_time.FromMilliseconds(start_ms)
    if end_ms is not None:
        segment.end_time.FromMilliseconds(end_ms)
    return segment


def report(live: Live, reservation: str, *segments: charging.UsedSegment) -> Any:
    """A commit that closes."""
    request = charging.CommitRequest(reservation=reservation, used=segments)
    request.close.SetInParent()
    return live.stamped(request)


async def broken(live: Live, request: Any) -> list[str]:
    """Send what must be refused and change nothing; return the fields that are named."""
    with live.unchanged():
        refusal = await live.refused(request)
    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    return list(refusal.violations)


async def test_use_of_31_days_ago_is_charged_and_no_older_one(
    clocked: tuple[Live, Clock],
) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    oldest_ms = clock.now_ms - USED_AGE_MS

    assert await broken(live, at(live.debit(account), oldest_ms - 1)) == ["event_time"]
    await live.call(at(live.debit(account), oldest_ms))

    assert await live.bucket(account) == (9, 0, 1)


@pytest.mark.parametrize("kind", ["reserve", "authorize"])
async def test_what_is_asked_for_happens_15_minutes_before_the_request_at_most(
    clocked: tuple[Live, Clock], kind: str
) -> None:
    """By request_time, which a resend repeats, not by the clock, which goes on meanwhile."""
    live, clock = clocked
    account = await live.open(messages=10)

    def asked() -> Any:
        return live.reserve(account) if kind == "reserve" else live.debit(account, authorize=True)

    sent, too_old = asked(), asked()
    clock.now_ms += 10 * MINUTE_MS
    oldest_ms = sent.request_time.ToMilliseconds() - ASKED_AGE_MS

    assert await broken(live, at(too_old, oldest_ms - 1)) == ["event_time"]
    await live.call(at(sent, oldest_ms))

    balance, reserved, _ = await live.bucket(account)
    assert balance - reserved == 9


@pytest.mark.parametrize("kind", ["reserve", "authorize", "used"])
async def test_nothing_happens_more_than_a_minute_ahead(
    clocked: tuple[Live, Clock], kind: str
) -> None:
    live, clock = clocked
    account = await live.open(messages=10)

    def asked() -> Any:
        if kind == "reserve":
            return live.reserve(account)
        return live.debit(account, authorize=kind == "authorize")

    request = at(asked(), clock.now_ms + AHEAD_MS + 1)

    assert await broken(live, request) == ["event_time"]
    # The same request, once it is not too early any more: the refusal consumed nothing.
    clock.now_ms += 1
    await live.call(request)
    assert (await live.call(request)).receipt.replayed


async def test_a_resend_is_replayed_though_the_use_is_too_old_by_then(
    clocked: tuple[Live, Clock],
) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    request = at(live.debit(account, 3), clock.now_ms - USED_AGE_MS)

    first = await live.call(request)
    clock.now_ms += 47 * 60 * MINUTE_MS
    again = await live.call(request)

    assert again.receipt.replayed
    assert again.charge == first.charge
    assert await broken(live, at(live.debit(account, 3), clock.now_ms - USED_AGE_MS - 1))
    assert await live.bucket(account) == (7, 0, 3)


async def test_another_meaning_is_told_before_a_time_that_breaks_a_rule(
    clocked: tuple[Live, Clock],
) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    request = live.debit(account)
    await live.call(request)

    with live.unchanged():
        refusal = await live.refused(at(request, clock.now_ms - USED_AGE_MS - 1))

    assert (refusal.code.name, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_segments_are_of_the_last_31_days_and_a_minute_ahead_at_most(
    clocked: tuple[Live, Clock],
) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    now, oldest = clock.now_ms, clock.now_ms - USED_AGE_MS

    ahead = report(live, reservation, used(1, now, now), used(1, now, now + AHEAD_MS + 1))
    old = report(live, reservation, used(1, oldest - 1, oldest))
    right = report(live, reservation, used(1, oldest, now), used(1, now, now + AHEAD_MS))

    assert await broken(live, ahead) == ["used[1].end_time"]
    assert await broken(live, old) == ["used[0].start_time"]
    assert (await live.call(right)).charge.charged_units == 2
    clock.now_ms += 59 * MINUTE_MS
    assert (await live.call(right)).receipt.replayed


@pytest.mark.parametrize(
    ("segments", "fields"),
    [
        ([(0, 9), (9, 8)], ["used[1].end_time"]),
        ([(0, 9), (8, 12)], ["used[1].start_time"]),
        ([(5, 9), (0, 5)], ["used[1].start_time"]),
        ([(0, 9), (None, None)], ["used[1].start_time", "used[1].end_time"]),
        ([(None, None), (0, 9)], ["used[0].start_time", "used[0].end_time"]),
        ([(0, None)], ["used[0].end_time"]),
        ([(None, 9)], ["used[0].start_time"]),
    ],
    ids=["backwards", "overlapping", "out of order", "first", "last", "no end", "no start"],
)
async def test_all_segments_have_times_in_order_or_none_has(
    clocked: tuple[Live, Clock],
    segments: list[tuple[int | None, int | None]],
    fields: list[str],
) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)

    def moment(offset: int | None) -> int | None:
        return None if offset is None else clock.now_ms - MINUTE_MS + offset * SECOND_MS

    listed = [used(1, moment(start), moment(end)) for start, end in segments]
    request = report(live, reservation, *listed)

    assert await broken(live, request) == fields
    # Put right, the same request is charged: the refusal consumed nothing.
    del request.used[:]
    request.used.extend([used(2, moment(0), moment(5)), used(0, moment(5), moment(5))])
    assert (await live.call(request)).charge.charged_units == 2


async def test_items_of_a_batch_are_held_to_the_same_times(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    now = clock.now_ms
    batch = live.batch(
        at(live.reserve(account), now + AHEAD_MS + 1),
        at(live.debit(account), now - USED_AGE_MS - 1),
        report(live, reservation, used(1, now, now), used(1, now - 1, now)),
        at(live.debit(account), now - USED_AGE_MS),
    )

    answers = (await live.call(batch)).answers

    assert [answer.WhichOneof("answer") for answer in answers] == ["error"] * 3 + ["debit"]
    told = [str(answer.error) for answer in answers]
    assert "event_time" in told[0]
    assert "event_time" in told[1]
    assert "used[1].start_time" in told[2]
    assert await live.bucket(account) == (9, 4, 1)


async def test_a_quote_may_look_a_year_ahead(clocked: tuple[Live, Clock]) -> None:
    live, clock = clocked
    account = await live.open(messages=10)

    def quote(moment_ms: int) -> Any:
        wanted = charging.QuoteRequest(account_id=account, service_id="sms", units=1)
        return at(wanted, moment_ms)

    furthest_ms, oldest_ms = clock.now_ms + 366 * DAY_MS, clock.now_ms - USED_AGE_MS

    assert await broken(live, quote(furthest_ms + 1)) == ["event_time"]
    assert await broken(live, quote(oldest_ms - 1)) == ["event_time"]
    assert (await live.call(quote(furthest_ms))).rated_units == 1
    assert (await live.call(quote(oldest_ms))).rated_units == 1
