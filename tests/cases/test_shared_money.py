"""CG: money that several share (CGRateS, shared groups), as this service decides it.

There each member has an account of its own beside those of its group. Here the lines share one
account, and its buckets, in their order, say whose money goes first: what is meant for a use has a
bucket of its own, and `main` comes last and may alone go below zero.
"""

from typing import Final

from ocs.domain.bucket import BucketTerms
from ocs.domain.rating import Rate
from ocs.domain.units import Unit
from tests.support.stage import MONEY, Figures, Stage

HALF: Final = Rate.flat(1, MONEY // 2, 1)
FIRST: Final = BucketTerms(Unit.MICROS, 1)
COST: Final = 2_500_000


async def test_cg27_a_line_without_money_is_paid_for_by_the_one_that_shares(stage: Stage) -> None:
    await stage.open()
    await stage.subscriber("member")
    await stage.subscriber("sharer")
    await stage.credit(COST, bucket_id="own", terms=FIRST)
    await stage.credit(10 * MONEY)
    service = stage.price("case", Unit.SECONDS, HALF)
    await stage.debit(5, service, subscriber_id="member")
    assert await stage.bucket("own") == Figures(0, 0, COST)

    answer = await stage.debit(5, service, subscriber_id="member")

    assert answer.charged_micros == COST
    assert await stage.bucket("own") == Figures(0, 0, COST)
    assert await stage.bucket() == Figures(7_500_000, 0, COST)


async def test_cg28_own_money_goes_before_what_is_shared(stage: Stage) -> None:
    await stage.open()
    await stage.credit(30 * MONEY, bucket_id="own", terms=FIRST)
    await stage.credit(10 * MONEY)

    await stage.debit(5, stage.price("case", Unit.SECONDS, HALF))

    assert await stage.bucket("own") == Figures(27_500_000, 0, COST)
    assert await stage.bucket() == Figures(10 * MONEY, 0, 0)


async def test_cg30_what_is_shared_stays_at_zero_while_main_goes_below(stage: Stage) -> None:
    await stage.open(credit_limit=5 * MONEY)
    await stage.credit(COST, bucket_id="shared", terms=FIRST)
    service = stage.price("case", Unit.SECONDS, HALF)
    await stage.debit(5, service)
    assert await stage.bucket("shared") == Figures(0, 0, COST)

    await stage.debit(5, service)

    assert await stage.bucket("shared") == Figures(0, 0, COST)
    assert await stage.bucket() == Figures(-COST, 0, COST)
