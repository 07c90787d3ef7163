"""Connections and calls that misbehave, from a client that can: who holds a place uses it."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from loadtest.frames import (
    ACK,
    CANCEL,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    MAX_CONCURRENT_STREAMS,
    NO_ERROR,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    header_block,
)
from ocs import limits
from tests.rpc.support import SERVICE, Running, granted, request, running
from tests.support.http2 import raw_connection

RESERVE: Final = f"/{SERVICE}/Reserve"
SOON_S: Final = 30.0
STREAMS: Final = 100


async def serves_others(server: Running) -> None:
    """A caller that behaves is served."""
    async with grpc.aio.insecure_channel(server.server.address) as channel:
        send: Any = channel.unary_unary(RESERVE)
        await send(request().SerializeToString(), timeout=SOON_S)


@pytest.mark.parametrize("said", [b"", PREFACE[:10], PREFACE], ids=["nothing", "half", "preface"])
async def test_who_connects_and_says_nothing_is_sent_away(said: bytes) -> None:
    async with (
        running(handshake_s=0.2) as server,
        raw_connection(server.server.address) as silent,
        asyncio.timeout(SOON_S),
    ):
        silent.writer.write(said)

        frames = [frame async for frame in silent.frames(acknowledging=False)]

        assert not [frame for frame in frames if frame.kind == HEADERS]
        await serves_others(server)


async def test_a_connection_too_many_is_closed_and_the_others_go_on() -> None:
    async with running(connections_max=3) as server, AsyncExitStack() as stack:
        taken = []
        for _ in range(3):
            connection = await stack.enter_async_context(raw_connection(server.server.address))
            assert await connection.greet().until(SETTINGS) is not None
            taken.append(connection)

        async with asyncio.timeout(SOON_S), raw_connection(server.server.address) as surplus:
            assert [frame async for frame in surplus.greet().frames()] == []

        for connection in taken:
            connection.call(1, RESERVE).message(1, request().SerializeToString())
            assert await connection.until(HEADERS) is not None


async def test_an_old_connection_is_asked_to_leave_and_its_call_ends() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def reserve(call: Any, asked: Any) -> Any:
        entered.set()
        await leave.wait()
        return await granted(call, asked)

    async with (
        running(reserve, connection_age_s=0.2) as server,
        raw_connection(server.server.address) as old,
        asyncio.timeout(SOON_S),
    ):
        old.greet().call(1, RESERVE).message(1, request().SerializeToString())
        await entered.wait()
        left = await old.until(GOAWAY)
        leave.set()

        assert left is not None
        assert left.goaway_code == NO_ERROR
        assert await old.until(HEADERS) is not None


async def test_a_call_outlives_its_connection_by_the_grace_and_no_longer() -> None:
    async def reserve(_: Any, __: Any) -> Any:
        await asyncio.Event().wait()

    async with (
        running(reserve, connection_age_s=0.2, connection_grace_s=0.2) as server,
        raw_connection(server.server.address) as old,
        asyncio.timeout(SOON_S),
    ):
        old.greet().call(1, RESERVE).message(1, request().SerializeToString())

        assert [frame async for frame in old.frames()]  # and then it is closed
        while server.metrics.calls_in_flight:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0)


async def test_an_idle_connection_is_given_up_and_its_client_does_not_notice() -> None:
    async with running(connection_idle_s=0.2) as server, asyncio.timeout(SOON_S):
        async with raw_connection(server.server.address) as idle:
            left = await idle.greet().until(GOAWAY)
        assert left is not None
        assert left.payload.endswith(b"connection idle")

        await server.stub.Reserve(request())
        state = server.channel.get_state()
        while state is grpc.ChannelConnectivity.READY:
            await server.channel.wait_for_state_change(state)
            state = server.channel.get_state()
        answer = await server.stub.Reserve(request())

    assert answer.grant.granted_units == 1024


async def test_who_pings_too_often_is_told_to_calm_down() -> None:
    async with running() as server, raw_connection(server.server.address) as eager:
        await eager.greet().until(SETTINGS)
        left = None
        async with asyncio.timeout(SOON_S):
            # Each answer is awaited: what is still unread when the server closes would cut its
            # last word off.
            async for frame in eager.send(PING, payload=bytes(8)).frames():
                if frame.kind == GOAWAY:
                    left = frame
                elif frame.kind == PING and frame.flags & ACK:
                    eager.send(PING, payload=bytes(8))

        assert left is not None
        assert (left.goaway_code, left.payload[8:]) == (ENHANCE_YOUR_CALM, b"too_many_pings")
        await serves_others(server)


async def test_a_flood_of_calls_that_are_taken_back_stops_nobody() -> None:
    async with running() as server, raw_connection(server.server.address) as flood:
        await flood.greet().until(SETTINGS)
        for stream in range(1, 20_001, 2):
            flood.call(stream, RESERVE)
            flood.send(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))
        async with asyncio.timeout(SOON_S):
            await asyncio.gather(flood.writer.drain(), serves_others(server))
            await serves_others(server)
            while server.metrics.calls_in_flight:  # noqa: ASYNC110 - a count
                await asyncio.sleep(0)


async def test_a_connection_may_have_a_hundred_calls_at_once() -> None:
    async with running() as server, raw_connection(server.server.address) as connection:
        said = await connection.greet().until(SETTINGS)

    assert said is not None
    assert said.settings()[MAX_CONCURRENT_STREAMS] == STREAMS


async def test_headers_beyond_the_bound_are_refused_and_the_others_go_on() -> None:
    async with running() as server, raw_connection(server.server.address) as large:
        await large.greet().until(SETTINGS)
        async with asyncio.timeout(SOON_S):
            large.call(1, RESERVE, ends=True, more=header_block([(b"x-large", b"x" * 16_000)]))
            assert await large.until(HEADERS) is not None
        await serves_others(server)


async def test_a_call_that_brings_no_message_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MESSAGE_WAIT_MS", 300)
    async with (
        running(calls_in_flight_max=8) as server,
        raw_connection(server.server.address) as idle,
        asyncio.timeout(SOON_S),
    ):
        idle.greet()
        for stream in range(1, 2 * STREAMS, 2):
            idle.call(stream, RESERVE)
        ended = 0
        async for frame in idle.frames():
            ended += frame.kind == HEADERS
            if ended == STREAMS:
                break

        await serves_others(server)
        assert server.metrics.calls_in_flight == 0


async def test_probes_that_bring_no_message_give_their_places_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MESSAGE_WAIT_MS", 300)
    async with (
        running(calls_in_flight_max=8) as server,
        raw_connection(server.server.address) as idle,
        asyncio.timeout(SOON_S),
    ):
        idle.greet()
        for stream in range(1, 2 * STREAMS, 4):
            idle.call(stream, "/grpc.health.v1.Health/Check")
            idle.call(stream + 2, "/grpc.health.v1.Health/Watch")
        ended = 0
        async for frame in idle.frames():
            ended += frame.kind == HEADERS
            if ended == STREAMS:
                break

        await serves_others(server)


async def test_a_watcher_that_does_not_read_keeps_nobody_from_hearing() -> None:
    empty = b""
    async with (
        running() as server,
        raw_connection(server.server.address) as deaf,
        asyncio.timeout(SOON_S),
    ):
        await deaf.greet(window=0).until(SETTINGS)
        for stream in range(1, 21, 2):
            deaf.call(stream, "/grpc.health.v1.Health/Watch").message(stream, empty)
        watch = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING

        for ready in (True, False) * 5:
            server.server.set_ready(ready=ready)
            assert ((await watch.read()).status == 1) is ready
        watch.cancel()
        started = time.monotonic()

    assert time.monotonic() - started < SOON_S  # nor does it hold the stop


async def test_a_probe_that_is_no_message_is_refused_without_parser_text() -> None:
    async with running() as server:
        for method in ("Check", "Watch"):
            call: Any = server.channel.unary_stream(f"/grpc.health.v1.Health/{method}")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(b"\x0a\xff").read()

            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert refused.value.details() == "must be one well-formed message"


async def test_a_question_of_the_contract_that_is_none_is_refused() -> None:
    async with running() as server:
        ask: Any = server.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        call = ask()
        await call.write(b"\x0a\xff")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "must be well-formed messages"
