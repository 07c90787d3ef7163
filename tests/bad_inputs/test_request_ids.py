"""Rows 26 to 36: what a request_id is worth, lost, repeated, changed, shared or old.

size: every mutation has its entry in each of three tables.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import grpc
import pytest

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import types_pb2
from tests.support.bundles import cancel, mark, purchase
from tests.support.live import TENANT, Live
from tests.support.methods import MUTATIONS
from tests.support.rerating import correct_charge
from tests.support.stage import Clock
from tests.support.wire import one_way_proxy

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
WINDOWS_MS: Final = {
    "Reserve": 15 * MINUTE_MS,
    "Debit": 48 * HOUR_MS,
    "Debit authorize": 15 * MINUTE_MS,
    "Commit": HOUR_MS,
    "Release": HOUR_MS,
    "TopUp": 48 * HOUR_MS,
    "CreateAccount": 48 * HOUR_MS,
    "AddSubscriber": 48 * HOUR_MS,
    "RemoveSubscriber": 48 * HOUR_MS,
    "UpdateSubscriber": 48 * HOUR_MS,
    "SetSpendingCap": 48 * HOUR_MS,
    "DeleteSpendingCap": 48 * HOUR_MS,
    "SuspendAccount": 48 * HOUR_MS,
    "ResumeAccount": 48 * HOUR_MS,
    "CloseAccount": 48 * HOUR_MS,
    "UpdateAccount": 48 * HOUR_MS,
    "WithdrawBalance": 48 * HOUR_MS,
    "PurchaseBundle": 48 * HOUR_MS,
    "CancelBundleRenewal": 48 * HOUR_MS,
    "SetBucketThreshold": 48 * HOUR_MS,
    "Refund": 48 * HOUR_MS,
    "CorrectCharge": 48 * HOUR_MS,
    "AdjustBucket": 48 * HOUR_MS,
    "ReverseTopUp": 48 * HOUR_MS,
}

Make = Callable[[Live, str], Awaitable[Any]]


async def _commit(live: Live, account: str) -> Any:
    return live.commit(await live.hold(account, 5), 2)


async def _release(live: Live, account: str) -> Any:
    return live.release(await live.hold(account, 5))


async def _reversing(live: Live, account: str) -> Any:
    credit = live.top_up(account, micros=5)
    await live.call(credit)
    return live.reverse(account, credit.payment_reference)


async def _refunding(live: Live, account: str) -> Any:
    used = await live.call(live.debit(account, 5))
    return live.refund(used.charge.event)


async def _correcting(live: Live, account: str) -> Any:
    used = await live.call(live.debit(account, 5))
    return correct_charge(live, used.charge.event)


async def _cancelling(live: Live, account: str) -> Any:
    await live.call(live.top_up(account, micros=20_000_000))
    with suppress(grpc.aio.AioRpcError):  # one that was never cancelled renews already
        await live.call(purchase(live, account, "data-10gb", renew=True))
    return cancel(live, account, "data-10gb")


async def _buying(live: Live, account: str) -> Any:
    await live.call(live.top_up(account, micros=20_000_000))
    return purchase(live, account, "day-1gb")


async def _closing(live: Live, _: str) -> Any:
    account = live.new_id("a")
    await live.call(live.create(account))
    return live.keep("Close", account)


async def _removing(live: Live, account: str) -> Any:
    line = live.new_id("s")
    for subscriber_id in (line, f"{line}x"):
        await live.call(live.add_subscriber(account, subscriber_id))
    return live.remove_subscriber(account, line)


async def _moving(live: Live, account: str) -> Any:
    line = live.new_id("s")
    await live.call(live.add_subscriber(account, line))
    return live.update_subscriber(account, line)


async def _deleting(live: Live, account: str) -> Any:
    await live.call(live.set_cap(account, limit_micros=5))
    await live.call(live.set_cap(account, cap_id="capx", limit_micros=5))
    return live.delete_cap(account)


def _at_once(make: Callable[[Live, str], Any]) -> Make:
    async def made(live: Live, account: str) -> Any:
        return make(live, account)

    return made


# A valid request of each mutation.
MAKE: Final[dict[str, Make]] = {
    "Reserve": _at_once(lambda live, account: live.reserve(account, 5)),
    "Commit": _commit,
    "Release": _release,
    "Debit": _at_once(lambda live, account: live.debit(account, 5)),
    "Debit authorize": _at_once(lambda live, account: live.debit(account, 5, authorize=True)),
    "CreateAccount": _at_once(lambda live, _: live.create(live.new_id("a"))),
    "AddSubscriber": _at_once(
        lambda live, account: live.add_subscriber(
            account, "s", identities=[types_pb2.SubscriberIdentity(msisdn=live.new_msisdn())]
        )
    ),
    "TopUp": _at_once(lambda live, account: live.top_up(account, micros=5)),
    "SetSpendingCap": _at_once(lambda live, account: live.set_cap(account, limit_micros=5)),
    "RemoveSubscriber": _removing,
    "UpdateSubscriber": _moving,
    "DeleteSpendingCap": _deleting,
    "PurchaseBundle": _buying,
    "CancelBundleRenewal": _cancelling,
    "SetBucketThreshold": _at_once(lambda live, account: mark(live, account, threshold=5)),
    "SuspendAccount": _at_once(lambda live, account: live.keep("Suspend", account)),
    "ResumeAccount": _at_once(lambda live, account: live.keep("Resume", account)),
    "CloseAccount": _closing,
    "WithdrawBalance": _at_once(
        lambda live, account: live.withdraw(account, 5, bucket_id="messages", unit=4)
    ),
    "AdjustBucket": _at_once(lambda live, account: live.adjust(account, 5)),
    "ReverseTopUp": _reversing,
    "Refund": _refunding,
    "CorrectCharge": _correcting,
    "UpdateAccount": _at_once(
        lambda live, account: live.keep(
            "Update",
            account,
            credit_limit_micros=5,
            update_mask={"paths": ["credit_limit_micros"]},
        )
    ),
}


def _more_used(request: Any) -> None:
    request.used[0].units += 1


def _other_reservation(request: Any) -> None:
    request.reservation += "x"


def _other_line(request: Any) -> None:
    request.subscriber_id += "x"


def _other_cap(request: Any) -> None:
    request.cap_id += "x"


def _other_group(request: Any) -> None:
    request.group_ids.append("g")


def _other_bundle(request: Any) -> None:
    request.bundle_id += "x"


def _other_reason(request: Any) -> None:
    request.reason += "x"


def _other_limit(request: Any) -> None:
    request.credit_limit_micros = 1


def _adding(*path: str) -> Callable[[Any], None]:
    def change(request: Any) -> None:
        for part in path[:-1]:
            request = getattr(request, part)
        setattr(request, path[-1], getattr(request, path[-1]) + 1)

    return change


CHANGE: Final[dict[str, Callable[[Any], None]]] = {
    "Reserve": _adding("requested_units"),
    "Commit": _more_used,
    "Release": _other_reservation,
    "Debit": _adding("used_units"),
    "Debit authorize": _adding("used_units"),
    "CreateAccount": _other_limit,
    "AddSubscriber": _other_group,
    "TopUp": _adding("money", "micros"),
    "SetSpendingCap": _adding("cap", "limit_micros"),
    "RemoveSubscriber": _other_line,
    "UpdateSubscriber": _other_group,
    "DeleteSpendingCap": _other_cap,
    "PurchaseBundle": _other_bundle,
    "CancelBundleRenewal": _other_bundle,
    "SetBucketThreshold": _adding("threshold"),
    "SuspendAccount": _other_reason,
    "ResumeAccount": _other_reason,
    "CloseAccount": _other_reason,
    "WithdrawBalance": _adding("quantity"),
    "AdjustBucket": _adding("quantity"),
    "ReverseTopUp": _other_reason,
    "Refund": _other_reason,
    "CorrectCharge": _adding("micros"),
    "UpdateAccount": _adding("credit_limit_micros"),
}


def body(answer: Any) -> Any:
    """The answer without the mark of a replay."""
    copy = type(answer)()
    copy.CopyFrom(answer)
    copy.receipt.ClearField("replayed")
    return copy


def test_every_mutation_is_here() -> None:
    assert {name.removesuffix(" authorize") for name in MAKE} == set(MUTATIONS)
    assert MAKE.keys() == CHANGE.keys() == WINDOWS_MS.keys()


@pytest.mark.parametrize("name", MAKE)
async def test_row_26_no_mutation_without_an_id(live: Live, name: str) -> None:
    request = await MAKE[name](live, await live.open(messages=100))
    for field in ("request_id", "request_time"):
        without = type(request)()
        without.CopyFrom(request)
        without.ClearField(field)

        with live.unchanged():
            refusal = await live.refused(without)

        assert (refusal.code.name, list(refusal.violations)) == ("INVALID_ARGUMENT", [field])


@pytest.mark.parametrize("name", MAKE)
async def test_row_27_the_same_again_is_answered_alike(live: Live, name: str) -> None:
    request = await MAKE[name](live, await live.open(messages=100))
    first = await live.call(request)
    events = live.journal_length()

    again = await live.call(request)

    assert (first.receipt.replayed, again.receipt.replayed) == (False, True)
    assert body(first) == body(again)
    assert live.journal_length() == events


@pytest.mark.parametrize("name", MAKE)
async def test_row_28_the_same_id_with_another_figure(live: Live, name: str) -> None:
    request = await MAKE[name](live, await live.open(messages=100))
    await live.call(request)
    CHANGE[name](request)

    with live.unchanged():
        refusal = await live.refused(request)

    assert (refusal.code.name, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


@pytest.mark.parametrize("first", MAKE)
async def test_row_29_the_same_id_under_another_method(live: Live, first: str) -> None:
    account = await live.open(messages=100)
    used = await MAKE[first](live, account)
    if first in ("CreateAccount", "CloseAccount"):
        account = used.account_id
        others = [live.debit(account), live.top_up(account, micros=1)]
    else:
        others = [await make(live, account) for name, make in MAKE.items() if name != first]
    await live.call(used)

    with live.unchanged():
        for other in others:
            if isinstance(other, accounts.CreateAccountRequest | accounts.CloseAccountRequest):
                other.account_id = account
            other.request_id = used.request_id
            other.request_time.CopyFrom(used.request_time)
            refusal = await live.refused(other)
            assert (refusal.code.name, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_row_30_another_account_is_another_scope(live: Live) -> None:
    one, other = await live.open(messages=10), await live.open(messages=10)
    request = live.debit(one, 4)
    await live.call(request)
    request.account_id = other

    answer = await live.call(request)

    assert not answer.receipt.replayed
    assert await live.bucket(one) == await live.bucket(other) == (6, 0, 4)


@pytest.mark.parametrize("name", MAKE)
async def test_row_31_a_hundred_at_once_are_one(live: Live, name: str) -> None:
    account = await live.open(messages=1000)
    request = await MAKE[name](live, account)
    events = live.journal_length()

    answers = await asyncio.gather(*(live.call(request) for _ in range(100)))

    assert sum(not answer.receipt.replayed for answer in answers) == 1
    assert {body(answer).SerializeToString() for answer in answers} == {
        body(answers[0]).SerializeToString()
    }
    assert live.journal_length() == events + 1


@pytest.mark.parametrize("name", MAKE)
async def test_row_33_older_than_its_window(live: Live, name: str) -> None:
    account = await live.open(messages=100)
    too_old = await MAKE[name](live, account)
    too_old.request_time.FromMilliseconds(live.clock() - WINDOWS_MS[name])
    still_good = await MAKE[name](live, account)
    still_good.request_time.FromMilliseconds(live.clock() - WINDOWS_MS[name] + MINUTE_MS)

    with live.unchanged():
        refusal = await live.refused(too_old)
    await live.call(still_good)

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "REQUEST_TOO_OLD")


async def test_row_33_after_its_window_a_record_does_not_answer(
    clocked: tuple[Live, Clock],
) -> None:
    live, clock = clocked
    request = live.debit(await live.open(messages=10), 4)
    await live.call(request)
    clock.now_ms += 48 * HOUR_MS - 1
    assert (await live.call(request)).receipt.replayed
    clock.now_ms += 1

    refusal = await live.refused(request)

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "REQUEST_TOO_OLD")
    assert await live.bucket(request.account_id) == (6, 0, 4)


@pytest.mark.parametrize("name", ["Commit", "Release"])
@pytest.mark.parametrize("ahead_ms", [0, 30_000])
async def test_row_33_a_record_outlives_the_reservation_it_ended(
    clocked: tuple[Live, Clock], name: str, ahead_ms: int
) -> None:
    # So RESERVATION_NOT_FOUND decides: the request was never applied. The SDK relies on it.
    live, clock = clocked
    request = await MAKE[name](live, await live.open(messages=10))
    request.request_time.FromMilliseconds(live.clock() + ahead_ms)
    await live.call(request)
    clock.now_ms += HOUR_MS + ahead_ms - 1
    assert (await live.call(request)).receipt.replayed
    clock.now_ms += 1

    unknown = await live.refused(live.release(request.reservation))
    refusal = await live.refused(request)

    assert unknown.reason == "RESERVATION_NOT_FOUND"
    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "REQUEST_TOO_OLD")


async def test_row_34_a_refusal_stands_under_its_id(live: Live) -> None:
    account = await live.open()
    requests = [live.reserve(account), live.debit(account, authorize=True)]
    first = [await live.call(request) for request in requests]
    await live.call(live.top_up(account, micros=1_000_000))

    again = [await live.call(request) for request in requests]
    anew = await live.call(live.reserve(account))

    assert first[0].grant.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    assert first[1].outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    assert list(map(body, again)) == list(map(body, first))
    assert all(answer.receipt.replayed for answer in again)
    assert anew.grant.outcome == types_pb2.OUTCOME_GRANTED


@pytest.mark.parametrize("name", MAKE)
async def test_row_35_what_was_malformed_may_be_corrected(live: Live, name: str) -> None:
    good = await MAKE[name](live, await live.open(messages=100))
    bad = type(good)()
    bad.CopyFrom(good)
    bad.request_time.nanos = -1

    await live.refused(bad)
    answer = await live.call(good)

    assert not answer.receipt.replayed


async def test_row_36_a_lost_answer_is_given_again(live: Live) -> None:
    account = await live.open(messages=10)
    request = live.debit(account, 4)
    wire = request.SerializeToString()
    async with (
        one_way_proxy(live.address) as proxy,
        grpc.aio.insecure_channel(proxy.address) as channel,
    ):
        connected = live.debit(account, 1).SerializeToString()
        await live.send("Debit", connected, channel=channel)
        proxy.drops_replies = True
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await live.send("Debit", wire, timeout_s=0.3, channel=channel)

    answer = await live.call(request)

    assert lost.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert answer.receipt.replayed
    assert await live.bucket(account) == (5, 0, 5)


async def test_the_tenant_is_nobodys_choice(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    assert reservation.startswith(f"tenants/{TENANT}/")

    refusal = await live.refused(live.commit(reservation.replace(TENANT, "other", 1), 1))

    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "RESERVATION_NOT_FOUND")
