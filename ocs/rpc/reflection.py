"""Reflection: the stock answers, on streams that are few and short: it asks for no credential."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import SERVICE_NAME, aio

STREAMS_MAX: Final = 32
STREAM_MAX_S: Final = 60.0

_Context = grpc.aio.ServicerContext[Any, Any]


class Reflection:
    """Tells the contract."""

    def __init__(self, services: Iterable[str]) -> None:
        self._stock = aio.ReflectionServicer([*services, SERVICE_NAME])
        self._stream_count = 0

    def handler(self) -> grpc.GenericRpcHandler:
        """The one method."""
        render = reflection_pb2.ServerReflectionResponse.SerializeToString
        method: grpc.RpcMethodHandler[bytes, reflection_pb2.ServerReflectionResponse]
        method = grpc.stream_stream_rpc_method_handler(self._serve, response_serializer=render)
        return grpc.method_handlers_generic_handler(SERVICE_NAME, {"ServerReflectionInfo": method})

    async def _serve(self, _: object, context: _Context) -> None:
        """Answer each question until the caller has no more, or has had its time."""
        if self._stream_count >= STREAMS_MAX:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many reflection streams")
        self._stream_count += 1
        try:
            async with asyncio.timeout(STREAM_MAX_S):
                async for answer in self._stock.ServerReflectionInfo(_asked(context), context):
                    await context.write(answer)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the stream was open too long")
        except DecodeError:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "must be well-formed messages")
        finally:
            self._stream_count -= 1


async def _asked(context: _Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    """The questions. Raises DecodeError; by grpc's own hand the caller would get its text."""
    while (message := await context.read()) is not grpc.aio.EOF:
        yield reflection_pb2.ServerReflectionRequest.FromString(message)
