"""ChargeStream at the edge: reads batches, keeps their number bounded, writes what answers them.

Theory of operation. A stream is two loops. One reads: it takes one of the stream's slots, reads a
batch, looks at the credential, checks the batch and hands its items to their accounts' lanes. The
other, which is grpc's own task, writes: it takes batches whose items all have their answers and
gives the slot back once the answer is taken. A caller that does not read its answers is therefore
not read from. The stream ends when reading is over and every batch read is answered.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import status_pb2

from ocs import limits
from ocs.domain.answer import Reason
from ocs.rpc import convert, errors
from ocs.rpc.batch import (
    Batch,
    BatchInfo,
    Item,
    ItemKind,
    check_batch,
    named_account,
    read_batch,
    read_batch_id,
)
from ocs.rpc.errors import RefusedError
from ocs.rpc.failure import told
from ocs.rpc.identity import Context
from ocs.rpc.lanes import Lanes
from ocs.rpc.method import CallHost, Handler
from ocs.rpc.roles import Role, roles_for
from ocs.rpc.validate import compile_rules, violations
from ocs.service.errors import ServiceError
from ocs.service.requests import Payer
from ocs.v1 import charging_service_pb2 as pb

# Finds the account of the line that a request names: (tenant, who pays) -> account_id.
FindAccount = Callable[[str, Payer], Awaitable[str]]

_OVERLOADED: Final = errors.status_message(errors.OVERLOADED, metadata={})


class ChargeStreamMethod:
    """The method: what its streams share. handlers: of the unary methods that its items stand for.

    Raises KeyError if a choice of an item has no handler.
    """

    def __init__(
        self,
        method: MethodDescriptor,
        host: CallHost,
        handlers: Mapping[str, Handler],
        find_account: FindAccount,
    ) -> None:
        service = method.containing_service.full_name
        self.name = f"{service}/{method.name}"
        self.host = host
        self.roles = roles_for(self.name)
        self.find_account = find_account
        self.kinds = {}
        for choice in pb.ChargeItem.DESCRIPTOR.oneofs_by_name["operation"].fields:
            operation = choice.name.capitalize()
            handler = handlers[operation]
            self.kinds[choice.name] = ItemKind(choice.name, f"{service}/{operation}", handler)
        compile_rules(pb.ChargeStreamRequest())
        # Bound once: the lazy logger would look its configuration up on every line.
        self.log = structlog.get_logger().bind()

    async def handle(self, _: object, context: Context) -> None:
        """Serve one stream to its end."""
        streams = self.host.streams
        if streams.full:
            self.host.metrics.durations(self.name, "RESOURCE_EXHAUSTED").record(0.0)
            await context.abort_with_status(errors.call_status(_OVERLOADED))
        stream = _Stream(self, context)
        streams.add(stream)
        try:
            status = await stream.serve()
        finally:
            streams.remove(stream)
        if status is not None:
            await context.abort_with_status(errors.call_status(status))


class _Stream:
    """One stream."""

    def __init__(self, method: ChargeStreamMethod, context: Context) -> None:
        self._method = method
        self._context = context
        self._metrics = method.host.metrics
        self._lanes = Lanes(self._metrics)
        self._slots = asyncio.Semaphore(limits.STREAM_BATCHES_MAX)
        # Answers to be written; None: there will be no more.
        self._outbox: asyncio.Queue[pb.ChargeStreamResponse | None] = asyncio.Queue()
        self._under_way: set[Batch] = set()
        self._reader: asyncio.Task[None] | None = None
        self._reading = False
        self._ending = asyncio.Event()
        self._reason = errors.OK
        self._status: status_pb2.Status | None = None
        self._tenant = self._actor = ""
        self._batch_count = 0

    def end(self) -> None:
        """Read no more, and end once what was read is answered."""
        self._ending.set()
        if self._reader is not None and self._reading:
            self._reader.cancel()

    async def serve(self) -> status_pb2.Status | None:
        """Serve until all is answered; return the status to end with, None = OK."""
        began_s, code = time.perf_counter(), "CANCELLED"
        self._reader = asyncio.get_running_loop().create_task(self._read_all())
        try:
            while (response := await self._outbox.get()) is not None:
                await self._context.write(response.SerializeToString())
                self._slots.release()
            code = _code(self._reason)
        finally:
            self._reader.cancel()
            self._lanes.abandon()
            for batch in self._under_way:
                batch.forget()
            self._say("rpc stream", code, self._reason, began_s, batches=self._batch_count)
        return self._status

    # Reading.

    async def _read_all(self) -> None:
        """Read batch after batch; what ends it ends the stream."""
        try:
            self._identify()
            while (wire := await self._read()) is not None:
                await self._take(wire)
            if self._ending.is_set():
                raise RefusedError(errors.SERVICE_STOPPING)  # noqa: TRY301 - one way to end
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            self._reason, self._status = told(error, self._method.name)
        self._ending.set()
        if not self._under_way:
            self._outbox.put_nowait(None)

    async def _read(self) -> bytes | None:
        """Return the next message; None if there is none, or the stream is to end."""
        await self._slots.acquire()
        if self._ending.is_set():
            return None
        self._reading = True
        try:
            message: Any = await self._context.read()
        except asyncio.CancelledError:
            if self._ending.is_set():
                return None
            raise
        finally:
            self._reading = False
        return None if message is grpc.aio.EOF else message

    def _identify(self) -> frozenset[Role]:
        """Look who calls, and return their roles. Raises RefusedError if it is closed to them."""
        caller = self._method.host.gate.identify(self._context, _now_ms())
        self._tenant, self._actor = caller.tenant, caller.actor
        if self._method.roles.isdisjoint(caller.roles):
            raise RefusedError(errors.ROLE_MISSING)
        return caller.roles

    async def _take(self, wire: bytes) -> None:
        """Take a batch up, or answer it as a whole. Raises RefusedError if the stream is over."""
        began_s, response = time.perf_counter(), pb.ChargeStreamResponse()
        self._batch_count += 1
        try:
            roles = self._identify()
            response.batch_id = read_batch_id(wire)
            # The load first, so that what is shed costs next to nothing (decision 0038).
            if not self._room():
                self._shed(response)
                return
            request = read_batch(wire)
            timeout_ms = check_batch(request)
        except Exception as error:
            reason, status = told(error, self._method.name)
            response.status.CopyFrom(status)
            self._outbox.put_nowait(response)
            self._note(response, reason, began_s, {})
            if isinstance(error, RefusedError):
                raise
            return
        now_ms = _now_ms()
        info = BatchInfo(self._tenant, self._actor, now_ms, now_ms + timeout_ms, began_s)
        batch = Batch(request, response, self._method.kinds, info, self._answered)
        self._under_way.add(batch)
        batch.wait(timeout_ms / 1000)
        for item in self._with_places(batch.items):
            self._check(item, roles)
        await self._find_accounts(batch.unanswered())
        for item in self._with_places(batch.unanswered()):
            self._lanes.put(item)

    @staticmethod
    def _check(item: Item, roles: frozenset[Role]) -> None:
        """Hold an item to the rules of its unary method; answer it if it breaks one."""
        try:
            if item.kind.roles.isdisjoint(roles):
                raise RefusedError(errors.ROLE_MISSING)  # noqa: TRY301 - one way to answer
            broken = violations(item.request)
            if broken:
                raise ServiceError(Reason.INVALID_FIELD, violations=broken)  # noqa: TRY301 - same
            item.account_id = named_account(item)
        except (RefusedError, ServiceError) as error:
            item.fail(*told(error, item.kind.method))

    async def _find_accounts(self, items: Sequence[Item]) -> None:
        """Find whom items that name a line are about, so that an account's items keep order."""
        lines = [item for item in items if not item.account_id]
        if lines:
            await asyncio.gather(*map(self._find_account, lines))

    async def _find_account(self, item: Item) -> None:
        try:
            payer = convert.payer_of(item.request)
            item.account_id = await self._method.find_account(self._tenant, payer)
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            item.fail(*told(error, item.kind.method))

    def _room(self) -> int:
        """How many more items may be worked on."""
        host = self._method.host
        return max(host.calls_in_flight_max - self._metrics.calls_in_flight, 0)

    def _shed(self, response: pb.ChargeStreamResponse) -> None:
        """Answer a batch for which there is no place at all; counted, without a line."""
        response.status.CopyFrom(_OVERLOADED)
        self._outbox.put_nowait(response)
        self._metrics.durations(self._method.name, "RESOURCE_EXHAUSTED").record(0.0)

    def _with_places(self, items: Sequence[Item]) -> Sequence[Item]:
        """Shed the items for which there is no place, from the end; return the others."""
        room = self._room()
        for item in items[room:]:
            item.fail(errors.OVERLOADED, _OVERLOADED)
        return items[:room]

    # Answering.

    def _answered(self, batch: Batch) -> None:
        """Send a batch's answers on their way."""
        self._under_way.discard(batch)
        self._outbox.put_nowait(batch.response)
        self._note(batch.response, errors.OK, batch.info.began_s, batch.failures)
        for item in batch.items:
            self._metrics.count_item(item.kind.operation, _code(item.reason))
        if self._ending.is_set() and not self._under_way:
            self._outbox.put_nowait(None)

    def _note(
        self,
        response: pb.ChargeStreamResponse,
        reason: str,
        began_s: float,
        failures: Mapping[str, int],
    ) -> None:
        """Count a batch, and write its line."""
        code = _code(reason)
        seconds = time.perf_counter() - began_s
        self._metrics.durations(self._method.name, code).record(seconds)
        self._say(
            "rpc",
            code,
            reason,
            began_s,
            batch_id=response.batch_id,
            items=len(response.answers),
            failures=dict(failures),
        )

    def _say(self, event: str, code: str, reason: str, began_s: float, **more: object) -> None:
        self._method.log.info(
            event,
            method=self._method.name,
            code=code,
            reason=reason,
            duration_ms=round((time.perf_counter() - began_s) * 1000, 3),
            tenant=self._tenant,
            actor=self._actor,
            **more,
        )


def _code(reason: str) -> str:
    return errors.FAILURES[reason].code.name if reason else "OK"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
