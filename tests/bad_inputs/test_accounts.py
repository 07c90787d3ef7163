"""Rows 74 to 81: payments, buckets and accounts that come twice, too late, or are not there."""

import asyncio
from typing import Any

import pytest

from ocs.store.keys import lookup_key
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import types_pb2
from tests.support.bundles import cancel, mark, purchase
from tests.support.live import TENANT, Live
from tests.support.methods import METHODS, method_of
from tests.support.rerating import correct_charge
from tests.support.stage import Clock

Clocked = tuple[Live, Clock]
MESSAGES = types_pb2.UNIT_TYPE_COUNT


def spec(bucket_id: str, **terms: Any) -> accounts.BucketSpec:
    """A bucket; times in milliseconds."""
    made = accounts.BucketSpec(bucket_id=bucket_id)
    for name, value in terms.items():
        if name.endswith("_time"):
            getattr(made, name).FromMilliseconds(value)
        else:
            setattr(made, name, value)
    return made


async def credit(live: Live, account: str, units: int, bucket: accounts.BucketSpec) -> None:
    await live.call(live.top_up(account, units=units, unit=MESSAGES, bucket=bucket))


async def test_row_74_a_payment_is_credited_once(live: Live) -> None:
    one, other = await live.open(), await live.open()
    first = live.top_up(one, micros=100)
    await live.call(first)

    for account in (one, other):
        again = live.top_up(account, micros=100, payment_reference=first.payment_reference)
        with live.unchanged():
            refusal = await live.refused(again)
        assert (refusal.code.name, refusal.reason) == ("ALREADY_EXISTS", "PAYMENT_REFERENCE_USED")

    assert await live.bucket(one, "main") == (100, 0, 0)
    assert await live.bucket(other, "main") == (0, 0, 0)


async def test_row_74_a_reused_request_id_does_not_free_the_payment(live: Live) -> None:
    one, other = await live.open(), await live.open()
    first = live.top_up(one, micros=100)
    await live.call(first)
    first.money.micros = 101
    assert (await live.refused(first)).reason == "REQUEST_ID_REUSED"

    again = live.top_up(other, micros=100, payment_reference=first.payment_reference)

    assert (await live.refused(again)).reason == "PAYMENT_REFERENCE_USED"


async def test_row_74_many_accounts_claim_one_payment_at_once(live: Live) -> None:
    names = [await live.open() for _ in range(10)]
    reference = live.new_id("p")
    requests = [live.top_up(name, micros=7, payment_reference=reference) for name in names]

    results = await asyncio.gather(*map(live.call, requests), return_exceptions=True)

    assert sum(not isinstance(result, BaseException) for result in results) == 1
    balances = [(await live.bucket(name, "main"))[0] for name in names]
    assert sorted(balances) == [0] * 9 + [7]


async def test_row_74_a_payment_whose_claim_lapsed_is_free(live: Live) -> None:
    gone, account = await live.open(), await live.open()
    request = live.top_up(account, micros=7)
    # What a service leaves behind that dies between its claim and the account.
    key = lookup_key(TENANT, "payment", request.payment_reference)
    live.store.set(key, f"pending {gone}/-/lost 1")

    await live.call(request)

    assert await live.bucket(account, "main") == (7, 0, 0)


async def test_row_74_a_payment_whose_claim_lapsed_after_the_credit_is_used(live: Live) -> None:
    paid, account = await live.open(), await live.open()
    first = live.top_up(paid, micros=7)
    await live.call(first)
    # The service died between the account and the confirmation.
    key = lookup_key(TENANT, "payment", first.payment_reference)
    live.store.set(key, f"pending {paid}/-/{first.request_id} 1")

    again = live.top_up(account, micros=7, payment_reference=first.payment_reference)

    assert (await live.refused(again)).reason == "PAYMENT_REFERENCE_USED"
    assert await live.bucket(account, "main") == (0, 0, 0)


async def test_row_75_what_is_over_is_not_credited(live: Live) -> None:
    account = await live.open(messages=5)
    over = live.clock() - 1

    request = live.top_up(account, units=5, unit=MESSAGES, bucket=spec("late", expire_time=over))
    refusal = await live.refused(request)

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "TOP_UP_EXPIRED")
    assert [bucket.bucket_id for bucket in (await live.account(account)).buckets] == [
        "messages",
        "main",
    ]
    # The payment was not used up by it.
    again = live.top_up(
        account,
        units=5,
        unit=MESSAGES,
        bucket=spec("messages"),
        payment_reference=request.payment_reference,
    )
    await live.call(again)
    assert await live.bucket(account) == (10, 0, 0)


