"""Balances corrected by hand, on both ledgers."""

import pytest

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.bucket import Bucket, BucketTerms
from ocs.domain.commands import (
    AdjustBucket,
    ReverseTopUp,
    SetAccountStatus,
    UpdateAccount,
    WithdrawBalance,
)
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from tests.contract.bench import MINUTE_MS, START_MS, Bench

MICROS = Unit.MICROS


async def withdraw(bench: Bench, quantity: int, unit: Unit = MICROS, name: str = "main") -> Answer:
    return await bench.ledger.execute(
        WithdrawBalance(bucket_id=name, unit=unit, quantity=quantity, **bench.call())
    )


async def adjust(bench: Bench, quantity: int, name: str = "main") -> Answer:
    return await bench.ledger.execute(
        AdjustBucket(bucket_id=name, unit=MICROS, quantity=quantity, **bench.call())
    )


async def reverse(bench: Bench, payment: str, *, partial: bool = False) -> Answer:
    return await bench.ledger.execute(
        ReverseTopUp(payment_reference=payment, allow_partial=partial, **bench.call())
    )


async def main_of(bench: Bench) -> Bucket:
    bucket = (await bench.state()).buckets["main"]
    assert bucket.credited == bucket.balance + bucket.spent + bucket.expired + bucket.withdrawn
    return bucket


async def test_what_is_held_is_not_withdrawn(bench: Bench) -> None:
    """1000 in hand, 400 held: 600 can go, on no credit."""
    await bench.open()
    await bench.ledger.execute(UpdateAccount(credit_limit=500, **bench.call()))
    await bench.reserve(200)

    beyond = await withdraw(bench, 601)
    done = await withdraw(bench, 600)
    bucket = await main_of(bench)

    assert beyond.reason is Reason.BALANCE_TOO_LOW
    assert (done.outcome, done.bucket_id, done.bucket_balance) == (Outcome.DONE, "main", 400)
    assert done.bucket_available == 500
    assert (bucket.balance, bucket.reserved, bucket.withdrawn) == (400, 400, 600)


async def test_a_correction_names_a_bucket_as_it_is(bench: Bench) -> None:
    await bench.open()

    unknown = await withdraw(bench, 1, name="b9")
    other = await withdraw(bench, 1, Unit.OCTETS)

    assert unknown.reason is Reason.BUCKET_NOT_FOUND
    assert other.reason is Reason.BUCKET_MISMATCH


async def test_an_adjustment_goes_both_ways(bench: Bench) -> None:
    """Down to the credit limit, up to the largest figure; no payment is made of it."""
    await bench.open()
    await bench.ledger.execute(UpdateAccount(credit_limit=500, **bench.call()))

    answers = [
        await adjust(bench, -1_501),
        await adjust(bench, -1_500),
        await adjust(bench, 700),
        await adjust(bench, QUANTITY_MAX - 2_200 + 1),
    ]
    bucket = await main_of(bench)

    assert [answer.reason for answer in answers] == [
        Reason.BALANCE_TOO_LOW,
        None,
        None,
        Reason.BALANCE_LIMIT,
    ]
    assert (bucket.balance, bucket.credited, bucket.withdrawn) == (200, 1_700, 1_500)


async def test_no_credit_for_a_bucket_that_has_ended(bench: Bench) -> None:
    """It stays as long as it holds something."""
    await bench.open(money=0x10)
    terms = BucketTerms(MICROS, 1, expire_ms=START_MS + MINUTE_MS)
    await bench.top_up("extra", 500, terms)
    await bench.reserve(10)
    bench.clock[0] += MINUTE_MS

    assert (await adjust(bench, 5, "extra")).reason is Reason.TOP_UP_EXPIRED
    taken = await adjust(bench, -5, "extra")
    assert (taken.bucket_balance, taken.bucket_available) == (495, 0)


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.CLOSED])
async def test_corrections_go_on_in_every_status(bench: Bench, status: AccountStatus) -> None:
    await bench.open(money=7)
    await withdraw(bench, 7)
    await bench.ledger.execute(SetAccountStatus(status=status, **bench.call()))

    added, taken = await adjust(bench, 5), await withdraw(bench, 5)

    assert added.outcome is taken.outcome is Outcome.DONE


async def test_a_top_up_is_taken_back_once(bench: Bench) -> None:
    """All of it; its reference stays used."""
    await bench.open()
    credited = await bench.top_up("main", 300)
    payment = f"q{bench.sent_count}"

    done = await reverse(bench, payment)
    again = await reverse(bench, payment, partial=True)
    unknown = await reverse(bench, "never")
    bucket = await main_of(bench)

    assert credited.bucket_balance == 1_300
    assert (done.bucket_moved, done.bucket_balance) == (300, 1_000)
    assert again.reason is Reason.TOP_UP_REVERSED
    assert unknown.reason is Reason.PAYMENT_NOT_FOUND
    assert (bucket.withdrawn, bucket.credited) == (300, 1_300)


async def test_what_was_used_of_a_top_up_stays_used(bench: Bench) -> None:
    """All or nothing, or what is left if that is allowed."""
    await bench.open()
    await bench.reserve(400)
    payment = "q3"

    refused = await reverse(bench, payment)
    part = await reverse(bench, payment, partial=True)
    bucket = await main_of(bench)

    assert refused.reason is Reason.TOP_UP_ALREADY_USED
    assert (part.bucket_moved, part.bucket_available) == (200, 0)
    assert (bucket.balance, bucket.reserved) == (800, 800)


async def test_nothing_is_left_of_a_bucket_that_is_gone(bench: Bench) -> None:
    await bench.open()
    terms = BucketTerms(Unit.OCTETS, 1, expire_ms=START_MS + MINUTE_MS)
    await bench.top_up("bundle", 50, terms)
    payment = f"q{bench.sent_count}"
    bench.clock[0] += MINUTE_MS

    assert (await reverse(bench, payment, partial=True)).reason is Reason.TOP_UP_ALREADY_USED
