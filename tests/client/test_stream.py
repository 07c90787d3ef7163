"""Batches on a stream: answers in order, errors as values, and what is sent again after a fault."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import grpc
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2

from ocs.client import (
    AsyncClient,
    CommitResult,
    FailedPreconditionError,
    GrantResult,
    InvalidArgumentError,
    Operation,
    ReleaseResult,
    UnauthenticatedError,
    UnavailableError,
    UnknownOutcomeError,
    UsageError,
)
from ocs.client.operations import account, charging
from ocs.v1 import charging_service_pb2 as pb
from tests.client.conftest import done
from tests.client.scripted import NAME, Script, committed, fail, granted, released

Item = Callable[[pb.ChargeItem], pb.ChargeAnswer]
SHORT_S: Final = 0.2


def reserve() -> Operation[Any]:
    return charging.reserve(account_id="alice", service_id="data", requested_units=100)


def good(item: pb.ChargeItem) -> pb.ChargeAnswer:
    """What a service that grants everything answers."""
    match item.WhichOneof("operation"):
        case "reserve":
            return pb.ChargeAnswer(request_id=item.reserve.request_id, reserve=granted())
        case "commit":
            return pb.ChargeAnswer(request_id=item.commit.request_id, commit=committed())
        case _:
            return pb.ChargeAnswer(request_id=item.release.request_id, release=released())


def status(code: str, reason: str, retry_ms: int = 0) -> status_pb2.Status:
    made = status_pb2.Status(code=grpc.StatusCode[code].value[0], message="why")
    made.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="ocs.v1"))
    if retry_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(retry_ms)
        made.details.add().Pack(retry)
    return made


def failed(code: str, reason: str, retry_ms: int = 0) -> Item:
    return lambda item: pb.ChargeAnswer(
        request_id=good(item).request_id, error=status(code, reason, retry_ms)
    )


class Streams:
    """A scripted service: how each batch of each stream in turn is answered, and what came."""

    def __init__(self, script: Script) -> None:
        self.batches: list[pb.ChargeStreamRequest] = []
        self.opened = 0
        self._turns: list[Callable[..., Iterator[pb.ChargeStreamResponse]]] = []
        script.on("ChargeStream", self._serve)

    def then(self, turn: Callable[..., Iterator[pb.ChargeStreamResponse]]) -> None:
        """Serve the next stream so; the last turn serves all that follow."""
        self._turns.append(turn)

    def answering(self, *items: Item) -> None:
        """Answer the items of the next stream's batches by these, the rest well."""
        left = list(items)

        def turn(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
            for batch in requests:
                self.batches.append(batch)
                answers = [(left.pop(0) if left else good)(item) for item in batch.items]
                yield pb.ChargeStreamResponse(batch_id=batch.batch_id, answers=answers)

        self.then(turn)

    def breaking(self, code: str, reason: str = "") -> None:
        """Read a batch of the next stream, then end it."""

        def turn(requests: Iterator[Any], context: Any) -> Iterator[pb.ChargeStreamResponse]:
            self.batches.append(next(requests))
            fail(code, reason)(None, context)
            yield pb.ChargeStreamResponse()

        self.then(turn)

    def silent(self) -> None:
        """Read batches of the next stream and say nothing."""

        def turn(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
            self.batches.extend(requests)
            yield from ()

        self.then(turn)

    def _serve(self, requests: Any, context: grpc.ServicerContext) -> Any:
        self.opened += 1
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        return turn(requests, context)

    def sent(self) -> list[list[bytes]]:
        """The items of each batch as sent."""
        return [[item.SerializeToString() for item in batch.items] for batch in self.batches]


@pytest.fixture
def streams(script: Script) -> Streams:
    return Streams(script)


@pytest_asyncio.fixture
async def stream(client: Any) -> AsyncIterator[Any]:
    opened = client.charge_stream()
    yield opened
    await done(opened.close())


async def test_each_operation_has_its_own_result(stream: Any, streams: Streams) -> None:
    streams.answering(good, failed("FAILED_PRECONDITION", "RESERVATION_CLOSED"), good)

    results = await done(
        stream.send([reserve(), charging.commit(NAME, 60), charging.release(NAME)])
    )

    grant, refused, release = results
    assert isinstance(grant, GrantResult)
    assert grant.granted_units == 100
    assert isinstance(refused, FailedPreconditionError)
    assert refused.reason == "RESERVATION_CLOSED"
    assert isinstance(release, ReleaseResult)
    assert 0 < streams.batches[0].timeout_ms <= 2000


async def test_batches_share_one_stream(stream: Any, streams: Streams) -> None:
    streams.answering()

    for _ in range(3):
        assert isinstance((await done(stream.send([charging.commit(NAME, 1)])))[0], CommitResult)

    assert streams.opened == 1
    assert len({batch.batch_id for batch in streams.batches}) == 3


@pytest.mark.parametrize(
    ("code", "reason"), [("UNAVAILABLE", "SERVICE_STOPPING"), ("UNAVAILABLE", "")]
)
async def test_what_a_broken_stream_left_is_sent_again_unchanged(
    stream: Any, streams: Streams, code: str, reason: str
) -> None:
    streams.breaking(code, reason)
    streams.answering()

    results = await done(stream.send([reserve(), charging.commit(NAME, 60)], timeout_s=10))

    assert [type(each) for each in results] == [GrantResult, CommitResult]
    first, second = streams.sent()
    assert first == second
    assert streams.opened == 2


async def test_a_stream_that_ends_in_good_order_is_opened_again(
    stream: Any, streams: Streams
) -> None:
    def turn(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
        streams.batches.append(next(requests))
        yield from ()

    streams.then(turn)
    streams.answering()

    (result,) = await done(stream.send([reserve()], timeout_s=10))

    assert isinstance(result, GrantResult)
    assert streams.opened == 2


async def test_only_what_may_be_found_later_is_sent_again(stream: Any, streams: Streams) -> None:
    streams.answering(
        good,
        failed("UNAVAILABLE", "STORE_UNAVAILABLE", 1),
        failed("NOT_FOUND", "RESERVATION_NOT_FOUND"),
        failed("RESOURCE_EXHAUSTED", "OVERLOADED", 1),
    )
    operations = [reserve(), reserve(), charging.commit(NAME, 1), reserve()]

    granted_, again, unknown, shed = await done(stream.send(operations, timeout_s=10))

    assert isinstance(granted_, GrantResult)
    assert isinstance(again, GrantResult)
    assert unknown.reason == "RESERVATION_NOT_FOUND"
    assert (shed.reason, shed.retry_delay_s) == ("OVERLOADED", 0.001)
    first, second = streams.sent()
    assert second == [first[1]]


async def test_silence_leaves_the_outcome_open_until_it_is_resolved(
    stream: Any, streams: Streams
) -> None:
    streams.silent()
    streams.answering()
    operations = [reserve(), charging.commit(NAME, 60)]

    unknown = await done(stream.send(operations, timeout_s=SHORT_S))

    assert all(isinstance(each, UnknownOutcomeError) for each in unknown)
    assert [each.operation for each in unknown] == operations
    await done(stream.close())
    resolved = await done(stream.send(operations, timeout_s=10, sent_before=True))
    assert [type(each) for each in resolved] == [GrantResult, CommitResult]
    first, second = streams.sent()
    assert first == second


async def test_a_resend_that_finds_nothing_out_stays_open(stream: Any, streams: Streams) -> None:
    streams.answering(failed("RESOURCE_EXHAUSTED", "OVERLOADED", 1))

    (result,) = await done(stream.send([reserve()], sent_before=True))

    assert isinstance(result, UnknownOutcomeError)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        # The transport's own word, a message too large, say: what else was under way is open.
        ("RESOURCE_EXHAUSTED", "", UnknownOutcomeError),
        ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED", UnauthenticatedError),
    ],
)
async def test_a_stream_that_ends_for_good_is_not_tried_again(
    stream: Any, streams: Streams, code: str, reason: str, expected: type[Exception]
) -> None:
    streams.breaking(code, reason)

    results = await done(stream.send([reserve(), reserve()]))

    assert [type(each) for each in results] == [type(results[0])] * 2
    assert isinstance(results[0], expected)
    assert streams.opened == 1


async def test_a_batch_that_is_refused_is_refused_in_each_item(
    stream: Any, streams: Streams
) -> None:
    def turn(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
        for batch in requests:
            yield pb.ChargeStreamResponse(
                batch_id=batch.batch_id, status=status("INVALID_ARGUMENT", "INVALID_FIELD")
            )

    streams.then(turn)

    results = await done(stream.send([reserve(), reserve()]))

    assert [type(each) for each in results] == [InvalidArgumentError] * 2


async def test_answers_find_their_batches_in_any_order(client: Any, streams: Streams) -> None:
    """Two batches at once; the second is answered first."""

    def turn(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
        both = [next(requests), next(requests)]
        for batch in reversed(both):
            units = [int(item.reserve.requested_units) for item in batch.items]
            answers = [pb.ChargeAnswer(reserve=granted(each)) for each in units]
            yield pb.ChargeStreamResponse(batch_id=batch.batch_id, answers=answers)

    streams.then(turn)
    made = [
        charging.reserve(account_id="alice", service_id="data", requested_units=units)
        for units in (1, 2)
    ]
    found: dict[int, Any] = {}
    stream = client.charge_stream()
    if isinstance(client, AsyncClient):
        both = await asyncio.gather(*(stream.send([each], timeout_s=10) for each in made))
        found = dict(enumerate(both))
    else:
        threads = [
            threading.Thread(
                target=lambda n=number: found.update({n: stream.send([made[n]], timeout_s=10)})
            )
            for number in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)

    assert [found[number][0].granted_units for number in range(2)] == [1, 2]
    await done(stream.close())


async def test_closing_ends_what_is_under_way(target: str, streams: Streams) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def turn(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
        for batch in requests:
            streams.batches.append(batch)
            loop.call_soon_threadsafe(arrived.set)
        yield from ()

    streams.then(turn)
    async with AsyncClient(target) as client:
        stream = client.charge_stream()
        sending = asyncio.create_task(stream.send([reserve()], timeout_s=SHORT_S))
        await arrived.wait()
        await stream.close()

        (result,) = await sending

    assert isinstance(result, UnavailableError | UnknownOutcomeError)


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [reserve()] * 2,
        [charging.release(NAME) for _ in range(101)],
        [account.get_account("alice")],
    ],
)
async def test_what_is_no_batch_is_not_sent(
    stream: Any, streams: Streams, operations: list[Operation[Any]]
) -> None:
    streams.answering()

    with pytest.raises(UsageError):
        await done(stream.send(operations))

    assert streams.opened == 0
