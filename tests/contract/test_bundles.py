"""Bundles and thresholds, on both ledgers: worked examples with exact figures."""

from dataclasses import replace

import pytest

from ocs.domain.answer import Answer, BoughtBucket, Outcome, Payment, Reason
from ocs.domain.bucket import Bucket, BucketTerms
from ocs.domain.bundle import Bundle, BundleContent, Renewal
from ocs.domain.commands import (
    CancelBundleRenewal,
    Expire,
    PurchaseBundle,
    RenewBundle,
    SetAccountStatus,
    SetSpendingCap,
    WithdrawBalance,
)
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from ocs.limits import RENEWAL_RETRY_MS, RENEWAL_TRIES_MAX
from tests.contract.bench import MINUTE_MS, START_MS, Bench

HOUR_MS = 60 * MINUTE_MS
DATA = BundleContent(Unit.OCTETS, 500, 10, ("data",), (), 80, 100)
CALLS = BundleContent(Unit.SECONDS, 60, 10)
PACK = Bundle("pack", 300, HOUR_MS, (DATA, CALLS), 2, frozenset(), "v1")
# A tenth of the hour is more than the lead.
DUE_MS = START_MS + HOUR_MS - MINUTE_MS


async def buy(
    bench: Bench, bundle: Bundle = PACK, *, renew: bool = False, refusal: Outcome | None = None
) -> Answer:
    return await bench.ledger.execute(
        PurchaseBundle(
            profile=await bench.profile(),
            bundle_id=bundle.bundle_id,
            bundle=bundle if refusal is None else None,
            refusal=refusal,
            renew=renew,
            month_ends=(START_MS + 1, START_MS + 2 * HOUR_MS),
            **bench.call(),
        )
    )


async def renew(
    bench: Bench,
    due_ms: int,
    bundle: Bundle | None = PACK,
    refusal: Outcome | None = None,
) -> Answer:
    return await bench.ledger.execute(
        RenewBundle(
            profile=await bench.profile(),
            bundle_id="pack",
            bundle=bundle,
            refusal=refusal,
            due_ms=due_ms,
            **bench.call(),
        )
    )


async def expire(bench: Bench) -> Answer:
    return await bench.ledger.expire(Expire(tenant="main", account_id="a1"))


async def drain(bench: Bench, left: int = 0) -> None:
    """Leave so much money."""
    main = (await bench.state()).buckets["main"]
    await bench.ledger.execute(
        WithdrawBalance(
            bucket_id="main", unit=Unit.MICROS, quantity=main.balance - left, **bench.call()
        )
    )


async def balances(bench: Bench) -> dict[str, int]:
    found = (await bench.state()).buckets
    for bucket in found.values():
        out = bucket.spent + bucket.expired + bucket.withdrawn
        assert bucket.credited == bucket.balance + out
    return {name: bucket.balance for name, bucket in found.items()}


async def test_a_bundle_takes_money_and_opens_buckets_in_one_step(bench: Bench) -> None:
    await bench.open()
    bonus = BucketTerms(Unit.MICROS, 1)
    await bench.top_up("bonus", 50, bonus)

    bought = await buy(bench)
    state = await bench.state()

    assert bought == Answer(
        5,
        START_MS,
        outcome=Outcome.CHARGED,
        charged_micros=300,
        payments=(Payment("bonus", 0, 50), Payment("main", 0, 250)),
        expire_ms=START_MS + HOUR_MS,
        bought=(
            BoughtBucket("pack.5.1", Unit.OCTETS, 500),
            BoughtBucket("pack.5.2", Unit.SECONDS, 60),
        ),
    )
    assert state.buckets["pack.5.1"] == Bucket(
        "pack.5.1",
        BucketTerms(Unit.OCTETS, 10, START_MS, START_MS + HOUR_MS, service_ids=("data",)),
        balance=500,
        credited=500,
    )
    assert await balances(bench) == {"pack.5.1": 500, "pack.5.2": 60, "bonus": 0, "main": 750}


async def test_a_month_ends_with_the_first_end_after_its_start(bench: Bench) -> None:
    await bench.open()
    month = Bundle("month", 0, 0, (CALLS,), 0, frozenset(), "v1")

    first = await buy(bench, month)
    bench.clock[0] += 1
    second = await buy(bench, month)

    assert (first.expire_ms, second.expire_ms) == (START_MS + 1, START_MS + 2 * HOUR_MS)
    assert (first.charged_micros, first.payments) == (0, ())


async def test_a_month_that_was_not_named_is_stale(bench: Bench) -> None:
    await bench.open()
    month = Bundle("month", 0, 0, (CALLS,), 0, frozenset(), "v1")
    bench.clock[0] += 2 * HOUR_MS
    before = await bench.state()

    assert (await buy(bench, month)).reason is Reason.STALE_PROFILE
    assert await bench.state() == before


