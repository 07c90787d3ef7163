"""What is remembered beside an account's figures, on both ledgers."""

from typing import Any

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import Basis, CreateAccount, Debit, Release, SetSpendingCap
from ocs.domain.periods import Period
from ocs.domain.reservation import ReservationState, Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus, AccountTerms, RequestRecord
from ocs.domain.units import Unit
from ocs.domain.view import ReservationView, quote
from tests.contract.bench import MINUTE_MS, START_MS, TERMS, Bench

AT = ("main", "a1")


async def view(bench: Bench, name: str = "r1") -> ReservationView:
    found = await bench.reader.reservation(*AT, name)
    assert not isinstance(found, Answer), found
    return found[0]


async def missing(bench: Bench, name: str) -> Reason | None:
    found = await bench.reader.reservation(*AT, name)
    assert isinstance(found, Answer)
    return found.reason


async def test_nothing_is_known_of_an_unknown_account(bench: Bench) -> None:
    found: list[Any] = [
        await bench.reader.reservation(*AT, "r1"),
        await bench.reader.open_reservations(*AT, "", 5),
        await bench.reader.request(*AT, "q1"),
    ]

    assert [answer.reason for answer in found] == [Reason.ACCOUNT_NOT_FOUND] * 3
    assert await bench.reader.list_accounts("main", (0, ""), 5) == ([], (-1, ""))


async def test_a_reservation_is_read_in_each_state(bench: Bench) -> None:
    """And forgotten an hour after its end."""
    await bench.open()
    cap = SpendingCap("account", "daily", Unit.MICROS, 500, Period.LIFETIME)
    await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    for name in ("r1", "r2", "r3"):
        await bench.reserve(50, name)
    held = await view(bench)
    await bench.settle(10, Step.CLOSE)
    release = Release(
        profile=await bench.profile(),
        reservation=await bench.ledger.reservation_facts(*AT, "r2"),
        reservation_id="r2",
        **bench.call(),
    )
    await bench.ledger.execute(release)
    closed, released = await view(bench), await view(bench, "r2")
    bench.clock[0] += 20 * MINUTE_MS
    expired = await view(bench, "r3")
    bench.clock[0] += 60 * MINUTE_MS

    assert held.reservation.state is ReservationState.OPEN
    assert held.hold is not None
    assert (held.hold.granted_units, held.hold.lines) == (50, (("main", 100),))
    assert [line.quantity for line in held.hold.cap_lines] == [100]
    assert held.reservation.terms == TERMS
    assert (closed.reservation.state, closed.hold) == (ReservationState.CLOSED, None)
    assert (released.reservation.state, released.hold) == (ReservationState.RELEASED, None)
    assert (expired.reservation.state, expired.hold) == (ReservationState.EXPIRED, None)
    assert [await missing(bench, name) for name in ("r1", "r3", "r9")] == [
        Reason.RESERVATION_NOT_FOUND
    ] * 3


async def test_open_reservations_are_listed_by_id(bench: Bench) -> None:
    """Page by page, and none that has lapsed or ended."""
    await bench.open()
    names = ["r3", "r1", "r5", "r2", "r4"]
    for name in names:
        await bench.reserve(10, name)
    await bench.settle(1, Step.CLOSE, "r2")

    first = await bench.reader.open_reservations(*AT, "", 3)
    rest = await bench.reader.open_reservations(*AT, "r4", 3)
    bench.clock[0] += 20 * MINUTE_MS
    lapsed = await bench.reader.open_reservations(*AT, "", 3)

    assert not isinstance(first, Answer)
    assert not isinstance(rest, Answer)
    assert not isinstance(lapsed, Answer)
    assert [found.reservation.reservation_id for found in first[0]] == ["r1", "r3", "r4"]
    assert [found.reservation.reservation_id for found in rest[0]] == ["r5"]
    assert all(found.hold is not None for found in first[0])
    assert lapsed[0] == []


async def test_a_request_is_told_while_it_is_remembered(bench: Bench) -> None:
    """Decisions and recorded refusals; not what left the request_id free."""
    await bench.open()
    call = bench.call()
    answer = await bench.reserve(100, **call)
    topped = await bench.top_up("main", 5)
    last = f"q{bench.sent_count}"

    found = await bench.reader.request(*AT, call["request_id"])
    credited = await bench.reader.request(*AT, last)
    unknown = await bench.reader.request(*AT, "q99")
    bench.clock[0] += 60 * MINUTE_MS
    forgotten = await bench.reader.request(*AT, call["request_id"])

    assert found == RequestRecord(START_MS + 60 * MINUTE_MS, call["fingerprint"], answer)
    assert isinstance(credited, RequestRecord)
    assert credited.answer == topped
    assert isinstance(unknown, Answer)
    assert isinstance(forgotten, Answer)
    assert unknown.reason is forgotten.reason is Reason.REQUEST_NOT_FOUND


async def test_accounts_are_listed_once_each(bench: Bench) -> None:
    """Of one tenant, page by page."""
    terms = AccountTerms("EUR", "UTC", 1, "plan", "gold", 7)
    opened = {f"a{number}" for number in range(40)}
    for account_id in opened:
        call = bench.call() | {"account_id": account_id}
        await bench.ledger.execute(CreateAccount(terms=terms, **call))
        other = bench.call() | {"account_id": account_id, "tenant": "main0"}
        await bench.ledger.execute(CreateAccount(terms=terms, **other))

    listed: list[str] = []
    place, pages = (0, ""), 0
    while place[0] >= 0:
        page = await bench.reader.list_accounts("main", place, 7)
        assert not isinstance(page, Answer)
        found, place = page
        assert len(found) <= 7
        assert all(one.terms == terms and one.create_ms == START_MS for one in found)
        assert all(one.status is AccountStatus.ACTIVE for one in found)
        listed += [one.account_id for one in found]
        pages += 1

    assert sorted(listed) == sorted(opened)
    assert pages == 6


async def test_what_a_debit_would_be_is_told_and_nothing_written(bench: Bench) -> None:
    await bench.open(money=100)
    cap = SpendingCap("subscriber/s1", "daily", Unit.MICROS, 60, Period.DAY)
    await bench.ledger.execute(SetSpendingCap(cap=cap, **bench.call()))
    before = await bench.state()

    async def ask(units: int, subscriber: str) -> Answer:
        command = Debit(
            profile=await bench.profile(subscriber),
            service_id="data",
            terms=TERMS,
            refusal=None,
            basis=Basis.AUTHORIZE,
            used_units=units,
            **bench.call(),
        )
        return quote(await bench.state(), command, bench.clock[0]).answer

    paid, capped, poor = await ask(50, ""), await ask(40, "s1"), await ask(51, "")

    assert (paid.outcome, paid.charged_micros) == (Outcome.CHARGED, 100)
    assert capped.outcome is Outcome.SPENDING_CAP_REACHED
    assert capped.cap is not None
    assert capped.cap.remaining == 60
    assert poor.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert await bench.state() == before
