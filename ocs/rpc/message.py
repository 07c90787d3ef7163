"""The one message of a call, waited for by us.

grpc's own handlers of unary calls begin when the message is there and wait for it without bound:
whoever opened calls and sent nothing would hold the places of everybody, before being asked for a
credential. A handler of a stream begins at once; on the wire the two are the same.
"""

import asyncio
from typing import Any

import grpc

from ocs import limits
from ocs.domain.answer import Reason
from ocs.service.errors import ServiceError


async def first_message(context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    """Return the call's message. Raises ServiceError if there is none, or not in time."""
    try:
        async with asyncio.timeout(limits.MESSAGE_WAIT_MS / 1000):
            message: Any = await context.read()
    except TimeoutError:
        raise ServiceError(Reason.DEADLINE_TOO_SHORT) from None
    if message is grpc.aio.EOF:
        raise ServiceError(Reason.INVALID_FIELD, violations=[("", "must be sent")])
    wire: bytes = message
    return wire
