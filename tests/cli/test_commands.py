"""Each command: the request it sends, the text or JSON it prints."""

from typing import Any, NamedTuple

import orjson
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from ocs.v1 import (
    account_service_pb2 as accounts,
)
from ocs.v1 import (
    charging_event_pb2,
    charging_service_pb2,
    types_pb2,
)
from ocs.v1 import (
    spending_cap_service_pb2 as spending_caps,
)
from tests.cli.conftest import Run
from tests.client.scripted import NAME, Script, answer, committed, granted, released, reported


class Case(NamedTuple):
    """A command line, what it is answered, and the fields of the request it must send."""

    line: str
    method: str
    message: Message
    request_fields: dict[str, Any]


RECEIPT = types_pb2.Receipt(account_seq=3)
RECEIPT.store_time.FromJsonString("2026-11-23T12:00:00.25Z")

ACCOUNT = accounts.Account(
    account_id="alice",
    currency="EUR",
    plan="basic",
    account_seq=3,
    subscriber_ids=["phone"],
    buckets=[
        accounts.Bucket(
            bucket_id="main",
            unit=types_pb2.UNIT_TYPE_MICROS,
            balance=12_500_000,
            available=2**53 - 1,
        )
    ],
    open_reservations=[accounts.OpenReservation(reservation=NAME)],
)
CAP = spending_caps.SpendingCap(
    cap_id="daily", period=types_pb2.CAP_PERIOD_DAY, limit_micros=5_000_000, remaining=5_000_000
)

