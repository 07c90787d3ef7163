"""LG: what is told about a balance, and what is left of it (Lago), as this service decides it.

There an alert has many thresholds; here a bucket has one, so each is tried by itself. Figures are
whole units of the currency.
"""

import pytest

from tests.support.stage import MONEY, Figures, Stage

ENOUGH = 2_000


async def told(stage: Stage, threshold: int, *, before: int, used: int) -> bool:
    """Mark a balance, use some of it; return whether that was worth a notice of that event."""
    await stage.open()
    await stage.credit(before * MONEY)
    await stage.mark(threshold * MONEY)

    answer = await stage.debit(used, "call")

    low = [(logged.event.seq, logged.event.low) for logged in await stage.read_journal()]
    assert all(notices == [] for seq, notices in low if seq != answer.seq)
    (notices,) = [notices for seq, notices in low if seq == answer.seq]
    assert notices in ([], [("main", threshold * MONEY)])
    return bool(notices)


@pytest.mark.parametrize(
    ("of_use", "reached"), [(15, True), (30, True), (50, False), (1_230, False)]
)
async def test_lg13_use_that_passes_a_mark_is_told(
    stage: Stage, of_use: int, reached: bool
) -> None:
    # From 10 used to 30; a mark on use is one on what it leaves.
    left = ENOUGH - of_use

    assert await told(stage, left, before=ENOUGH - 10, used=20) is reached


@pytest.mark.parametrize(
    ("before", "after", "marks"),
    [(1_000, 500, {500, 800}), (450, 100, {100, 200}), (700, 600, set())],
)
@pytest.mark.parametrize("mark", [100, 200, 500, 800])
async def test_lg16_a_balance_that_falls_to_a_mark_is_told(
    stage: Stage, before: int, after: int, marks: set[int], mark: int
) -> None:
    # The 100 stands for those that repeat there, every 100 below the least.
    assert await told(stage, mark, before=before, used=before - after) is (mark in marks)


async def test_lg18_what_is_running_is_held_and_not_taken(stage: Stage) -> None:
    await stage.open()
    await stage.credit(10 * MONEY)

    running = await stage.reserve(5, "call")
    first = await stage.bucket()
    await stage.commit(running.reservation_id, 0, next_units=6)
    second = await stage.bucket()

    # The ongoing balance there is what is available here: 5, then 4.
    assert (first, second) == (Figures(10 * MONEY, 5 * MONEY, 0), Figures(10 * MONEY, 6 * MONEY, 0))
    assert (await stage.state()).buckets["main"].available(0) == 4 * MONEY
