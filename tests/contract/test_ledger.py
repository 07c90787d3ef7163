"""What every Ledger must do, run on the specification in memory and on the scripts in Valkey."""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import (
    Basis,
    Debit,
    Expire,
    Release,
    SetSpendingCap,
)
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountState
from ocs.domain.units import Unit
from tests.contract.bench import MINUTE_MS, START_MS, TERMS, Bench


async def test_unknown_account(bench: Bench) -> None:
    """Nothing is known of it, and asking leaves nothing behind."""
    answer = await bench.top_up("main", 5)
    profile = await bench.ledger.profile("main", "a1", "")
    snapshot = await bench.ledger.snapshot("main", "a1")

    assert answer.reason is Reason.ACCOUNT_NOT_FOUND
    assert isinstance(profile, Answer)
    assert profile.reason is Reason.ACCOUNT_NOT_FOUND
    assert isinstance(snapshot, Answer)
    assert snapshot.reason is Reason.ACCOUNT_NOT_FOUND


async def test_unknown_subscriber(bench: Bench) -> None:
    """A profile is of a line that exists."""
    await bench.open()

    found = await bench.ledger.profile("main", "a1", "nobody")

    assert isinstance(found, Answer)
    assert found.reason is Reason.SUBSCRIBER_NOT_FOUND


async def test_profile_has_the_caps_that_may_bind(bench: Bench) -> None:
    """Those of the account, the line and its groups; none of another line's."""
    await bench.open()
    for holder in ("account", "subscriber/s1", "group/g1", "group/other"):
        cap = SpendingCap(holder, "daily", Unit.MICROS, 10, Period.DAY)
        await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))

    profile = await bench.profile("s1")

    assert sorted(cap.holder for cap in profile.caps) == ["account", "group/g1", "subscriber/s1"]
    assert profile.group_ids == ("g1",)
    assert profile.version == 6


async def test_a_stale_profile_writes_nothing(bench: Bench) -> None:
    """A cap set in between is not overlooked."""
    await bench.open()
    old = await bench.profile()
    cap = SpendingCap("account", "daily", Unit.MICROS, 10, Period.DAY)
    await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    before = await bench.state()

    answer = await bench.reserve(100, profile=old)

    assert answer.reason is Reason.STALE_PROFILE
    assert await bench.state() == before


async def test_replay_equals_the_first_answer(bench: Bench) -> None:
    """Same id, same meaning: the same answer, marked, and nothing moves."""
    await bench.open()
    call = bench.call()
    first = await bench.reserve(100, **call)
    before = await bench.state()
    again = await bench.reserve(100, **call)
    after = await bench.state()

    assert again.replayed
    again.replayed = False
    assert again == first
    assert after.buckets == before.buckets
    assert after.seq == before.seq
    assert after.replayed_count == before.replayed_count + 1


async def test_same_id_other_meaning(bench: Bench) -> None:
    """Refused, whatever it asks."""
    await bench.open()
    call = bench.call()
    await bench.reserve(100, **call)
    call["fingerprint"] = "other"

    answer = await bench.reserve(100, "r2", **call)

    assert answer.reason is Reason.REQUEST_ID_REUSED


async def test_hold_settle_and_rest(bench: Bench) -> None:
    """1000 in hand: hold 800, use 300, the rest is back."""
    await bench.open()
    granted = await bench.reserve(400)
    held = (await bench.state()).buckets["main"]
    charged = await bench.settle(150, Step.CLOSE)
    rest = (await bench.state()).buckets["main"]

    assert (granted.outcome, granted.granted_units, granted.held_micros) == (
        Outcome.GRANTED,
        400,
        800,
    )
    assert (held.balance, held.reserved) == (1_000, 800)
    assert (charged.outcome, charged.charged_micros) == (Outcome.CHARGED, 300)
    assert (rest.balance, rest.reserved, rest.spent) == (700, 0, 300)


async def test_partial_grant_and_denial(bench: Bench) -> None:
    """As far as the money goes; all or nothing if that was asked."""
    await bench.open()

    denied = await bench.reserve(501, whole=True)
    cut = await bench.reserve(501, "r2")

    assert denied.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert (cut.granted_units, cut.final_grant) == (500, True)


async def test_lapsed_hold_is_available_to_the_next_call(bench: Bench) -> None:
    """No job runs; the commit that comes after it is late."""
    await bench.open()
    answer = await bench.reserve(500)
    bench.clock[0] = answer.expire_ms

    again = await bench.reserve(500, "r2")
    late = await bench.settle(10, Step.CLOSE)

    assert again.granted_units == 500
    assert late.late
    assert (late.charged_micros, late.uncollected_micros) == (0, 20)


def held_in_caps(state: AccountState) -> int:
    """All that open reservations hold in caps."""
    return sum(line.quantity for hold in state.holds.values() for line in hold.cap_lines)


async def test_a_name_taken_again_holds_in_the_lines_caps(bench: Bench) -> None:
    await bench.open()
    cap = SpendingCap("subscriber/s1", "daily", Unit.MICROS, 300, Period.LIFETIME)
    await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    await bench.reserve(100, profile=await bench.profile("s1"))
    # The reservation is forgotten; what it held in the line's cap waits for the line's next write.
    bench.clock[0] += 2 * 60 * MINUTE_MS
    await bench.reserve(100, profile=await bench.profile("s1"))

    beyond = await bench.reserve(100, name="r2", profile=await bench.profile("s1"))

    assert beyond.granted_units == 50
    assert held_in_caps(await bench.state()) == 300


async def test_expire_reports_what_it_ended(bench: Bench) -> None:
    """Holds and ended buckets."""
    await bench.open()
    terms = BucketTerms(Unit.OCTETS, 1, expire_ms=START_MS + MINUTE_MS)
    await bench.top_up("bundle", 50, terms)
    answer = await bench.reserve(60)
    bench.clock[0] = answer.expire_ms

    expired = await bench.ledger.expire(Expire(tenant="main", account_id="a1"))

    assert expired.expired_count == 2
    assert set((await bench.state()).buckets) == {"main"}


async def test_use_is_never_refused_for_money(bench: Bench) -> None:
    """What is there is collected, the rest is uncollected."""
    await bench.open(money=50)

    answer = await bench.ledger.execute(
        Debit(
            profile=await bench.profile(),
            service_id="data",
            terms=TERMS,
            refusal=None,
            basis=Basis.USED,
            used_units=40,
            **bench.call(),
        )
    )

    assert (answer.charged_micros, answer.uncollected_micros) == (50, 30)


async def test_release_then_commit(bench: Bench) -> None:
    """A reservation ends exactly once."""
    await bench.open()
    await bench.reserve(100)
    facts = await bench.ledger.reservation_facts("main", "a1", "r1")
    released = await bench.ledger.execute(
        Release(
            profile=await bench.profile(),
            reservation=facts,
            reservation_id="r1",
            **bench.call(),
        )
    )
    answer = await bench.settle(10, Step.CLOSE)

    assert released.held_micros == 200
    assert answer.reason is Reason.RESERVATION_CLOSED
