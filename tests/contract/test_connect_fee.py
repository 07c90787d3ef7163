"""A connect fee: an item of its own, from money, once, at a session's first used unit."""

from fractions import Fraction

import pytest

from ocs.domain.answer import Answer, Outcome, Payment
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import Basis, Commit, Debit, GrantWish, Reserve
from ocs.domain.known import ReservationFacts
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.units import Unit
from tests.contract.bench import MINUTE_MS, Bench

FEE = 90
CALL = ServiceTerms(
    "call",
    Unit.SECONDS,
    "",
    Rate.compiled([Stretch(0, 1, Fraction(2))], connect_micros=FEE),
    1,
    10 * MINUTE_MS,
    "v1",
)
MINUTES = BucketTerms(Unit.SECONDS, 1)


async def reserve(bench: Bench, units: int, reservation_id: str = "r1") -> Answer:
    return await bench.ledger.execute(
        Reserve(
            profile=await bench.profile(),
            service_id="call",
            terms=CALL,
            refusal=None,
            wish=GrantWish(requested_units=units),
            reservation_id=reservation_id,
            session_id="call-1",
            sequence_number=-1,
            **bench.call(),
        )
    )


async def facts(bench: Bench, reservation_id: str) -> ReservationFacts | None:
    return await bench.ledger.reservation_facts("main", "a1", reservation_id, fresh=True)


async def commit(
    bench: Bench, units: int, step: Step = Step.CLOSE, reservation_id: str = "r1"
) -> Answer:
    return await bench.ledger.execute(
        Commit(
            profile=await bench.profile(),
            reservation=await facts(bench, reservation_id),
            reservation_id=reservation_id,
            used_units=units,
            step=step,
            wish=GrantWish(requested_units=60) if step is Step.NEXT_GRANT else None,
            next_reservation_id="r2",
            sequence_number=-1,
            reject_overrun=False,
            refusal=None,
            **bench.call(),
        )
    )


async def debit(bench: Bench, units: int, basis: Basis) -> Answer:
    return await bench.ledger.execute(
        Debit(
            profile=await bench.profile(),
            service_id="call",
            terms=CALL,
            refusal=None,
            basis=basis,
            used_units=units,
            session_id="",
            sequence_number=-1,
            **bench.call(),
        )
    )


async def balances(bench: Bench) -> dict[str, tuple[int, int]]:
    return {
        name: (bucket.balance, bucket.reserved)
        for name, bucket in (await bench.state()).buckets.items()
    }


async def test_it_is_held_with_the_first_units_and_paid_once(bench: Bench) -> None:
    await bench.open()

    held = await reserve(bench, 100)
    first = await commit(bench, 40, Step.NEXT_GRANT)
    last = await commit(bench, 10)

    assert (held.granted_units, held.held_micros) == (100, 200 + FEE)
    assert (first.charged_micros, first.held_micros) == (80 + FEE, 120)
    assert last.charged_micros == 20
    assert await balances(bench) == {"main": (1_000 - 100 - FEE, 0)}


async def test_it_leaves_less_for_units(bench: Bench) -> None:
    """1,000 of money is the fee and 455 seconds."""
    await bench.open()

    held = await reserve(bench, 10_000)

    assert (held.granted_units, held.held_micros) == (455, FEE + 910)
    assert held.final_grant


async def test_a_session_without_use_pays_none(bench: Bench) -> None:
    await bench.open()
    await reserve(bench, 10)

    closed = await commit(bench, 0)

    assert closed.charged_micros == 0
    assert await balances(bench) == {"main": (1_000, 0)}


async def test_seconds_of_a_bundle_do_not_pay_it(bench: Bench) -> None:
    await bench.open()
    await bench.top_up("minutes", 500, MINUTES)

    held = await reserve(bench, 60)
    charged = await commit(bench, 60)

    assert (held.granted_units, held.held_micros) == (60, FEE)
    assert charged.payments == (Payment("minutes", 60, 0), Payment("main", 0, FEE))
    assert await balances(bench) == {"main": (1_000 - FEE, 0), "minutes": (440, 0)}


@pytest.mark.parametrize("money", [0, FEE - 1])
async def test_without_money_for_it_nothing_is_granted(bench: Bench, money: int) -> None:
    await bench.open(money)
    await bench.top_up("minutes", 500, MINUTES)

    refused = await reserve(bench, 60)
    debited = await debit(bench, 60, Basis.AUTHORIZE)

    assert refused.outcome is debited.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert await balances(bench) == {"main": (money, 0), "minutes": (500, 0)}


async def test_use_without_money_for_it_is_uncollected(bench: Bench) -> None:
    """The units are paid for; what is missing of the fee is leakage, and shown."""
    await bench.open(30)
    await bench.top_up("minutes", 500, MINUTES)

    used = await debit(bench, 60, Basis.USED)

    assert (used.charged_micros, used.uncollected_units, used.uncollected_micros) == (30, 0, 60)
    assert used.payments == (Payment("minutes", 60, 0), Payment("main", 0, 30))
    assert await balances(bench) == {"main": (0, 0), "minutes": (440, 0)}


async def test_several_buckets_of_money_may_share_it(bench: Bench) -> None:
    await bench.open()
    await bench.top_up("bonus", 60, BucketTerms(Unit.MICROS, 1))

    used = await debit(bench, 10, Basis.AUTHORIZE)

    assert used.payments == (Payment("bonus", 0, 60), Payment("main", 10, FEE - 60 + 20))


async def test_a_bucket_that_blocks_hides_the_money_behind_it(bench: Bench) -> None:
    await bench.open()
    await bench.top_up("blocker", FEE - 1, BucketTerms(Unit.MICROS, 1, blocking=True))

    refused = await debit(bench, 10, Basis.AUTHORIZE)

    assert refused.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert await balances(bench) == {"main": (1_000, 0), "blocker": (FEE - 1, 0)}


async def test_only_the_first_of_two_reservations_of_a_session_pays_it(bench: Bench) -> None:
    await bench.open()
    one = await reserve(bench, 10, "r1")
    other = await reserve(bench, 10, "r2")

    first = await commit(bench, 10, reservation_id="r2")
    second = await commit(bench, 10, reservation_id="r1")

    assert one.held_micros == other.held_micros == 20 + FEE
    assert (first.charged_micros, second.charged_micros) == (20 + FEE, 20)
    assert await balances(bench) == {"main": (1_000 - 40 - FEE, 0)}
