"""What the proofs behind race, kill and lost-reply find when something is wrong."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_event_pb2 as events
from tests.campaigns.race import Race
from tests.campaigns.support.books import Books
from tests.campaigns.support.calls import Call, order_violations
from tests.campaigns.support.replay import replay_account

pytestmark = pytest.mark.xdist_group("services")

ACCOUNT = "hot-00"


@pytest.fixture
def calls(race: Race) -> list[Call]:
    """One account's calls, to be altered."""
    return copy.deepcopy(race.by_account()[ACCOUNT])


@pytest.fixture
def journal(race: Race) -> list[bytes]:
    return list(race.journals[ACCOUNT])


def granted(calls: list[Call]) -> Call:
    return next(
        call
        for call in calls
        if call.method == "Reserve" and not call.reason and call.message().grant.granted_units
    )


def alter(wire: bytes, kind: type[Any], change: Callable[[Any], None]) -> bytes:
    message = kind.FromString(wire)
    change(message)
    altered: bytes = message.SerializeToString()
    assert altered != wire
    return altered


def test_nothing_is_found_where_nothing_is_wrong(calls: list[Call], journal: list[bytes]) -> None:
    assert replay_account(ACCOUNT, calls, journal) == (len(calls), [])
    assert order_violations(calls) == []


def test_an_altered_reply_is_found(calls: list[Call], journal: list[bytes]) -> None:
    call = granted(calls)
    message = call.message()
    message.grant.granted_units += 1
    call.reply = message.SerializeToString()

    _, found = replay_account(ACCOUNT, calls, journal)

    assert call.request_id in "".join(found)


def test_an_altered_refusal_is_found(calls: list[Call], journal: list[bytes]) -> None:
    call = next(call for call in calls if call.reason)
    call.reason = "CURRENCY_MISMATCH" if call.reason == "CHARGE_LIMIT" else "CHARGE_LIMIT"

    _, found = replay_account(ACCOUNT, calls, journal)

    assert call.request_id in "".join(found)


def test_an_altered_event_is_found(calls: list[Call], journal: list[bytes]) -> None:
    index = next(
        index
        for index, wire in enumerate(journal)
        if events.ChargingEvent.FromString(wire).granted_units
    )
    journal[index] = alter(
        journal[index],
        events.ChargingEvent,
        lambda event: setattr(event, "granted_units", event.granted_units + 1),
    )

    _, found = replay_account(ACCOUNT, calls, journal)

    assert any(f"event {index + 1}" in text for text in found)


def test_a_missing_event_is_found(calls: list[Call], journal: list[bytes]) -> None:
    call = next(call for call in reversed(calls) if call.request_id and not call.reason)
    del journal[call.seq - 1]

    _, found = replay_account(ACCOUNT, calls, journal)

    assert found


def test_an_operation_executed_twice_is_found(calls: list[Call], journal: list[bytes]) -> None:
    call = granted(calls)
    again = copy.deepcopy(call)
    again.replayed = call.replayed = False

    _, found = replay_account(ACCOUNT, [*calls, again], journal)

    assert f"{call}: executed more than once" in "".join(found)


def test_an_answer_out_of_its_time_is_found(calls: list[Call]) -> None:
    writers = [call for call in calls if call.request_id and not call.reason and not call.repeat]
    early, late = sorted(writers, key=lambda call: call.seq)[10:12]
    late.sent_ns, late.answered_ns = early.sent_ns - 2, early.sent_ns - 1

    found = order_violations([early, late])

    assert [text for text in found if early.request_id in text]


class TestBooks:
    """The comparison of acknowledgements with the journal, which kill and lost-reply rely on."""

    @pytest.fixture
    def standing(self, calls: list[Call]) -> accounts.Account:
        found = [call for call in calls if call.method == "GetAccount"][-1].message().account
        assert isinstance(found, accounts.Account)
        return found

    @pytest.fixture
    def told(self, calls: list[Call]) -> list[Call]:
        return [call for call in calls if not call.repeat]

    def test_they_are_right(
        self, told: list[Call], journal: list[bytes], standing: accounts.Account
    ) -> None:
        assert Books(told, journal, standing).violations == []

    def test_a_lost_call_is_found(
        self, told: list[Call], journal: list[bytes], standing: accounts.Account
    ) -> None:
        call = granted(told)
        journal[call.seq - 1] = journal[0]

        books = Books(told, journal, standing)

        assert [text for text in books.lost if call.request_id in text]

    def test_a_doubled_call_is_found(
        self, told: list[Call], journal: list[bytes], standing: accounts.Account
    ) -> None:
        call = granted(told)
        journal.append(journal[call.seq - 1])

        books = Books(told, journal, standing)

        assert [text for text in books.doubled if call.request_id in text]

    def test_a_wrong_balance_is_found(
        self, told: list[Call], journal: list[bytes], standing: accounts.Account
    ) -> None:
        (main,) = (bucket for bucket in standing.buckets if bucket.bucket_id == "main")
        main.balance += 1

        assert any("balance" in text for text in Books(told, journal, standing).wrong)

    def test_a_charge_that_nobody_sent_is_found(
        self, told: list[Call], journal: list[bytes], standing: accounts.Account
    ) -> None:
        call = granted(told)
        told.remove(call)

        assert any(call.request_id in text for text in Books(told, journal, standing).wrong)