CASES: list[Case] = [
    Case(
        "account create alice --currency EUR --plan basic --credit-limit 2.50 --billing-day 31",
        "CreateAccount",
        accounts.CreateAccountResponse(account=ACCOUNT, receipt=RECEIPT),
        {
            "account_id": "alice",
            "currency": "EUR",
            "plan": "basic",
            "credit_limit_micros": "2500000",
            "billing_anchor_day": 31,
        },
    ),
    Case(
        "account show alice",
        "GetAccount",
        accounts.GetAccountResponse(account=ACCOUNT),
        {"account_id": "alice"},
    ),
    Case(
        "account suspend alice --reason lost",
        "SuspendAccount",
        accounts.SuspendAccountResponse(receipt=RECEIPT),
        {"account_id": "alice", "reason": "lost"},
    ),
    Case(
        "account resume alice",
        "ResumeAccount",
        accounts.ResumeAccountResponse(receipt=RECEIPT),
        {"account_id": "alice"},
    ),
    Case(
        "account close alice --reason ended",
        "CloseAccount",
        accounts.CloseAccountResponse(receipt=RECEIPT),
        {"account_id": "alice", "reason": "ended"},
    ),
    Case(
        "account update alice --plan other --credit-limit 0 --etag 7",
        "UpdateAccount",
        accounts.UpdateAccountResponse(account=ACCOUNT, receipt=RECEIPT),
        {
            "account_id": "alice",
            "plan": "other",
            "credit_limit_micros": "0",
            "update_mask": "plan,creditLimitMicros",
            "etag": "7",
        },
    ),
    Case(
        (
            "subscriber add alice phone --identity msisdn:4915112345678"
            " --identity iccid:8949020000000000000 --group family"
        ),
        "AddSubscriber",
        accounts.AddSubscriberResponse(subscriber_id="phone", receipt=RECEIPT),
        {
            "account_id": "alice",
            "subscriber_id": "phone",
            "identities": [{"msisdn": "4915112345678"}, {"iccid": "8949020000000000000"}],
            "group_ids": ["family"],
        },
    ),
    Case(
        "subscriber lookup imsi:262011234567890",
        "LookupSubscriber",
        accounts.LookupSubscriberResponse(account_id="alice", subscriber_id="phone"),
        {"identity": {"imsi": "262011234567890"}},
    ),
    Case(
        "top-up alice --money 12.50 --currency EUR --reference PAY-1",
        "TopUp",
        accounts.TopUpResponse(bucket_id="main", balance=12_500_000, receipt=RECEIPT),
        {
            "account_id": "alice",
            "payment_reference": "PAY-1",
            "money": {"micros": "12500000", "currency": "EUR"},
        },
    ),
    Case(
        (
            "top-up alice --units 1000 --unit octets --reference PAY-2 --bucket pack --priority 0"
            " --service data --zone eu --zone us --blocking --expire-time 2026-12-01T00:00:00Z"
        ),
        "TopUp",
        accounts.TopUpResponse(bucket_id="pack", balance=1000, receipt=RECEIPT),
        {
            "account_id": "alice",
            "payment_reference": "PAY-2",
            "units": {"units": "1000", "unit": "UNIT_TYPE_OCTETS"},
            "bucket": {
                "bucket_id": "pack",
                "priority": 0,
                "service_ids": ["data"],
                "zones": ["eu", "us"],
                "blocking": True,
                "expire_time": "2026-12-01T00:00:00Z",
            },
        },
    ),
    Case(
        "cap set alice daily --period day --money 5.00",
        "SetSpendingCap",
        spending_caps.SetSpendingCapResponse(cap=CAP, receipt=RECEIPT),
        {
            "account_id": "alice",
            "cap": {"cap_id": "daily", "period": "CAP_PERIOD_DAY", "limit_micros": "5000000"},
        },
    ),
    Case(
        "cap set alice sms --period MONTH --units 0 --unit count --group family --service sms",
        "SetSpendingCap",
        spending_caps.SetSpendingCapResponse(cap=CAP, receipt=RECEIPT),
        {
            "account_id": "alice",
            "cap": {
                "cap_id": "sms",
                "holder": {"group_id": "family"},
                "period": "CAP_PERIOD_MONTH",
                "limit_units": {"unit": "UNIT_TYPE_COUNT", "units": "0"},
                "service_id": "sms",
            },
        },
    ),
    Case(
        "cap list alice --subscriber phone",
        "ListSpendingCaps",
        spending_caps.ListSpendingCapsResponse(caps=[CAP]),
        {"account_id": "alice", "holder": {"subscriber_id": "phone"}},
    ),
    Case(
        (
            "reserve msisdn:4915112345678 data 5000000 --all-or-nothing --session s"
            " --sequence-number 0 --validity 10m --unit octets --event-time 2026-11-23T12:00:00Z"
        ),
        "Reserve",
        granted(5_000_000),
        {
            "identity": {"msisdn": "4915112345678"},
            "service_id": "data",
            "requested_units": "5000000",
            "all_or_nothing": True,
            "session_id": "s",
            "sequence_number": "0",
            "validity_duration": "600s",
            "unit": "UNIT_TYPE_OCTETS",
            "event_time": "2026-11-23T12:00:00Z",
        },
    ),
    Case(
        "commit alice/r1 60",
        "Commit",
        committed(),
        {"reservation": NAME, "used": [{"units": "60"}], "close": {}},
    ),
    Case(
        f"commit {NAME} 0 --next 100 --reject-overrun",
        "Commit",
        reported(100),
        {
            "reservation": NAME,
            "used": [{"units": "0"}],
            "next_grant": {"requested_units": "100"},
            "overrun_policy": "OVERRUN_POLICY_REJECT",
        },
    ),
    Case(
        "commit alice/r1 60 --keep",
        "Commit",
        committed(),
        {"reservation": NAME, "used": [{"units": "60"}], "keep": {}},
    ),
    Case("release alice/r1", "Release", released(), {"reservation": NAME}),
    Case(
        "debit alice sms 1 --basis used --subscriber phone --other-party 4915112345678",
        "Debit",
        charging_service_pb2.DebitResponse(
            outcome=types_pb2.OUTCOME_CHARGED,
            charge=types_pb2.Charge(charged_units=1, charged_micros=90_000, late=True),
            receipt=RECEIPT,
        ),
        {
            "account_id": "alice",
            "service_id": "sms",
            "used_units": "1",
            "basis": "DEBIT_BASIS_USED",
            "subscriber_id": "phone",
            "other_party": "4915112345678",
        },
    ),
    Case("health", "Check", health_pb2.HealthCheckResponse(status=1), {}),
]


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
