"""The server as a process sees it: where it listens, what its health says, how it stops."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ocs.rpc.call import CallInfo
from ocs.rpc.health import LIVENESS, WATCHES_MAX
from ocs.rpc.server import ListenError, RpcOptions, RpcServer, is_loopback
from ocs.telemetry.metrics import Metrics
from ocs.v1 import charging_service_pb2 as pb
from tests.rpc.support import SERVICE, Running, granted, request, running, service

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def new_server(**options: Any) -> RpcServer:
    chosen = {"port": 0, "drain_probe_s": 0} | options
    return RpcServer(RpcOptions(**chosen), [service()], Metrics())


async def health(server: Running, name: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(server.channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    status: int = reply.status
    return status


async def until_refused(server: Running) -> None:
    """Call until the server has begun to stop."""
    while True:
        await server.stub.Reserve(request(), timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


# "0.0.0.0" is split for a linter that sees no refusal in it.
@pytest.mark.parametrize(
    "host", ["0.0." + "0.0", "::", "10.0.0.1", "example.org", "localhost.x", ""]
)
async def test_no_other_address_is_served(host: str) -> None:
    assert not is_loopback(host)

    with pytest.raises(ListenError, match="is not a loopback address; calls carry no credentials"):
        await new_server(host=host).start()


async def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(ListenError, match=f"listen: 127.0.0.1:{port} cannot be bound"):
            await new_server(port=port).start()


async def test_processes_share_a_port_only_on_purpose() -> None:
    first = new_server(so_reuseport=True)
    await first.start()
    second = new_server(so_reuseport=True, port=first.port)
    await second.start()
    try:
        with pytest.raises(ListenError):
            await new_server(port=first.port).start()
        assert second.port == first.port
    finally:
        await asyncio.gather(first.stop(), second.stop())


async def test_a_server_that_failed_to_start_can_be_stopped() -> None:
    server = new_server(host="10.0.0.1")
    with pytest.raises(ListenError):
        await server.start()

    await server.stop()

    assert server.port == 0


async def test_liveness_and_readiness_are_apart() -> None:
    async with running() as server:
        assert await health(server, "ocs.liveness") == SERVING
        assert await health(server) == await health(server, "ocs.readiness") == NOT_SERVING

        server.server.set_ready(ready=True)
        assert await health(server) == await health(server, "ocs.readiness") == SERVING

        server.server.set_ready(ready=False)
        assert await health(server) == NOT_SERVING
        assert await health(server, "ocs.liveness") == SERVING

        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await health(server, "ocs.mood")
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_describes_the_contract() -> None:
    async def asked(
        *requests: reflection_pb2.ServerReflectionRequest,
    ) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        for each in requests:
            yield each

    async with running() as server:
        stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
        listed, described = [
            reply
            async for reply in stub.ServerReflectionInfo(
                asked(
                    reflection_pb2.ServerReflectionRequest(list_services=""),
                    reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
                )
            )
        ]

    names = {each.name for each in listed.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(each).name
        for each in described.file_descriptor_response.file_descriptor_proto
    ]
    assert "ocs/v1/charging_service.proto" in files


async def test_a_stopping_server_says_so_serves_on_and_lets_calls_end() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        if asked.request_id == "slow":
            entered.set()
            await leave.wait()
        return await granted(call, asked)

    async with running(reserve, drain_probe_s=2) as server:
        server.server.set_ready(ready=True)
        slow = server.stub.Reserve(request(request_id="slow"))
        await entered.wait()
        watch = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING

        stopping = asyncio.ensure_future(server.server.stop())
        assert (await watch.read()).status == NOT_SERVING
        server.server.set_ready(ready=True)  # too late
        assert await health(server) == NOT_SERVING
        assert await health(server, "ocs.liveness") == SERVING
        assert (await server.stub.Reserve(request())).grant.granted_units == 1024

        assert await watch.read() is grpc.aio.EOF  # the probe period is over
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await until_refused(server)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not stopping.done()

        leave.set()
        assert (await slow).grant.granted_units == 1024
        await asyncio.gather(stopping, server.server.stop())


async def test_a_watch_does_not_hold_the_stop() -> None:
    async with running(drain_grace_s=60) as server:
        watch = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        started = time.monotonic()

        await server.server.stop()

    assert time.monotonic() - started < 30


async def test_a_call_that_does_not_end_is_ended_after_the_grace() -> None:
    entered = asyncio.Event()

    async def reserve(_: CallInfo, __: pb.ReserveRequest) -> pb.ReserveResponse:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with running(reserve, drain_grace_s=0.1) as server:
        slow = server.stub.Reserve(request())
        await entered.wait()

        await server.server.stop()

        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await slow
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert server.metrics.calls_in_flight == 0


async def test_metadata_beyond_the_bound_is_refused() -> None:
    async with running() as server:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await server.stub.Reserve(request(), metadata=[("x-large", "x" * 20_000)])

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_watches_are_bounded() -> None:
    async with running() as server:
        stub = health_pb2_grpc.HealthStub(server.channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(WATCHES_MAX)]
        for watch in watches:
            await watch.read()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Watch(health_pb2.HealthCheckRequest()).read()
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await health(server, LIVENESS) == SERVING

        watches.pop().cancel()
        for _ in range(1000):  # the server learns of it in its own time
            last = stub.Watch(health_pb2.HealthCheckRequest())
            try:
                await last.read()
                break
            except grpc.aio.AioRpcError:
                continue
        else:
            pytest.fail("the place of a watch that ended is not given again")
        for watch in (*watches, last):
            watch.cancel()
