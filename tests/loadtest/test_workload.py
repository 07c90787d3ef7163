"""The workload accepts every right answer of a service, and none that was tampered with."""

import copy
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from loadtest.calls import Connections
from loadtest.traffic import WrongAnswerError
from loadtest.workload.accounts import open_accounts
from loadtest.workload.actor import Actor
from loadtest.workload.mix import KINDS, Mix, Zipf
from loadtest.workload.prices import terms_of
from loadtest.workload.sequences import Sequences
from loadtest.workload.source import Source
from ocs.v1 import types_pb2
from tests.support.live import Live

ACCOUNTS = 3
PREFIX = "w"


def add(path: str, more: int) -> Callable[[Any], None]:
    """Change a figure of an answer."""

    def spoil(reply: Any) -> None:
        *parents, name = path.split(".")
        for parent in parents:
            reply = getattr(reply, parent)
        setattr(reply, name, getattr(reply, name) + more)

    return spoil


def put(path: str, value: object) -> Callable[[Any], None]:
    """Replace a field of an answer."""

    def spoil(reply: Any) -> None:
        *parents, name = path.split(".")
        for parent in parents:
            reply = getattr(reply, parent)
        setattr(reply, name, value)

    return spoil


OTHER = "tenants/main/accounts/other/reservations/r"
ANY: list[Callable[[Any], None]] = [
    put("receipt.replayed", True),
    put("receipt.account_seq", 0),
]
GRANT: list[Callable[[Any], None]] = [
    put("reservation", OTHER),
    put("grant.granted_units", 0),
    put("grant.granted_units", 2**40),
    put("grant.outcome", types_pb2.OUTCOME_SERVICE_DENIED),
    put("grant.outcome", types_pb2.OUTCOME_CREDIT_LIMIT_REACHED),
    put("grant.unit", types_pb2.UNIT_TYPE_MICROS),
    add("grant.reserved_micros", 10**9),
    put("grant.final_grant", True),
    lambda reply: reply.grant.ClearField("validity_time"),
    lambda reply: reply.grant.ClearField("expire_time"),
]
CHARGE: list[Callable[[Any], None]] = [
    add("charge.charged_units", 1),
    add("charge.charged_micros", 1),
    add("charge.uncollected_micros", 1),
    add("charge.uncollected_units", 1),
    put("charge.late", True),
    put("charge.sequence_gap", True),
    put("charge.out_of_order", True),
    put("charge.event", "tenants/main/accounts/other/events/0"),
    lambda reply: reply.charge.ClearField("lines"),
]
SPOILT: dict[str, list[Callable[[Any], None]]] = {
    "Reserve": [*ANY, *GRANT],
    "Commit": [*ANY, *GRANT, *CHARGE, lambda reply: reply.ClearField("grant")],
    "Release": [*ANY, put("outcome", 0), add("released_micros", 1)],
    "Debit": [*ANY, *CHARGE, put("outcome", types_pb2.OUTCOME_CREDIT_LIMIT_REACHED)],
    "TopUp": [*ANY, put("bucket_id", "other"), put("available", 0), put("balance", 0)],
}


async def opened(live: Live, prefix: str) -> str:
    """Open the accounts of a workload."""
    count = 0

    def on_opened() -> None:
        nonlocal count
        count += 1

    await open_accounts(live.address, prefix, ACCOUNTS, on_opened)
    assert count == ACCOUNTS
    return prefix


def calls_of(source: Source) -> list[Callable[[], Actor]]:
    """Four charges, one top-up."""
    return [*[source.charging] * 4, source.top_up]


async def test_every_answer_of_the_service_passes(live: Live) -> None:
    mix = Mix(ACCOUNTS, top_up_share=0.2, resend_share=0.2)
    source = Source(mix, await opened(live, "a"))
    answers: Counter[str] = Counter()

    async with Connections(live.address, 2) as connections:
        for make in calls_of(source) * 40:
            actor = make()
            while (call := actor.next_call()) is not None:
                answer = await connections.send(actor, call)
                assert not answer.failed, answer.text
                answers[answer.text] += 1

    methods = {name.partition(" ")[0] for name in answers}
    assert methods == set(Connections.METHODS)
    assert {"Reserve resend", "Commit resend", "TopUp resend"} <= set(answers)
    # Three accounts with little money: some run dry, which is an outcome and no failure.
    assert answers["Reserve CREDIT_LIMIT_REACHED"] + answers["Debit CREDIT_LIMIT_REACHED"] > 0
    assert answers.total() > 300