async def test_what_cannot_be_paid_is_refused_and_changes_nothing(bench: Bench) -> None:
    await bench.open(money=299)

    refused = await buy(bench)

    assert (refused.outcome, refused.bought) == (Outcome.CREDIT_LIMIT_REACHED, ())
    assert await balances(bench) == {"main": 299}


async def test_a_cap_of_money_counts_bundles_and_refuses_them(bench: Bench) -> None:
    await bench.open()
    for cap_id, service, limit in (("all", "", 500), ("own", "pack", 900), ("data", "data", 0)):
        cap = SpendingCap("account", cap_id, Unit.MICROS, limit, Period.DAY, service)
        await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))

    bought, refused = await buy(bench), await buy(bench)
    state = await bench.state()

    assert bought.outcome is Outcome.CHARGED
    assert refused.outcome is Outcome.SPENDING_CAP_REACHED
    assert refused.cap is not None
    assert (refused.cap.cap_id, refused.cap.remaining) == ("all", 200)
    assert {key[1]: counter.spent for key, counter in state.counters.items()} == {
        "all": 300,
        "own": 300,
    }


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (AccountStatus.SUSPENDED, Outcome.ACCOUNT_SUSPENDED),
        (AccountStatus.CLOSED, Outcome.ACCOUNT_CLOSED),
    ],
)
async def test_an_account_that_is_not_active_buys_nothing(
    bench: Bench, status: AccountStatus, outcome: Outcome
) -> None:
    await bench.open(money=1)
    await drain(bench)
    await bench.ledger.execute(SetAccountStatus(status=status, **bench.call()))

    assert (await buy(bench)).outcome is outcome


async def test_an_account_has_so_many_buckets(bench: Bench) -> None:
    """32 with `main`: 15 times two fit, the next two do not."""
    await bench.open(money=10_000)

    outcomes = [(await buy(bench)).outcome for _ in range(16)]

    assert outcomes == [Outcome.CHARGED] * 15 + [Outcome.TOO_MANY_BUCKETS]
    assert len((await bench.state()).buckets) == 31


async def test_a_resend_buys_once(bench: Bench) -> None:
    await bench.open()
    call = bench.call()
    command = PurchaseBundle(
        profile=await bench.profile(), bundle_id="pack", bundle=PACK, refusal=None, **call
    )

    first, again = await bench.ledger.execute(command), await bench.ledger.execute(command)

    assert again.replayed
    assert (again.bought, again.payments, again.seq) == (first.bought, first.payments, first.seq)
    assert (await balances(bench))["main"] == 700


async def test_a_renewal_begins_where_the_last_period_ends(bench: Bench) -> None:
    """Bought a minute early; until the end only the first one pays."""
    await bench.open()
    bought = await buy(bench, renew=True)
    bench.clock[0] = DUE_MS - 1
    early = await expire(bench)
    bench.clock[0] = DUE_MS
    due = await expire(bench)
    renewed = await renew(bench, DUE_MS)
    state = await bench.state()

    assert bought.renew_ms == DUE_MS
    assert (early.renewals_due, due.renewals_due) == ((), (("pack", DUE_MS),))
    assert renewed.outcome is Outcome.CHARGED
    assert renewed.expire_ms == START_MS + 2 * HOUR_MS
    new = state.buckets[renewed.bought[0].bucket_id]
    assert (new.terms.start_ms, new.terms.expire_ms) == (START_MS + HOUR_MS, START_MS + 2 * HOUR_MS)
    assert state.renewals == {"pack": Renewal(DUE_MS + HOUR_MS, START_MS + 2 * HOUR_MS, 1)}
    assert (await renew(bench, DUE_MS)).reason is Reason.RENEWAL_NOT_DUE


async def test_what_is_due_is_named_in_the_order_of_the_bundles(bench: Bench) -> None:
    await bench.open()
    names = ("pack", "pack-b", "a", "pack.1", "z", "b")
    for name in names:
        await buy(bench, replace(PACK, bundle_id=name, price_micros=1), renew=True)
    bench.clock[0] = DUE_MS

    due = (await expire(bench)).renewals_due

    assert due == tuple((name, DUE_MS) for name in ("a", "b", "pack-b", "pack.1", "pack", "z"))


async def test_what_is_left_rolls_over_at_the_end_and_no_more_than_was_sold(bench: Bench) -> None:
    """500 bought, 390 used: 80 of the 110 left go on; calls do not."""
    await bench.open()
    bought = await buy(bench, renew=True)
    old, calls = (bucket.bucket_id for bucket in bought.bought)
    await bench.reserve(390)
    await bench.settle(390, Step.CLOSE)
    bench.clock[0] = DUE_MS
    renewed = await renew(bench, DUE_MS)
    before = await balances(bench)
    bench.clock[0] = START_MS + HOUR_MS
    closed = await expire(bench)
    after = await balances(bench)

    new = renewed.bought[0].bucket_id
    assert (before[old], before[calls], before[new]) == (110, 60, 500)
    assert closed.expired_count == 2
    assert old not in after
    assert calls not in after
    assert after[new] == 580


