"""ExportEvents at the edge: one request, a file in pieces, as fast as the caller reads."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, Final

import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import status_pb2

from ocs import limits
from ocs.domain.export import (
    ExportAsked,
    ExportBegun,
    ExportEnded,
    ExportFormat,
    ExportKind,
    ExportPart,
    ExportPiece,
)
from ocs.rpc import convert, errors
from ocs.rpc.credentials import Caller
from ocs.rpc.errors import RefusedError
from ocs.rpc.failure import told
from ocs.rpc.figures import set_as_of
from ocs.rpc.identity import Context
from ocs.rpc.method import CallHost, accepted
from ocs.rpc.roles import roles_for
from ocs.rpc.validate import compile_rules
from ocs.service.insights import InsightsUse
from ocs.v1 import insights_service_pb2 as pb

_OVERLOADED: Final = errors.status_message(errors.OVERLOADED, metadata={})
_KINDS: Final = {pb.ExportKind.Value(f"EXPORT_KIND_{kind.name}"): kind for kind in ExportKind}
_FORMATS: Final = {pb.ExportFormat.Value(f"EXPORT_FORMAT_{one.name}"): one for one in ExportFormat}
# Well below what clients take in one message.
_PART_BYTES: Final = 262_144


class ExportStreamMethod:
    """The method: what its streams share."""

    def __init__(self, method: MethodDescriptor, host: CallHost, *, use: InsightsUse) -> None:
        compile_rules(pb.ExportEventsRequest())
        self.name = f"{method.containing_service.full_name}/{method.name}"
        self.host = host
        self.use = use
        self.roles = roles_for(self.name)

    async def handle(self, _: object, context: Context) -> None:
        """Serve one export until it is done, the caller leaves, or the process ends."""
        streams, stream = self.host.streams, _ExportStream(self, context)
        if streams.full:
            self.host.metrics.durations(self.name, "RESOURCE_EXHAUSTED").record(0.0)
            await context.abort_with_status(errors.call_status(_OVERLOADED))
        streams.add(stream)
        began_s, code = time.perf_counter(), "CANCELLED"
        status: status_pb2.Status | None = None
        try:
            await stream.serve()
        except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
            reason, status = told(error, self.name)
            code = errors.FAILURES[reason].code.name
        else:
            code = "OK"
        finally:
            streams.remove(stream)
            seconds = time.perf_counter() - began_s
            self.host.metrics.durations(self.name, code).record(seconds)
            structlog.get_logger().info(
                "rpc stream",
                method=self.name,
                code=code,
                duration_ms=round(seconds * 1000, 3),
                tenant=stream.tenant,
                actor=stream.actor,
                rows=stream.row_count,
            )
        if status is not None:
            await context.abort_with_status(errors.call_status(status))


class _ExportStream:
    """One export."""

    def __init__(self, method: ExportStreamMethod, context: Context) -> None:
        self._method = method
        self._context = context
        self._ending = asyncio.Event()
        self.tenant = self.actor = ""
        self.row_count = 0

    def end(self) -> None:
        """Send no more."""
        self._ending.set()

    async def serve(self) -> None:
        """Send it all. Raises RefusedError, ServiceError."""
        # Before the message is waited for: who may not export is told at once.
        caller = self._caller()
        self.tenant, self.actor = caller.tenant, caller.actor
        wire = await self._method.host.arrivals.first(self._context)
        request = accepted(wire, pb.ExportEventsRequest.FromString, limits.RECEIVE_BYTES_MAX)
        asked = ExportAsked(
            tenant=caller.tenant,
            kind=_KINDS[request.kind],
            format=_FORMATS[request.format],
            start_ms=convert.time_ms(request.start_time, "start_time"),
            end_ms=convert.time_ms(request.end_time, "end_time"),
        )
        async with aclosing(self._method.use.export(asked, partial=request.partial)) as pieces:
            async for piece in pieces:
                for message in _messages(piece, self._method.use.time_zone):
                    if self._ending.is_set():
                        raise RefusedError(errors.SERVICE_STOPPING)
                    await self._context.write(message.SerializeToString())
                if isinstance(piece, ExportPart):
                    self.row_count = piece.row_count
                # A credential that was taken away meanwhile opens nothing more.
                if self._caller().tenant != caller.tenant:
                    raise RefusedError(errors.ROLE_MISSING)

    def _caller(self) -> Caller:
        """Look who calls. Raises RefusedError if it is closed to them."""
        host = self._method.host
        caller = host.gate.identify(self._context, time.time_ns() // 1_000_000)
        if self._method.roles.isdisjoint(caller.roles):
            raise RefusedError(errors.ROLE_MISSING)
        return caller


def _messages(piece: ExportPiece, time_zone: str) -> Iterator[pb.ExportEventsResponse]:
    """Spell a piece; a part as many as it takes."""
    if isinstance(piece, ExportPart):
        for at in range(0, len(piece.data), _PART_BYTES):
            data = piece.data[at : at + _PART_BYTES]
            part = pb.ExportPart(data=data, row_count=piece.row_count)
            yield pb.ExportEventsResponse(part=part)
    elif isinstance(piece, ExportBegun):
        begun = pb.ExportBegun(row_count=piece.row_count)
        set_as_of(begun.as_of, piece.as_of, time_zone)
        convert.set_time(begun.start_time, piece.start_ms)
        convert.set_time(begun.end_time, piece.end_ms)
        yield pb.ExportEventsResponse(begun=begun)
    else:
        yield pb.ExportEventsResponse(ended=_ended(piece))


def _ended(piece: ExportEnded) -> pb.ExportEnded:
    message = pb.ExportEnded(
        row_count=piece.row_count, byte_count=piece.byte_count, sha256=piece.sha256
    )
    for total in piece.totals:
        one: Any = message.totals.add(currency=total.currency, row_count=total.row_count)
        for column, micros in total.sums.items():
            one.sums.add(column=column, micros=micros)
    return message
