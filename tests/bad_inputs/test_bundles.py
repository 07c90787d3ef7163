"""What is not for sale, and what is wrong about a purchase; nothing of it changes anything."""

from typing import Any

import pytest

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import types_pb2
from tests.support.bundles import cancel, mark, purchase
from tests.support.live import Live

MONEY = 100_000_000


async def test_a_bundle_that_is_not_in_the_book_is_not_found(live: Live) -> None:
    account = await live.open(micros=MONEY)

    refusal = await live.refused(purchase(live, account, "data-11gb"))

    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "BUNDLE_NOT_FOUND")
    assert await live.bucket(account, "main") == (MONEY, 0, 0)


async def test_a_bundle_of_another_plan_is_refused_by_outcome(live: Live) -> None:
    account = await live.open(micros=MONEY)

    answer = await live.call(purchase(live, account, "family-month"))
    listed = await live.call(bundles.ListBundlesRequest(account_id=account))

    assert answer.outcome == types_pb2.OUTCOME_SERVICE_DENIED
    assert not answer.buckets
    assert {bundle.bundle_id for bundle in listed.bundles} == {"data-10gb", "day-1gb"}


async def test_renewals_are_offered_once_and_cancelled_once(live: Live) -> None:
    account = await live.open(micros=MONEY)
    bought = await live.call(purchase(live, account, "data-10gb", renew=True))

    refusals = [
        await live.refused(purchase(live, account, "day-1gb", renew=True)),
        await live.refused(purchase(live, account, "data-10gb", renew=True)),
    ]
    await live.call(cancel(live, account, "data-10gb"))
    refusals.append(await live.refused(cancel(live, account, "data-10gb")))

    assert [(refusal.code.name, refusal.reason) for refusal in refusals] == [
        ("FAILED_PRECONDITION", "RENEWAL_NOT_OFFERED"),
        ("FAILED_PRECONDITION", "RENEWAL_EXISTS"),
        ("NOT_FOUND", "RENEWAL_NOT_FOUND"),
    ]
    assert bought.charged_micros == 9_990_000
    assert bought.renew_time.seconds < bought.expire_time.seconds


async def test_no_money_is_an_outcome_and_is_answered_alike_again(live: Live) -> None:
    account = await live.open(micros=1_000)
    request = purchase(live, account, "day-1gb")

    first, again = await live.call(request), await live.call(request)

    assert first.outcome == again.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    assert again.receipt.replayed
    assert first.receipt.account_seq == again.receipt.account_seq


async def test_a_request_id_buys_one_thing(live: Live) -> None:
    account = await live.open(micros=MONEY)
    request = bundles.PurchaseBundleRequest(account_id=account, bundle_id="day-1gb")
    live.stamped(request)
    await live.call(request)
    request.bundle_id = "data-10gb"

    refusal = await live.refused(request)

    assert (refusal.code.name, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


@pytest.mark.parametrize("bundle_id", ["", "a b", "x" * 97, "a/b", "é"])
async def test_a_bundle_id_keeps_to_its_rule(live: Live, bundle_id: str) -> None:
    account = await live.open(micros=MONEY)

    refusal = await live.refused(purchase(live, account, bundle_id))

    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert list(refusal.violations) == ["bundle_id"]


@pytest.mark.parametrize(
    ("fields", "violated"),
    [
        ({"threshold": -1}, "threshold"),
        ({"threshold": 2**53}, "threshold"),
        ({"threshold": 1, "unit": 0}, "unit"),
        ({"threshold": 1, "unit": 99}, "unit"),
        ({"threshold": 1, "bucket_id": ""}, "bucket_id"),
    ],
)
async def test_a_threshold_keeps_to_its_rule(
    live: Live, fields: dict[str, Any], violated: str
) -> None:
    account = await live.open(micros=MONEY)

    refusal = await live.refused(mark(live, account, **fields))

    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert list(refusal.violations) == [violated]


async def test_the_event_that_brings_a_balance_low_says_so_once(live: Live) -> None:
    account = await live.open(micros=1_000_000)
    await live.call(mark(live, account, threshold=930_000))
    before = await live.call(accounts.GetAccountRequest(account_id=account))

    await live.call(live.debit(account))
    await live.call(live.debit(account))
    after = await live.call(accounts.GetAccountRequest(account_id=account))
    page = await live.call(accounts.ListChargingEventsRequest(account_id=account, page_size=2))
    wrong = await live.refused(mark(live, account, threshold=1, unit=types_pb2.UNIT_TYPE_COUNT))

    second, first = page.events
    assert [(one.bucket_id, one.threshold) for one in first.low_balances] == [("main", 930_000)]
    assert not second.low_balances
    (was,), (now,) = before.account.buckets, after.account.buckets
    assert (was.threshold, was.low, now.threshold, now.low) == (930_000, False, 930_000, True)
    assert (wrong.code.name, wrong.reason) == ("FAILED_PRECONDITION", "BUCKET_MISMATCH")
