"""A bare grpc.aio server that answers with prepared bytes: what a call costs before our code runs.

One line of JSON on standard input, method name -> reply in hex, is what it answers with; then it
prints its address and serves until standard input ends. A method whose name ends with Stream gives
its reply to each message of a stream.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import uvloop

SERVICE = "ocs.v1.ChargingService"

STREAM = "Stream"

Answering = Callable[[bytes, "grpc.aio.ServicerContext[Any, Any]"], Awaitable[bytes]]


def _answering(reply: bytes) -> Answering:
    async def handle(_: bytes, __: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
        return reply

    return handle


def _streaming(reply: bytes) -> Callable[..., Awaitable[None]]:
    async def handle(_: object, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
        while await context.read() is not grpc.aio.EOF:
            await context.write(reply)

    return handle


def _handler(name: str, reply: bytes) -> "grpc.RpcMethodHandler[Any, Any]":
    if name.endswith(STREAM):
        return grpc.stream_stream_rpc_method_handler(_streaming(reply))
    return grpc.unary_unary_rpc_method_handler(_answering(reply))


async def serve(replies: dict[str, bytes]) -> None:
    """Answer until standard input ends."""
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: _handler(name, reply) for name, reply in replies.items()
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()
    await server.stop(None)


def main() -> None:
    """Read the replies, then serve."""
    line = sys.stdin.readline()
    if line:  # else: whoever started this has gone
        replies = {name: bytes.fromhex(text) for name, text in json.loads(line).items()}
        uvloop.run(serve(replies))


if __name__ == "__main__":
    main()
