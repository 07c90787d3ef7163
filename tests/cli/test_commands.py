"""Each command: the request it sends, the text or JSON it prints."""

import orjson
import pytest
from google.protobuf.json_format import MessageToDict

from ocs.v1 import (
    account_service_pb2 as accounts,
)
from ocs.v1 import (
    charging_event_pb2,
)
from tests.cli.case import Case
from tests.cli.cases import ACCOUNT, CASES
from tests.cli.conftest import Run
from tests.client.scripted import NAME, Script, answer, released


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_a_command_sends_what_was_typed_and_prints_one_json_object(
    run: Run, script: Script, case: Case
) -> None:
    script.on(case.method, answer(case.message))

    result = run(*case.line.split(), "--json")

    assert result.exit_code == 0, result.stderr
    (call,) = script.calls
    sent = MessageToDict(call.request, preserving_proto_field_name=True)
    identified = sent.pop("request_id", None), sent.pop("request_time", None)
    assert sent == case.request_fields
    assert all(identified) or not any(identified)
    assert isinstance(orjson.loads(result.stdout), dict)
    assert result.stdout.count("\n") == 1
    assert not result.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_a_command_prints_text(run: Run, script: Script, case: Case) -> None:
    script.on(case.method, answer(case.message))

    result = run(*case.line.split())

    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip()
    assert "\x1b" not in result.stdout  # no terminal, no colours


def test_json_has_numbers_as_numbers_times_as_rfc_3339_and_words_in_capitals(
    run: Run, script: Script
) -> None:
    script.on("GetAccount", answer(accounts.GetAccountResponse(account=ACCOUNT)))
    script.on("Debit", answer(CASES[-2].message))

    account = orjson.loads(run("account", "show", "alice", "--json").stdout)["account"]
    debit = orjson.loads(run("debit", "alice", "sms", "1", "--basis", "used", "--json").stdout)

    assert account["buckets"][0]["available"] == 2**53 - 1
    assert account["buckets"][0]["unit"] == "MICROS"
    assert account["buckets"][0]["expire_time"] is None
    assert debit["outcome"] == "CHARGED"
    assert debit["charge"]["late"] is True
    assert debit["receipt"] == {
        "account_seq": 3,
        "store_time": "2026-11-23T12:00:00.250000Z",
        "replayed": False,
    }


def test_text_shows_money_in_its_currency_and_whole_names(run: Run, script: Script) -> None:
    script.on("GetAccount", answer(accounts.GetAccountResponse(account=ACCOUNT)))

    shown = run("account", "show", "alice").stdout

    assert "12.50" in shown
    assert "9007199254.740991" in shown
    assert NAME in shown


def test_a_top_up_shows_what_was_credited(run: Run, script: Script) -> None:
    script.on("TopUp", answer(accounts.TopUpResponse(bucket_id="b", balance=2_500_000)))
    line = ("top-up", "alice", "--reference", "P")

    money = run(*line, "--money", "2.5", "--currency", "EUR").stdout
    units = run(*line, "--units", "5", "--unit", "octets").stdout

    assert "2.50\n" in money
    assert "2500000 octets\n" in units


def test_a_name_is_built_for_the_tenant(run: Run, script: Script) -> None:
    script.on("Release", answer(released()))

    run("release", "alice/r1", "--tenant", "acme")

    assert script.calls[0].request.reservation == "tenants/acme/accounts/alice/reservations/r1"


def test_an_earlier_attempt_is_repeated_under_its_identity(run: Run, script: Script) -> None:
    script.on("Release", answer(released()))

    run(
        "release", "alice/r1", "--timeout", "30",
        "--request-id", "mine", "--request-time", "2026-11-23T12:00:00.123456Z",
    )  # fmt: skip

    (call,) = script.calls
    assert call.request.request_id == "mine"
    assert call.request.request_time.ToJsonString() == "2026-11-23T12:00:00.123456Z"
    assert call.remaining_s == pytest.approx(30, rel=0.25)


def pages(*sizes: int) -> list[accounts.ListChargingEventsResponse]:
    made, seq = [], sum(sizes)
    for number, size in enumerate(sizes):
        page = accounts.ListChargingEventsResponse(
            next_page_token=f"{number}-0" if number < len(sizes) - 1 else ""
        )
        for _ in range(size):
            page.events.append(
                charging_event_pb2.ChargingEvent(
                    account_seq=seq, kind=charging_event_pb2.EVENT_KIND_RESERVE
                )
            )
            seq -= 1
        made.append(page)
    return made


def test_events_are_listed_up_to_the_limit(run: Run, script: Script) -> None:
    first, second, third = (answer(page) for page in pages(500, 100, 1))
    script.on("ListChargingEvents", first, second, third)

    listed = orjson.loads(run("events", "alice", "--limit", "600", "--json").stdout)

    assert [event["account_seq"] for event in listed["events"]] == list(range(601, 1, -1))
    continued = listed["next_page_token"]
    assert continued == "1-0"
    requests = script.requests("ListChargingEvents")
    assert [(one.page_size, one.page_token) for one in requests] == [(500, ""), (100, "0-0")]


def test_events_end_where_the_journal_ends(run: Run, script: Script) -> None:
    script.on("ListChargingEvents", *(answer(page) for page in pages(2)))

    shown = run("events", "alice")

    assert shown.exit_code == 0
    assert "reserve" in shown.stdout
    assert "--page-token" not in shown.stdout
    assert script.calls[0].request.page_size == 50
