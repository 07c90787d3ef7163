"""The message of a call, or the messages of an upload, waited for by us.

grpc's own handlers of unary calls begin when the message is there and wait for it without bound:
whoever opened calls and sent nothing would hold the places of everybody, before being asked for a
credential. A handler of a stream begins at once; on the wire the two are the same.
"""

import asyncio
from typing import Any, Final

import grpc

from ocs import limits
from ocs.domain.answer import Reason
from ocs.service.errors import ServiceError

_SWEEPS_PER_WAIT: Final = 8


class Arrivals:
    """Calls whose message is not there yet. Use from one event loop only.

    One timer for all of them: one per call would cost a tenth of the call.
    """

    def __init__(self) -> None:
        # Until when each may take, oldest first; None: it is being ended.
        self._waiting: dict[asyncio.Task[Any], float | None] = {}
        self._sweeping = False

    async def first(self, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """Return the call's message. Raises ServiceError if there is none, or not in time."""
        message = await self._next(context)
        if message is None:
            raise ServiceError(Reason.INVALID_FIELD, violations=[("", "must be sent")])
        return message

    async def joined(self, context: grpc.aio.ServicerContext[Any, Any], *, bytes_max: int) -> bytes:
        """Return all messages of an upload in a row, which on the wire is one merged message.

        Raises ServiceError if there is none, one is not there in time, or they are too long.
        """
        messages = [await self.first(context)]
        size = len(messages[0])
        while size <= bytes_max and (message := await self._next(context)) is not None:
            messages.append(message)
            size += len(message)
        if size > bytes_max:
            rule = f"must have at most {bytes_max} bytes in all"
            raise ServiceError(Reason.INVALID_FIELD, violations=[("", rule)])
        return b"".join(messages)

    async def _next(self, context: grpc.aio.ServicerContext[Any, Any]) -> bytes | None:
        """The next message; None: there is none. Raises ServiceError if it is not there in time."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._waiting[task] = loop.time() + limits.MESSAGE_WAIT_MS / 1000
        if not self._sweeping:
            self._sweep_later(loop)
        try:
            message: Any = await context.read()
        except asyncio.CancelledError:
            # Not if the caller has left as well.
            if self._waiting[task] is None and task.uncancel() == 0:
                raise ServiceError(Reason.DEADLINE_TOO_SHORT) from None
            raise
        finally:
            del self._waiting[task]
        if message is grpc.aio.EOF:
            return None
        wire: bytes = message
        return wire

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = True
        loop.call_later(limits.MESSAGE_WAIT_MS / 1000 / _SWEEPS_PER_WAIT, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, until in self._waiting.items():
            if until is not None:
                if until > now:
                    break
                self._waiting[task] = None
                task.cancel()
        self._sweeping = False
        if self._waiting:
            self._sweep_later(loop)
