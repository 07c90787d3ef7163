"""A stream of batches around tiny handlers: order, places, time, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import pytest
from grpc_status import rpc_status

from ocs.domain.answer import Reason
from ocs.limits import STREAM_BATCHES_MAX, STREAMS_MAX
from ocs.rpc.call import CallInfo
from ocs.service.errors import ServiceError
from ocs.v1 import charging_service_pb2 as pb
from tests.rpc.support import Running, granted, refusal, request, running
from tests.support.answers import error_of

WAIT_S: Final = 10.0
FAR_MS: Final = 60_000


@dataclass(slots=True)
class Handler:
    """A handler that notes when it began and, where a test says so, waits to be let go."""

    begun: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    errors: dict[str, BaseException] = field(default_factory=dict)

    def hold(self, *request_ids: str) -> None:
        self.gates |= {request_id: asyncio.Event() for request_id in request_ids}

    async def reserve(self, call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        self.begun.append(asked.request_id)
        self.changed.set()
        if asked.request_id in self.gates:
            await self.gates[asked.request_id].wait()
        if asked.request_id in self.errors:
            raise self.errors[asked.request_id]
        return await granted(call, asked)

    async def until_begun(self, count: int) -> None:
        """Wait until so many have begun."""
        while len(self.begun) < count:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), WAIT_S)


def batch(*items: tuple[str, str] | pb.ReserveRequest, **fields: Any) -> pb.ChargeStreamRequest:
    """Reserves, each of (request_id, account_id)."""
    made = pb.ChargeStreamRequest(**{"timeout_ms": FAR_MS} | fields)
    for item in items:
        if isinstance(item, tuple):
            item = request(request_id=item[0], account_id=item[1])  # noqa: PLW2901 - its message
        made.items.add().reserve.CopyFrom(item)
    return made


@dataclass(slots=True)
class Streaming:
    """A server, one open stream to it, and its handler."""

    server: Running
    stream: Any
    handler: Handler

    async def send(self, *items: Any, **fields: Any) -> None:
        await self.stream.write(batch(*items, **fields))

    async def answer(self) -> pb.ChargeStreamResponse:
        reply = await asyncio.wait_for(self.stream.read(), WAIT_S)
        assert isinstance(reply, pb.ChargeStreamResponse), await self.stream.code()
        return reply

    async def ended(self) -> tuple[str, str]:
        """The status that the stream ends with, and its reason."""
        code = await asyncio.wait_for(self.stream.code(), WAIT_S)
        trailing, details = await self.stream.trailing_metadata(), await self.stream.details()
        if code is grpc.StatusCode.OK:
            return code.name, ""
        error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details)
        assert rpc_status.from_call(error) is not None, error
        return code.name, (await refusal(_raised(error))).reason


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what others set has no event
            await asyncio.sleep(0)


async def _raised(error: grpc.aio.AioRpcError) -> None:
    raise error


async def reasons(response: pb.ChargeStreamResponse) -> list[str]:
    """Why each item failed; empty if it did not."""
    return [
        (await refusal(_raised(error_of(one.error)))).reason if one.HasField("error") else ""
        for one in response.answers
    ]


@asynccontextmanager
async def streaming(**options: Any) -> AsyncIterator[Streaming]:
    handler = Handler()
    async with running(handler.reserve, **options) as server:
        stub: Any = server.stub
        stream = stub.ChargeStream()
        yield Streaming(server, stream, handler)
        stream.cancel()


async def test_items_of_one_account_run_one_after_the_other() -> None:
    async with streaming() as on:
        on.handler.hold("a-1", "b-1")
        await on.send(("a-1", "a"), ("b-1", "b"), ("a-2", "a"), batch_id="first")
        await on.send(("a-3", "a"), ("c-1", "c"), batch_id="second")
        await on.handler.until_begun(3)
        assert on.handler.begun == ["a-1", "b-1", "c-1"]

        on.handler.gates["a-1"].set()

        second = await on.answer()
        assert on.handler.begun == ["a-1", "b-1", "c-1", "a-2", "a-3"]
        assert second.batch_id == "second"
        on.handler.gates["b-1"].set()
        first = await on.answer()
        assert [one.request_id for one in first.answers] == ["a-1", "b-1", "a-2"]
        assert on.server.metrics.calls_in_flight == 0


async def test_a_line_is_in_order_with_its_account() -> None:
    async with streaming() as on:
        on.handler.hold("by-account")
        by_number = request(request_id="by-number")
        by_number.ClearField("account_id")
        by_number.identity.msisdn = "4915112345"
        await on.send(("by-account", "4915112345"), by_number, ("other", "x"))
        await on.handler.until_begun(2)
        assert on.handler.begun == ["by-account", "other"]

        on.handler.gates["by-account"].set()

        await on.answer()
        assert on.handler.begun == ["by-account", "other", "by-number"]


async def test_what_fails_inside_is_one_items_fault() -> None:
    async with streaming() as on:
        on.handler.errors = {
            "busy": ServiceError(Reason.ACCOUNT_BUSY, account_seq=7),
            "fault": RuntimeError("redis://:hunter2@store"),
            "given-up": asyncio.CancelledError(),  # as a lost future
        }
        await on.send(("busy", "a"), ("fault", "a"), ("given-up", "a"), ("good", "a"))

        answer = await on.answer()

        assert await reasons(answer) == ["ACCOUNT_BUSY", "INTERNAL", "INTERNAL", ""]
        assert "hunter2" not in str(answer)
        assert len(on.server.lines("rpc failed")) == 2
        counted = on.server.metrics.readings()["ocs.stream.items"]
        assert sorted((labels["rpc.response.status_code"], count) for count, labels in counted) == [
            ("INTERNAL", 2),
            ("OK", 1),
            ("UNAVAILABLE", 1),
        ]


async def test_items_beyond_the_places_are_shed_from_the_end() -> None:
    async with streaming(calls_in_flight_max=2) as on:
        on.handler.hold("1", "2")
        await on.send(("1", "a"), ("2", "b"), ("3", "c"), ("4", "a"))
        await on.handler.until_begun(2)
        # With no place at all the batch is not even parsed.
        await on.send(("5", "e"), ("6", "f"), batch_id="b-2")
        shed = await on.answer()
        assert (shed.batch_id, list(shed.answers)) == ("b-2", [])
        assert shed.status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
        assert "OVERLOADED" in str(shed.status.details)
        assert not on.server.lines("rpc")
        # A call of its own finds no place either.
        assert (await refusal(on.server.stub.Reserve(request()))).reason == "OVERLOADED"

        for gate in on.handler.gates.values():
            gate.set()

        assert await reasons(await on.answer()) == ["", "", "OVERLOADED", "OVERLOADED"]
        assert on.handler.begun == ["1", "2"]
        await on.send(("5", "e"))
        assert await reasons(await on.answer()) == [""]


async def test_no_more_batches_are_read_than_are_worked_on() -> None:
    async with streaming() as on:
        ids = [f"r-{number}" for number in range(STREAM_BATCHES_MAX + 2)]
        on.handler.hold(*ids)
        for each in ids:
            await on.send((each, each))
        await on.handler.until_begun(STREAM_BATCHES_MAX)
        # Time for whatever would be read beyond: a whole call there and back.
        await on.server.stub.Reserve(request(request_id="beside"))
        assert on.handler.begun == [*ids[:STREAM_BATCHES_MAX], "beside"]

        on.handler.gates[ids[0]].set()

        assert (await on.answer()).answers[0].request_id == ids[0]
        await on.handler.until_begun(STREAM_BATCHES_MAX + 2)
        assert on.handler.begun[-1] == ids[STREAM_BATCHES_MAX]


async def test_when_its_time_is_over_a_batch_is_answered() -> None:
    async with streaming() as on:
        on.handler.hold("begun")
        await on.send(("begun", "a"), ("waiting", "a"), ("quick", "b"), timeout_ms=50)

        answer = await on.answer()

        # What runs may yet be applied; what does not never is.
        assert await reasons(answer) == ["STORE_UNAVAILABLE", "DEADLINE_TOO_SHORT", ""]
        assert on.server.metrics.calls_in_flight == 2
        on.handler.gates["begun"].set()
        await on.send(("next", "a"))
        assert await reasons(await on.answer()) == [""]
        assert on.handler.begun == ["begun", "quick", "next"]
        assert on.server.metrics.calls_in_flight == 0


async def test_a_closed_stream_ends_when_all_is_answered() -> None:
    async with streaming() as on:
        on.handler.hold("1")
        await on.send(("1", "a"))
        await on.stream.done_writing()
        await on.handler.until_begun(1)
        on.handler.gates["1"].set()

        assert await reasons(await on.answer()) == [""]
        assert await on.stream.read() is grpc.aio.EOF
        assert await on.ended() == ("OK", "")


@pytest.mark.parametrize("idle", [True, False])
async def test_a_stop_answers_what_was_read(idle: bool) -> None:
    async with streaming() as on:
        if idle:
            await on.send(("0", "a"))
            await on.answer()
        else:
            on.handler.hold("1")
            await on.send(("1", "a"), ("2", "a"))
            await on.handler.until_begun(1)

        stopping = asyncio.create_task(on.server.server.stop())
        if not idle:
            # It is stopping when it takes no further stream up.
            await until(lambda: on.server.server._host.streams._stopping)
            on.handler.gates["1"].set()
            assert await reasons(await on.answer()) == ["", ""]

        assert await on.ended() == ("UNAVAILABLE", "SERVICE_STOPPING")
        await asyncio.wait_for(stopping, WAIT_S)


async def test_a_caller_that_leaves_gives_all_places_back() -> None:
    async with streaming() as on:
        on.handler.hold("1", "2")
        await on.send(("1", "a"), ("2", "b"), ("3", "a"))
        await on.handler.until_begun(2)
        assert on.server.metrics.calls_in_flight == 3

        on.stream.cancel()

        await until(lambda: on.server.metrics.readings()["ocs.stream.open"] == [(0, {})])
        await until(lambda: on.server.metrics.calls_in_flight == 0)
        assert on.handler.begun == ["1", "2"]
        assert on.server.lines("rpc stream")[-1]["code"] == "CANCELLED"


async def test_there_is_an_end_to_the_number_of_streams() -> None:
    async with streaming() as on:
        await on.send(("1", "a"))
        await on.answer()
        streams = on.server.server._host.streams
        streams._streams_max = 1

        refused = on.server.stub.ChargeStream()

        assert await refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert streams.count == 1
        await on.send(("2", "a"))
        assert await reasons(await on.answer()) == [""]
    assert STREAMS_MAX > 1


async def test_a_batch_has_one_line_and_says_what_failed() -> None:
    async with streaming() as on:
        await on.send(("1", "a"), ("bad id", "a"), ("2", "b"), batch_id="b-1")
        await on.answer()
        await on.stream.done_writing()
        assert await on.stream.read() is grpc.aio.EOF
        (line,), (end,) = on.server.lines(), on.server.lines("rpc stream")

    assert line.pop("duration_ms") > 0
    assert end.pop("duration_ms") > 0
    del line["time"], end["time"]
    both = {
        "level": "info",
        "method": "ocs.v1.ChargingService/ChargeStream",
        "code": "OK",
        "reason": "",
        "tenant": "main",
        "actor": "anonymous",
    }
    assert line == both | {
        "event": "rpc",
        "batch_id": "b-1",
        "items": 3,
        "failures": {"INVALID_FIELD": 1},
    }
    assert end == both | {"event": "rpc stream", "batches": 1}


async def test_bytes_that_are_no_batch_do_not_end_the_stream() -> None:
    async with running() as server:
        raw: Any = server.channel.stream_stream("/ocs.v1.ChargingService/ChargeStream")
        stream = raw()
        await stream.write(b"\xff")
        bad = pb.ChargeStreamResponse.FromString(await stream.read())
        await stream.write(batch(("1", "a")).SerializeToString())
        good = pb.ChargeStreamResponse.FromString(await stream.read())
        stream.cancel()

    assert bad.batch_id == ""
    assert (await refusal(_raised(error_of(bad.status)))).violations == {
        "": "must be a well-formed message"
    }
    assert good.answers[0].reserve.grant.granted_units == 1024