async def test_no_tampered_answer_passes(live: Live) -> None:
    source = Source(Mix(ACCOUNTS, resend_share=0.0), await opened(live, "b"))
    untried = {method: list(enumerate(spoilers)) for method, spoilers in SPOILT.items()}

    for make in calls_of(source) * 200:
        actor = make()
        while (call := actor.next_call()) is not None:
            reply = await live.call(call.request)
            if fits(call.method, reply):
                for number, spoil in untried.pop(call.method, []):
                    spoilt = copy.deepcopy(reply)
                    spoil(spoilt)
                    assert refuses(actor, spoilt), f"{call.method} {number} passed:\n{spoilt}"
            actor.take(reply)
        if not untried:
            return
    pytest.fail(f"never answered so that it could be tampered with: {sorted(untried)}")


def refuses(actor: Actor, reply: Any) -> bool:
    """Whether an actor faults a reply; it stays as it was."""
    try:
        copy.deepcopy(actor).take(reply)
    except WrongAnswerError:
        return True
    return False


def fits(method: str, reply: Any) -> bool:
    """Whether an answer has all that is to be tampered with."""
    if method in {"Reserve", "Commit"} and not reply.grant.granted_units:
        return False
    if method == "Commit":
        return bool(reply.charge.charged_micros)
    return method != "Debit" or bool(reply.charge.charged_units)


async def test_a_resend_that_is_answered_otherwise_does_not_pass(live: Live) -> None:
    source = Source(Mix(ACCOUNTS, resend_share=0.999), await opened(live, "c"))
    actor = source.top_up()
    first = actor.next_call()
    assert first is not None
    actor.take(await live.call(first.request))
    again = actor.next_call()
    assert again is not None
    assert again.resend
    reply = await live.call(again.request)
    spoilt: list[Callable[[Any], None]] = [put("receipt.replayed", False), add("balance", 1)]

    for spoil in spoilt:
        wrong = copy.deepcopy(reply)
        spoil(wrong)
        with pytest.raises(WrongAnswerError):
            actor.take(wrong)

    assert actor.take(reply) == "resend"


async def test_without_a_service_every_call_fails() -> None:
    source = Source(Mix(ACCOUNTS), PREFIX)

    async with Connections("127.0.0.1:1", 1) as connections:
        for make in calls_of(source):
            actor = make()
            call = actor.next_call()
            assert call is not None
            answer = await connections.send(actor, call)
            assert answer.failed
            assert "UNAVAILABLE" in answer.text


def test_numbers_of_an_account_rise_and_are_given_once() -> None:
    sequences = Sequences()
    floor = sequences.floor("a")
    sequences.take("a", floor, 5)
    sequences.take("a", floor, 3)  # answered later, ran earlier: sent before the other's answer

    assert sequences.floor("a") == 5
    for floor, seq in ((5, 5), (5, 4), (0, 3)):
        with pytest.raises(WrongAnswerError):
            sequences.take("a", floor, seq)
    sequences.take("b", sequences.floor("b"), 5)


def test_the_first_account_is_drawn_most_often() -> None:
    rng = random.Random(7)
    drawn = Counter(Zipf(100, 1.0).draw(rng) for _ in range(20_000))
    alike = Counter(Zipf(100, 0.0).draw(rng) for _ in range(20_000))

    assert set(drawn) <= set(range(100))
    # 1 / H(100) = 19.3 % and half of it.
    assert 3_600 < drawn[0] < 4_100
    assert 1_750 < drawn[1] < 2_100
    assert max(alike.values()) < 300


@pytest.mark.parametrize(
    "wrong", [{"account_count": 0}, {"zipf": -1.0}, {"top_up_share": 1.0}, {"resend_share": -0.1}]
)
def test_a_mix_out_of_bounds_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Mix(**wrong)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.service_id}-{kind.other_party}")
def test_the_shipped_tariff_offers_every_kind(kind: Any) -> None:
    assert terms_of(kind).service_id == kind.service_id
