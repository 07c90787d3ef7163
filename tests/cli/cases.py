"""Command lines, what they are answered, and the request that each must send.

size: one table, a row or two for each command.
"""

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
from ocs.v1 import (
    tariff_service_pb2 as tariffs,
)
from tests.cli.bundle_cases import BUNDLE_CASES
from tests.cli.case import RECEIPT, Case
from tests.cli.correction_cases import CORRECTION_CASES
from tests.client.scripted import NAME, committed, granted, released, reported

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

TARIFF = tariffs.TariffVersion(version="v7", actor="op", text_sha256="ab", text_bytes=11)
TARIFF.activate_time.FromJsonString("2027-01-01T00:00:00Z")

RESERVATION = charging_service_pb2.Reservation(
    reservation=NAME,
    state=charging_service_pb2.RESERVATION_STATE_OPEN,
    service_id="data",
    granted_units=5,
    held=[accounts.HeldQuantity(bucket_id="main", quantity=7)],
    held_in_caps=[charging_service_pb2.HeldInCap(cap_id="daily", quantity=7)],
)

CASES: list[Case] = [
    *BUNDLE_CASES,
    *CORRECTION_CASES,
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
        "account list --limit 7 --page-token 3/bob",
        "ListAccounts",
        accounts.ListAccountsResponse(
            accounts=[accounts.AccountSummary(account_id="alice", currency="EUR")]
        ),
        {"page_size": 7, "page_token": "3/bob"},
    ),
    Case(
        "quote alice data 1000 --subscriber phone",
        "Quote",
        charging_service_pb2.QuoteResponse(
            outcome=types_pb2.OUTCOME_CHARGED,
            rated_units=1000,
            price_micros=10,
            steps=[charging_service_pb2.RateStep(increment_units=1, micros=1, per_units=100)],
        ),
        {
            "account_id": "alice",
            "subscriber_id": "phone",
            "service_id": "data",
            "units": "1000",
        },
    ),
    Case(
        "explain alice/17",
        "ExplainCharge",
        charging_service_pb2.ExplainChargeResponse(
            event="tenants/main/accounts/alice/events/17",
            kind=charging_event_pb2.EVENT_KIND_DEBIT,
            outcome=types_pb2.OUTCOME_CHARGED,
            unit=types_pb2.UNIT_TYPE_SECONDS,
            used_units=61,
            rated_units=120,
            charged_micros=180_000,
            currency="EUR",
            tariff_version="v1",
            explanation=[
                charging_service_pb2.ExplanationLine(
                    cause=charging_service_pb2.EXPLANATION_CAUSE_STEP,
                    text="120 seconds at 0.09 EUR for each 60 seconds: 0.18 EUR (voice/home)",
                    to_units=120,
                    micros=180_000,
                    rest_denominator=1,
                    price_id="voice/home",
                    tariff_version="v1",
                    step_number=1,
                    step=charging_service_pb2.RateStep(
                        increment_units=60, micros=1500, per_units=1
                    ),
                )
            ],
        ),
        {"event": "tenants/main/accounts/alice/events/17"},
    ),
    Case(
        "reservation show alice/r1",
        "GetReservation",
        charging_service_pb2.GetReservationResponse(reservation=RESERVATION),
        {"reservation": NAME},
    ),
    Case(
        "reservation list alice",
        "ListReservations",
        charging_service_pb2.ListReservationsResponse(reservations=[RESERVATION]),
        {"account_id": "alice", "page_size": 50},
    ),
    Case(
        "request alice q1",
        "GetRequest",
        charging_service_pb2.GetRequestResponse(
            outcome=types_pb2.OUTCOME_CHARGED,
            charge=types_pb2.Charge(charged_units=3),
            receipt=RECEIPT,
        ),
        {"account_id": "alice", "asked_request_id": "q1"},
    ),
    Case(
        "events alice --oldest-first --start-seq 7",
        "ListChargingEvents",
        accounts.ListChargingEventsResponse(),
        {"account_id": "alice", "page_size": 50, "oldest_first": True, "start_seq": "7"},
    ),
    Case(
        "refund alice/17 --share main=500000 --share b1=7 --reason dropped",
        "Refund",
        charging_service_pb2.RefundResponse(
            lines=[types_pb2.RefundLine(bucket_id="b1", quantity=7)], receipt=RECEIPT
        ),
        {
            "event": "tenants/main/accounts/alice/events/17",
            "shares": [
                {"bucket_id": "main", "quantity": "500000"},
                {"bucket_id": "b1", "quantity": "7"},
            ],
            "reason": "dropped",
        },
    ),
    Case(
        "withdraw alice main --money 5.00",
        "WithdrawBalance",
        accounts.WithdrawBalanceResponse(bucket_id="main", receipt=RECEIPT),
        {
            "account_id": "alice",
            "bucket_id": "main",
            "quantity": "5000000",
            "unit": "UNIT_TYPE_MICROS",
        },
    ),
    Case(
        "adjust alice b1 --take-off --units 7 --unit count --reason typo --decided-by clerk7",
        "AdjustBucket",
        accounts.AdjustBucketResponse(bucket_id="b1", receipt=RECEIPT),
        {
            "account_id": "alice",
            "bucket_id": "b1",
            "quantity": "-7",
            "unit": "UNIT_TYPE_COUNT",
            "reason": "typo",
            "decided_by": "clerk7",
        },
    ),
    Case(
        "threshold alice b1 --units 7 --unit count",
        "SetBucketThreshold",
        accounts.SetBucketThresholdResponse(bucket_id="b1", receipt=RECEIPT),
        {
            "account_id": "alice",
            "bucket_id": "b1",
            "threshold": "7",
            "unit": "UNIT_TYPE_COUNT",
        },
    ),
    Case(
        "reverse-top-up alice PAY-1 --allow-partial",
        "ReverseTopUp",
        accounts.ReverseTopUpResponse(bucket_id="main", reversed_quantity=5, receipt=RECEIPT),
        {"account_id": "alice", "payment_reference": "PAY-1", "allow_partial": True},
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
        "subscriber remove alice phone",
        "RemoveSubscriber",
        accounts.RemoveSubscriberResponse(receipt=RECEIPT),
        {"account_id": "alice", "subscriber_id": "phone"},
    ),
    Case(
        "subscriber update alice phone --group family --group work --etag 7",
        "UpdateSubscriber",
        accounts.UpdateSubscriberResponse(receipt=RECEIPT),
        {
            "account_id": "alice",
            "subscriber_id": "phone",
            "update_mask": "groupIds",
            "group_ids": ["family", "work"],
            "etag": "7",
        },
    ),
    Case(
        "subscriber update alice phone --no-groups",
        "UpdateSubscriber",
        accounts.UpdateSubscriberResponse(receipt=RECEIPT),
        {"account_id": "alice", "subscriber_id": "phone", "update_mask": "groupIds"},
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
        "cap set alice burst --period rolling --window 24h --slots 12 --money 5.00",
        "SetSpendingCap",
        spending_caps.SetSpendingCapResponse(cap=CAP, receipt=RECEIPT),
        {
            "account_id": "alice",
            "cap": {
                "cap_id": "burst",
                "period": "CAP_PERIOD_ROLLING",
                "limit_micros": "5000000",
                "window": "86400s",
                "window_slots": 12,
            },
        },
    ),
    Case(
        "cap delete alice sms --group family",
        "DeleteSpendingCap",
        spending_caps.DeleteSpendingCapResponse(receipt=RECEIPT),
        {"account_id": "alice", "cap_id": "sms", "holder": {"group_id": "family"}},
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
        "reserve alice data",
        "Reserve",
        granted(5_000_000),
        {"account_id": "alice", "service_id": "data"},
    ),
    Case(
        "commit alice/r1 60 --next default",
        "Commit",
        reported(100),
        {"reservation": NAME, "used": [{"units": "60"}], "next_grant": {}},
    ),
    Case(
        "commit alice/r1 60 --keep",
        "Commit",
        committed(),
        {"reservation": NAME, "used": [{"units": "60"}], "keep": {}},
    ),
    Case(
        "tariff list --limit 2",
        "ListTariffs",
        tariffs.ListTariffsResponse(tariffs=[TARIFF, TARIFF]),
        {"page_size": 2},
    ),
    Case(
        "tariff show v7",
        "GetTariff",
        tariffs.GetTariffResponse(tariff=TARIFF, text=b"version: v7"),
        {"version": "v7"},
    ),
    Case(
        "tariff diff v6 v7",
        "DiffTariffs",
        tariffs.DiffTariffsResponse(
            differences=[tariffs.TariffDifference(plan="p", used_units=1, micros_after=5)],
            difference_count=1,
        ),
        {"from_version": "v6", "to_version": "v7"},
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
