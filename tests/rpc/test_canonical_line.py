"""What a call leaves in the log and in the metrics."""

from ocs.rpc.call import CallInfo
from ocs.v1 import charging_service_pb2 as pb
from tests.rpc.support import granted, refusal, request, running


async def test_each_call_has_one_line() -> None:
    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        call.replayed = True
        return await granted(call, asked)

    async with running(reserve) as server:
        await server.stub.Reserve(request())
        (line,) = server.lines()

    assert line.pop("duration_ms") > 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "rpc",
        "level": "info",
        "method": "ocs.v1.ChargingService/Reserve",
        "code": "OK",
        "outcome": "GRANTED",
        "tenant": "main",
        "actor": "anonymous",
        "account": "a-1",
        "request_id": "r-1",
        "replayed": True,
    }


async def test_no_id_splits_or_floods_a_line() -> None:
    hostile = 'r\n{"event":"rpc","code":"OK"}\r\u2028\x00' + "x" * 10_000

    async with running() as server:
        await refusal(server.stub.Reserve(request(request_id=hostile)))
        (line,) = server.lines()

    assert line["code"] == "INVALID_ARGUMENT"
    assert line["request_id"] == hostile[:128]
    assert server.log.getvalue().count(b"\n") == 1


async def test_a_higher_level_drops_the_lines_of_calls() -> None:
    async with running(level="warning") as server:
        await server.stub.Reserve(request())

    assert server.log.getvalue() == b""


async def test_decisions_are_counted_once() -> None:
    async def reserve(call: CallInfo, asked: pb.ReserveRequest) -> pb.ReserveResponse:
        call.replayed = asked.request_id == "again"
        call.currency, call.charged_micros, call.uncollected_micros = "EUR", 500, 7
        return await granted(call, asked)

    async with running(reserve) as server:
        for request_id in ("r-1", "again", "r-2", "bad id"):
            with_id = server.stub.Reserve(request(request_id=request_id))
            await (refusal(with_id) if request_id == "bad id" else with_id)
        readings = server.metrics.readings()

    outcome = {"operation": "Reserve", "outcome": "GRANTED"}
    assert readings["ocs.charging.outcomes"] == [
        (2, outcome | {"replayed": False}),
        (1, outcome | {"replayed": True}),
    ]
    assert readings["ocs.charging.micros"] == [
        (1000, {"currency": "EUR", "kind": "charged"}),
        (14, {"currency": "EUR", "kind": "uncollected"}),
    ]
    counted = {
        (labels["rpc.method"], labels["rpc.response.status_code"]): count
        for count, labels in readings["rpc.server.call.duration.bucket"]
        if labels["le"] == "+Inf" and count
    }
    assert counted == {
        ("ocs.v1.ChargingService/Reserve", "OK"): 3,
        ("ocs.v1.ChargingService/Reserve", "INVALID_ARGUMENT"): 1,
    }
