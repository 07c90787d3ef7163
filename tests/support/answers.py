"""Replies as answers or errors, noted on the way; those of a batch of one as those of a call."""

from collections.abc import Awaitable
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import status_pb2
from grpc_status import rpc_status

from ocs.v1 import charging_service_pb2 as charging
from tests.support.seen import SEEN


async def answer_of(call: Awaitable[bytes], method: MethodDescriptor) -> Any:
    """Wait for a call's reply; return the answer. Raises AioRpcError; either is noted.

    A batch that is refused as a whole, and the one item of a batch, fail as a call would.
    """
    try:
        reply = await call
        answer = message_factory.GetMessageClass(method.output_type).FromString(reply)
        if isinstance(answer, charging.ChargeStreamResponse):
            _raise_status(answer)
    except grpc.aio.AioRpcError as error:
        SEEN.refused(error)
        raise
    SEEN.took(answer)
    return answer


def error_of(status: status_pb2.Status) -> grpc.aio.AioRpcError:
    """The error of a call that ended with this status."""
    ended = rpc_status.to_status(status)
    trailing = grpc.aio.Metadata(*ended.trailing_metadata)
    return grpc.aio.AioRpcError(ended.code, grpc.aio.Metadata(), trailing, ended.details)


def _raise_status(response: charging.ChargeStreamResponse) -> None:
    if response.HasField("status"):
        raise error_of(response.status)
    if len(response.answers) == 1 and response.answers[0].HasField("error"):
        raise error_of(response.answers[0].error)
