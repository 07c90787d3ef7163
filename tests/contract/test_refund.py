"""Refunds, on both ledgers; the event is handed over as a reader of the journal finds it."""

from typing import Any, cast

import pytest

from ocs.domain.answer import Answer, Outcome, Reason, RefundLine
from ocs.domain.bucket import Bucket, BucketTerms
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import (
    AdjustBucket,
    Basis,
    Collected,
    Debit,
    Refund,
    SetAccountStatus,
    SetSpendingCap,
    WithdrawBalance,
)
from ocs.domain.decide.refund import collected_by
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from ocs.store.memory import MemoryLedger
from tests.contract.bench import MINUTE_MS, START_MS, TERMS, Bench
from tests.support.no_archive import NO_ARCHIVE

DAY_MS = 24 * 60 * MINUTE_MS
NOTHING = Collected((), ())


async def debit(bench: Bench, units: int, subscriber: str = "") -> Answer:
    """Use units, 2 micro-units each."""
    return await bench.ledger.execute(
        Debit(
            profile=await bench.profile(subscriber),
            service_id="data",
            terms=TERMS,
            refusal=None,
            basis=Basis.USED,
            used_units=units,
            **bench.call(),
        )
    )


async def found(bench: Bench, seq: int) -> tuple[str, ChargingEvent | None]:
    """The position and the event of a number."""
    if isinstance(bench.ledger, MemoryLedger):
        journal = [event for event in bench.ledger.journal if event.seq == seq]
        return ("1-1", journal[0]) if journal else ("", None)
    log = ValkeyEventLog(cast("ValkeyLedger", bench.ledger), NO_ARCHIVE)
    logged = await log.find("main", "a1", seq)
    return (logged.position, logged.event) if logged is not None else ("", None)


async def refund(bench: Bench, seq: int, named: str = "", **shares: int) -> Answer:
    """Refund an event, whole unless shares are given."""
    position, event = await found(bench, seq)
    return await bench.ledger.execute(
        Refund(
            seq=seq,
            position=position,
            collected=collected_by(event) if event is not None else NOTHING,
            shares=tuple(shares.items()),
            bucket_id=named,
            **bench.call(),
        )
    )


async def bucket_of(bench: Bench, name: str = "main") -> Bucket:
    bucket = (await bench.state()).buckets[name]
    assert bucket.credited == bucket.balance + bucket.spent + bucket.expired + bucket.withdrawn
    return bucket


async def test_a_debit_is_given_back_once(bench: Bench) -> None:
    """As if it had not been: balance and spent."""
    await bench.open()
    used = await debit(bench, 150)

    done = await refund(bench, used.seq)
    again = await refund(bench, used.seq)
    bucket = await bucket_of(bench)

    assert (done.outcome, done.refunded_micros) == (Outcome.DONE, 300)
    assert done.refunds == (RefundLine("main", "main", 300),)
    assert again.reason is Reason.REFUND_EXCEEDS
    assert (bucket.balance, bucket.spent, bucket.credited) == (1_000, 0, 1_000)


async def test_parts_add_up_to_no_more_than_the_whole(bench: Bench) -> None:
    await bench.open()
    used = await debit(bench, 150)

    answers = [
        await refund(bench, used.seq, main=100),
        await refund(bench, used.seq, main=201),
        await refund(bench, used.seq, main=150),
        await refund(bench, used.seq),
        await refund(bench, used.seq, main=1),
    ]

    assert [answer.refunded_micros for answer in answers] == [100, 0, 150, 50, 0]
    assert [answer.reason for answer in answers] == [
        None,
        Reason.REFUND_EXCEEDS,
        None,
        None,
        Reason.REFUND_EXCEEDS,
    ]
    assert (await bucket_of(bench)).balance == 1_000


async def test_a_commit_goes_back_to_each_bucket_that_paid(bench: Bench) -> None:
    """Units to units, money to money; what is held for others stays held."""
    await bench.open()
    await bench.top_up("bundle", 50, BucketTerms(Unit.OCTETS, 1))
    await bench.reserve(80)
    await bench.reserve(10, "r2")
    settled = await bench.settle(70, Step.CLOSE)

    done = await refund(bench, settled.seq)
    bundle, main = await bucket_of(bench, "bundle"), await bucket_of(bench)

    assert done.refunds == (RefundLine("bundle", "bundle", 50), RefundLine("main", "main", 40))
    assert done.refunded_micros == 40
    assert (bundle.balance, bundle.reserved, bundle.spent) == (50, 0, 0)
    assert (main.balance, main.reserved, main.spent) == (1_000, 20, 0)


@pytest.mark.parametrize(
    ("named", "to", "reason"),
    [
        ("", "", None),
        ("spare", "spare", None),
        ("main", None, Reason.BUCKET_MISMATCH),
        ("b9", None, Reason.BUCKET_NOT_FOUND),
    ],
)
async def test_units_of_a_bucket_that_is_gone(
    bench: Bench, named: str, to: str | None, reason: Reason | None
) -> None:
    """They lapse at once, unless a bucket of units is named; there they are a credit."""
    await bench.open()
    await bench.top_up("spare", 5, BucketTerms(Unit.OCTETS, 9))
    ends = BucketTerms(Unit.OCTETS, 1, expire_ms=START_MS + MINUTE_MS)
    await bench.top_up("bundle", 50, ends)
    used = await debit(bench, 30)
    bench.clock[0] += MINUTE_MS

    done = await refund(bench, used.seq, named)

    assert done.reason is reason
    if to is not None:
        assert done.refunds == (RefundLine("bundle", to, 30),)
        spare = await bucket_of(bench, "spare")
        assert (spare.balance, spare.spent) == (35 if to else 5, 0)


