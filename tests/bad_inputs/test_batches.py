"""Row 25: batches that are none, and what the others get that share a stream with them."""

from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest

from ocs.rpc.validate import VIOLATIONS_MAX
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1.charging_service_pb2_grpc import ChargingServiceStub
from tests.rpc.support import Refusal, taken_apart
from tests.support.answers import error_of
from tests.support.live import Live

ITEMS_MAX: Final = 100
INVALID: Final = ("INVALID_ARGUMENT", "INVALID_FIELD")


def debits(live: Live, account: str, count: int) -> list[Any]:
    return [live.debit(account) for _ in range(count)]


def without_operation(live: Live, account: str) -> Any:
    batch = live.batch(live.debit(account))
    batch.items.add()
    return batch


UNFIT: Final[dict[str, tuple[Callable[[Live, str], Any], str]]] = {
    "empty": (lambda live, _: live.batch(), "items"),
    "over the limit": (lambda live, a: live.batch(*debits(live, a, ITEMS_MAX + 1)), "items"),
    "an item that is none": (without_operation, "items[1].operation"),
    "no time at all": (lambda live, a: live.batch(live.debit(a), timeout_ms=0), "timeout_ms"),
    "too much time": (lambda live, a: live.batch(live.debit(a), timeout_ms=60_001), "timeout_ms"),
}


@pytest.mark.parametrize("name", UNFIT)
async def test_row_25_a_batch_that_is_none(live: Live, name: str) -> None:
    make, field = UNFIT[name]
    account = await live.open(messages=200)
    batch = make(live, account)

    with live.unchanged():
        refusal = await live.refused(batch)

    assert (refusal.code.name, refusal.reason) == INVALID
    assert set(refusal.violations) == {field}


async def test_row_25_a_request_id_stands_in_one_item_only(live: Live) -> None:
    account, other = await live.open(messages=10), await live.open(messages=10)
    twice = live.debit(account)
    same = live.debit(other)
    same.request_id = twice.request_id

    for batch in (
        live.batch(twice, live.debit(account), twice),
        live.batch(twice, same),  # another account is another scope, but answers are told apart
        live.batch(live.debit(other), *[twice] * (VIOLATIONS_MAX + 2)),
    ):
        with live.unchanged():
            refusal = await live.refused(batch)
        assert (refusal.code.name, refusal.reason) == INVALID
        index = len(batch.items) - 1 if len(batch.items) < VIOLATIONS_MAX else 2
        assert f"items[{index}].debit.request_id" in refusal.violations
        assert len(refusal.violations) <= VIOLATIONS_MAX

    answer = await live.call(live.batch(twice))
    assert not answer.answers[0].debit.receipt.replayed


async def test_a_full_batch_is_one(live: Live) -> None:
    account = await live.open(messages=ITEMS_MAX)

    answer = await live.call(live.batch(*debits(live, account, ITEMS_MAX), batch_id="full"))

    assert answer.batch_id == "full"
    assert sum(one.debit.charge.charged_units for one in answer.answers) == ITEMS_MAX
    assert await live.bucket(account) == (0, 0, ITEMS_MAX)


async def test_a_batch_with_too_little_time_is_not_begun(live: Live) -> None:
    account = await live.open(messages=10)

    with live.unchanged():
        refusal = await live.refused(live.batch(live.debit(account), timeout_ms=4))

    assert (refusal.code.name, refusal.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_TOO_SHORT")


async def test_row_25_the_stream_goes_on_after_a_bad_batch(live: Live) -> None:
    account = await live.open(messages=10)
    stub: Any = ChargingServiceStub(live.channel)
    stream = stub.ChargeStream()
    told = []
    for batch in (live.batch(), live.batch(live.debit(account, 3), batch_id="good")):
        await stream.write(batch)
        told.append(await stream.read())
    await stream.done_writing()

    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK
    bad, good = told
    refusal = refusal_of(live, bad.status)
    assert (refusal.code.name, refusal.reason) == INVALID
    assert not bad.answers
    assert good.answers[0].debit.charge.charged_units == 3
    assert await live.bucket(account) == (7, 0, 3)


def refusal_of(live: Live, status: Any) -> Refusal:
    refusal = taken_apart(error_of(status))
    live.check_private(refusal)
    return refusal


async def test_each_item_is_told_what_its_own_call_would_be(live: Live) -> None:
    """The same wrong requests, alone and together; what is right beside them is done."""
    account, beside = await live.open(messages=10), await live.open(messages=10)
    held = await live.hold(account, 4)
    closed = await live.hold(account, 1)
    await live.call(live.release(closed))
    wrong = [
        live.debit("a b"),
        live.debit(account, 0),
        live.reserve(account, unit=2),
        live.reserve("nobody"),
        live.reserve("", identity={"msisdn": live.new_msisdn()}),
        live.reserve("", identity={"msisdn": live.new_msisdn()}, subscriber_id="s"),
        live.commit(closed, 1),
        live.commit(held.replace("tenants/main", "tenants/other"), 1),
        live.release(held + "x"),
    ]
    wrong[1].request_id = ""

    # Another account: each refusal names the number of its account's last event.
    together = await live.call(live.batch(*wrong, live.debit(beside, 4)))

    *refused, done = together.answers
    assert done.debit.charge.charged_units == 4
    assert [one.request_id for one in refused] == [one.request_id for one in wrong]
    for request, answer in zip(wrong, refused, strict=True):
        assert refusal_of(live, answer.error) == await live.refused(request), request
    assert await live.bucket(account) == (10, 4, 0)


def test_the_answers_of_a_batch_have_room_on_the_wire() -> None:
    """The largest answers of a full batch stay below what a client takes by default, 4 MiB."""
    charge = charging.CommitResponse(reservation="x" * 450)
    for _ in range(32):
        charge.charge.lines.add(bucket_id="b" * 128, units=2**53, micros=2**53)

    assert ITEMS_MAX * charge.ByteSize() < 4 * 1024 * 1024