async def test_row_75_a_bucket_that_ends_before_it_begins(live: Live) -> None:
    account = await live.open()
    now = live.clock()
    backwards = spec("b", start_time=now + 2000, expire_time=now + 2000)

    refusal = await live.refused(live.top_up(account, units=5, unit=MESSAGES, bucket=backwards))

    assert list(refusal.violations) == ["bucket.expire_time"]


async def test_row_77_the_earliest_to_expire_pays_first(live: Live) -> None:
    account = await live.open()
    now = live.clock()
    for bucket_id, hours in (("z-soon", 1), ("a-late", 3), ("c-middle", 2), ("b-middle", 2)):
        expire = now + hours * 3_600_000
        await credit(live, account, 10, spec(bucket_id, priority=5, expire_time=expire))
    await credit(live, account, 10, spec("first", priority=4))
    await credit(live, account, 10, spec("never", priority=5))

    charge = (await live.call(live.debit(account, 55))).charge

    assert [(line.bucket_id, line.units) for line in charge.lines] == [
        ("first", 10),
        ("z-soon", 10),
        ("b-middle", 10),
        ("c-middle", 10),
        ("a-late", 10),
        ("never", 5),
    ]


async def test_row_78_validity_ends_with_its_instant(clocked: Clocked) -> None:
    live, clock = clocked
    account = await live.open()
    now = clock.now_ms
    await credit(live, account, 10, spec("ending", expire_time=now + 5000))
    await credit(live, account, 10, spec("coming", start_time=now + 6000))

    granted = []
    for after_ms in (0, 4999, 5000, 5999, 6000):
        clock.now_ms = now + after_ms
        answer = await live.call(live.reserve(account, 10, all_or_nothing=True))
        granted.append(answer.grant.granted_units)
        if answer.reservation:
            await live.call(live.release(answer.reservation))

    assert granted == [10, 10, 0, 0, 10]
    buckets = {bucket.bucket_id: bucket for bucket in (await live.account(account)).buckets}
    assert "ending" not in buckets
    assert buckets["coming"].balance == 10


async def test_row_78_what_is_not_yet_valid_is_counted_apart(clocked: Clocked) -> None:
    live, clock = clocked
    account = await live.open()
    await credit(live, account, 10, spec("coming", start_time=clock.now_ms + 1))

    (coming, _) = (await live.account(account)).buckets

    assert (coming.balance, coming.available) == (10, 0)


async def test_row_80_an_account_opened_twice(live: Live) -> None:
    account = await live.open(micros=5)
    events = live.journal_length()

    same = await live.call(live.create(account))
    with live.unchanged():
        for change in (
            {"plan": "family"},
            {"time_zone": "Europe/Paris"},
            {"billing_anchor_day": 2},
            {"segment": "gold"},
            {"credit_limit_micros": 1},
        ):
            refusal = await live.refused(live.create(account, **change))
            assert (refusal.code.name, refusal.reason) == ("ALREADY_EXISTS", "ACCOUNT_EXISTS")

    assert same.receipt.replayed
    assert same.account.buckets[0].balance == 5
    assert live.journal_length() == events


@pytest.mark.parametrize(
    "change", [{"plan": "none"}, {"currency": "USD"}, {"billing_anchor_day": 32}]
)
async def test_row_80_an_account_that_cannot_be_charged(live: Live, change: dict[str, Any]) -> None:
    with live.unchanged():
        refusal = await live.refused(live.create(live.new_id("a"), **change))

    assert (refusal.code.name, list(refusal.violations)) == ("INVALID_ARGUMENT", list(change))