async def test_money_of_a_bucket_that_is_gone_goes_to_main(bench: Bench) -> None:
    """As a credit: main never spent it."""
    await bench.open()
    ends = BucketTerms(Unit.MICROS, 1, expire_ms=START_MS + MINUTE_MS)
    await bench.top_up("bonus", 60, ends)
    used = await debit(bench, 50)
    bench.clock[0] += MINUTE_MS

    done = await refund(bench, used.seq)
    main = await bucket_of(bench)

    assert done.refunds == (RefundLine("bonus", "main", 60), RefundLine("main", "main", 40))
    assert (main.balance, main.spent, main.credited) == (1_060, 0, 1_020 + 40)


async def test_an_event_that_collected_nothing_or_is_not_there(bench: Bench) -> None:
    await bench.open(money=0x10)
    await debit(bench, 8)
    poor = await debit(bench, 5)

    assert (await refund(bench, poor.seq)).reason is Reason.REFUND_EXCEEDS
    assert (await refund(bench, 1)).reason is Reason.REFUND_EXCEEDS
    assert (await refund(bench, 99)).reason is Reason.EVENT_NOT_FOUND


async def test_no_figure_passes_its_bound(bench: Bench) -> None:
    await bench.open()
    ends = BucketTerms(Unit.MICROS, 1, expire_ms=START_MS + MINUTE_MS)
    await bench.top_up("bonus", 60, ends)
    used = await debit(bench, 30)
    bench.clock[0] += MINUTE_MS
    adjust: dict[str, Any] = {"bucket_id": "main", "unit": Unit.MICROS}
    quantity = QUANTITY_MAX - 1_000 - 59
    await bench.ledger.execute(AdjustBucket(quantity=quantity, **adjust, **bench.call()))

    refused = await refund(bench, used.seq)
    part = await refund(bench, used.seq, bonus=59)

    assert (refused.reason, part.refunded_micros) == (Reason.BALANCE_LIMIT, 59)
    assert (await bucket_of(bench)).credited == QUANTITY_MAX


@pytest.mark.parametrize("units", [1, 2, 3, 4])
async def test_at_the_bound_sums_are_exact(bench: Bench, units: int) -> None:
    """Doubles are exact up to 2^53 only: no sum may pass it on the way to a figure that fits."""
    await bench.open()
    used = await debit(bench, units)
    quantity = QUANTITY_MAX - 1_000
    await bench.ledger.execute(
        AdjustBucket(quantity=quantity, bucket_id="main", unit=Unit.MICROS, **bench.call())
    )

    await refund(bench, used.seq)
    bucket = await bucket_of(bench)

    assert (bucket.balance, bucket.credited, bucket.spent) == (QUANTITY_MAX, QUANTITY_MAX, 0)


async def test_caps_of_money_count_it_off_in_the_same_period_only(bench: Bench) -> None:
    """Of the account, the line and its group; a cap of units counts use, which stays used."""
    await bench.open()
    for holder, unit in (
        ("account", Unit.MICROS),
        ("subscriber/s1", Unit.MICROS),
        ("group/g1", Unit.MICROS),
        ("group/g2", Unit.MICROS),
        ("account", Unit.OCTETS),
    ):
        cap = SpendingCap(holder, f"daily-{unit}", unit, 5_000, Period.DAY)
        await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    used = await debit(bench, 100, "s1")
    await refund(bench, used.seq, main=80)
    same_day = (await bench.state()).counters
    bench.clock[0] += DAY_MS
    await debit(bench, 10, "s1")
    await refund(bench, used.seq)
    next_day = (await bench.state()).counters

    def spent(counters: dict[tuple[str, str], object]) -> dict[str, int]:
        return {
            "/".join(key): counter.spent  # type: ignore[attr-defined]
            for key, counter in counters.items()
        }

    assert spent(dict(same_day)) == {
        "account/daily-micros": 120,
        "subscriber/s1/daily-micros": 120,
        "group/g1/daily-micros": 120,
        "account/daily-octets": 100,
    }
    assert spent(dict(next_day)) == {
        "account/daily-micros": 20,
        "subscriber/s1/daily-micros": 20,
        "group/g1/daily-micros": 20,
        "account/daily-octets": 10,
    }


async def test_a_closed_account_gets_its_refund_and_pays_it_out(bench: Bench) -> None:
    await bench.open(money=20)
    used = await debit(bench, 10)
    await bench.ledger.execute(SetAccountStatus(status=AccountStatus.CLOSED, **bench.call()))

    done = await refund(bench, used.seq)
    out = await bench.ledger.execute(
        WithdrawBalance(bucket_id="main", unit=Unit.MICROS, quantity=20, **bench.call())
    )

    assert (done.refunded_micros, out.bucket_balance) == (20, 0)