async def test_a_late_renewal_finds_what_was_left(bench: Bench) -> None:
    """No server for three hours: units wait, past their end, and nobody can use them."""
    await bench.open()
    bought = await buy(bench, renew=True)
    old = bought.bought[0].bucket_id
    bench.clock[0] = START_MS + 3 * HOUR_MS
    await expire(bench)
    waiting = await balances(bench)
    grant = await bench.reserve(600, whole=True)
    renewed = await renew(bench, DUE_MS)
    after = await balances(bench)

    assert waiting[old] == 500
    # 700 in money pay for 350 at most.
    assert grant.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert renewed.expire_ms == START_MS + 4 * HOUR_MS
    assert old not in after
    assert after[renewed.bought[0].bucket_id] == 580


async def test_the_last_renewal_is_the_last(bench: Bench) -> None:
    await bench.open()
    await buy(bench, renew=True)
    bench.clock[0] = DUE_MS
    await renew(bench, DUE_MS)
    bench.clock[0] = DUE_MS + HOUR_MS
    last = await renew(bench, DUE_MS + HOUR_MS)
    bench.clock[0] = START_MS + 3 * HOUR_MS
    await expire(bench)

    assert (last.outcome, last.renew_ms) == (Outcome.CHARGED, 0)
    assert (await bench.state()).renewals == {}
    assert await balances(bench) == {"main": 100}


async def test_what_cannot_be_paid_is_tried_daily_and_then_ends(bench: Bench) -> None:
    await bench.open(money=300)
    bought = await buy(bench, renew=True)
    bench.clock[0] = DUE_MS
    tries = 0
    while (renewal := (await bench.state()).renewals.get("pack")) is not None:
        bench.clock[0] = renewal.due_ms
        refused = await renew(bench, renewal.due_ms)
        tries += 1
        assert refused.outcome is Outcome.CREDIT_LIMIT_REACHED

    assert tries == RENEWAL_TRIES_MAX
    assert bench.clock[0] == DUE_MS + (RENEWAL_TRIES_MAX - 1) * RENEWAL_RETRY_MS
    assert bought.bought[0].bucket_id not in await balances(bench)


async def test_a_top_up_brings_the_next_try_forward(bench: Bench) -> None:
    await bench.open(money=300)
    await buy(bench, renew=True)
    bench.clock[0] = DUE_MS
    refused = await renew(bench, DUE_MS)
    bench.clock[0] += MINUTE_MS
    await bench.top_up("main", 300)
    due = await expire(bench)
    renewed = await renew(bench, DUE_MS + MINUTE_MS)

    assert refused.renew_ms == DUE_MS + RENEWAL_RETRY_MS
    assert due.renewals_due == (("pack", DUE_MS + MINUTE_MS),)
    assert renewed.outcome is Outcome.CHARGED
    assert (await bench.state()).renewals["pack"].tries == 0


async def test_a_bundle_that_is_not_sold_any_more_ends(bench: Bench) -> None:
    await bench.open()
    await buy(bench, renew=True)
    bench.clock[0] = DUE_MS

    gone = await renew(bench, DUE_MS, None, Outcome.SERVICE_DENIED)

    assert (gone.outcome, gone.renew_ms) == (Outcome.SERVICE_DENIED, 0)
    assert (await bench.state()).renewals == {}


async def test_a_renewal_has_the_terms_of_its_day(bench: Bench) -> None:
    """The price has changed, and what was data is calls: nothing rolls over to that."""
    await bench.open()
    bought = await buy(bench, renew=True)
    bench.clock[0] = DUE_MS
    other = Bundle("pack", 100, HOUR_MS, (CALLS,), 0, frozenset(), "v2")

    renewed = await renew(bench, DUE_MS, other)
    bench.clock[0] = START_MS + HOUR_MS
    await expire(bench)

    assert renewed.charged_micros == 100
    assert bought.bought[0].bucket_id not in await balances(bench)
    assert await balances(bench) == {renewed.bought[0].bucket_id: 60, "main": 600}


async def test_a_cancelled_bundle_ends_and_what_waited_for_it_is_forfeited(bench: Bench) -> None:
    await bench.open()
    await buy(bench, renew=True)
    exists = await buy(bench, renew=True)
    bench.clock[0] = START_MS + HOUR_MS
    await expire(bench)

    done = await bench.ledger.execute(CancelBundleRenewal(bundle_id="pack", **bench.call()))
    again = await bench.ledger.execute(CancelBundleRenewal(bundle_id="pack", **bench.call()))

    assert exists.reason is Reason.RENEWAL_EXISTS
    assert done.outcome is Outcome.DONE
    assert again.reason is Reason.RENEWAL_NOT_FOUND
    assert await balances(bench) == {"main": 700}