def calls_on(live: Live, account: str) -> list[Any]:
    """Every method on one account."""
    name = f"tenants/main/accounts/{account}/reservations/r"
    identity = types_pb2.SubscriberIdentity(msisdn=live.new_msisdn())
    return [
        live.reserve(account),
        live.reserve(account, subscriber_id="s"),
        live.commit(name, 1),
        live.commit_next(name, 1, 1),
        live.release(name),
        live.debit(account),
        live.debit(account, authorize=True, session_id="x"),
        purchase(live, account, "day-1gb"),
        cancel(live, account, "day-1gb"),
        mark(live, account, threshold=1),
        bundles.ListBundlesRequest(account_id=account),
        live.add_subscriber(account, "s", identities=[identity], group_ids=["g"]),
        live.top_up(account, micros=1),
        live.top_up(account, units=1, unit=MESSAGES),
        live.remove_subscriber(account, "s"),
        live.update_subscriber(account, "s", group_ids=["g"]),
        live.delete_cap(account),
        live.set_cap(account, limit_micros=1),
        live.set_cap(account, limit_micros=1, holder=types_pb2.CapHolder(group_id="g")),
        accounts.GetAccountRequest(account_id=account),
        accounts.ListChargingEventsRequest(account_id=account),
        caps.ListSpendingCapsRequest(account_id=account),
        caps.ListSpendingCapsRequest(
            account_id=account, holder=types_pb2.CapHolder(subscriber_id="s")
        ),
        *(live.keep(verb, account) for verb in ("Suspend", "Resume", "Close")),
        live.keep("Update", account, plan="prepaid", update_mask={"paths": ["plan"]}),
        live.withdraw(account, 1),
        live.refund(f"tenants/{TENANT}/accounts/{account}/events/1"),
        correct_charge(live, f"tenants/{TENANT}/accounts/{account}/events/1"),
        live.adjust(account, 1),
        live.reverse(account, "p"),
        charging.QuoteRequest(account_id=account, service_id="sms", units=1),
        charging.ExplainChargeRequest(event=f"tenants/{TENANT}/accounts/{account}/events/1"),
        charging.GetReservationRequest(
            reservation=f"tenants/{TENANT}/accounts/{account}/reservations/r"
        ),
        charging.ListReservationsRequest(account_id=account),
        charging.GetRequestRequest(account_id=account, asked_request_id="q"),
        live.batch(live.debit(account)),
    ]


async def test_row_81_an_account_that_is_not_there_leaves_no_key(live: Live) -> None:
    account = live.new_id("nobody")
    calls = calls_on(live, account)

    for request in calls:
        refusal = await live.refused(request)
        assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND"), request

    left = [key for key in live.store.scan_iter(count=1000) if account.encode() in key]
    assert left == []
    assert live.dump() == {}
    without = {"CreateAccount", "LookupSubscriber", "ListAccounts"}
    tariffs = {n for n, method in METHODS.items() if "Tariff" in method.containing_service.name}
    assert {method_of(request) for request in calls} == set(METHODS) - without - tariffs


async def test_row_81_a_line_that_is_not_there_leaves_no_key(live: Live) -> None:
    account = await live.open(messages=10)
    identity = types_pb2.SubscriberIdentity(msisdn=live.new_msisdn())
    holder = types_pb2.CapHolder(subscriber_id="s")
    by_identity = live.reserve(account)
    by_identity.ClearField("account_id")
    by_identity.identity.CopyFrom(identity)

    with live.unchanged():
        for request in (
            live.reserve(account, subscriber_id="s"),
            live.debit(account, subscriber_id="s"),
            by_identity,
            accounts.LookupSubscriberRequest(identity=identity),
            live.set_cap(account, limit_micros=1, holder=holder),
            live.delete_cap(account, holder=holder),
            live.remove_subscriber(account, "s"),
            caps.ListSpendingCapsRequest(account_id=account, holder=holder),
        ):
            refusal = await live.refused(request)
            assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "SUBSCRIBER_NOT_FOUND")


async def test_a_line_belongs_to_one_account(live: Live) -> None:
    one, other = await live.open(), await live.open()
    identity = types_pb2.SubscriberIdentity(msisdn=live.new_msisdn())
    await live.call(live.add_subscriber(one, "s", identities=[identity]))

    with live.unchanged():
        taken = await live.refused(live.add_subscriber(other, "s", identities=[identity]))
        exists = await live.refused(live.add_subscriber(one, "s"))

    assert (taken.code.name, taken.reason) == ("ALREADY_EXISTS", "IDENTITY_TAKEN")
    assert (exists.code.name, exists.reason) == ("ALREADY_EXISTS", "SUBSCRIBER_EXISTS")
    found = await live.call(accounts.LookupSubscriberRequest(identity=identity))
    assert (found.account_id, found.subscriber_id) == (one, "s")


async def test_a_payer_is_named_once(live: Live) -> None:
    identity = types_pb2.SubscriberIdentity(msisdn=live.new_msisdn())
    request = live.stamped(
        charging.ReserveRequest(
            identity=identity, subscriber_id="s", service_id="sms", requested_units=1
        )
    )

    refusal = await live.refused(request)

    assert list(refusal.violations) == ["subscriber_id"]
