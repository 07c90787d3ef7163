"""ExportEvents at the edge: one request, a file in pieces, as fast as the caller reads."""

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, Final

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
from ocs.rpc.answer_stream import AnswerStream, AnswerStreamMethod
from ocs.rpc.errors import RefusedError
from ocs.rpc.figures import set_as_of
from ocs.rpc.identity import Context
from ocs.service.insights import InsightsUse
from ocs.v1 import insights_service_pb2 as pb

_KINDS: Final = {pb.ExportKind.Value(f"EXPORT_KIND_{kind.name}"): kind for kind in ExportKind}
_FORMATS: Final = {pb.ExportFormat.Value(f"EXPORT_FORMAT_{one.name}"): one for one in ExportFormat}
# Well below what clients take in one message.
_PART_BYTES: Final = 262_144


class ExportStream(AnswerStream):
    """One export."""

    def __init__(self, method: AnswerStreamMethod, context: Context, *, use: InsightsUse) -> None:
        super().__init__(method, context)
        self._use = use
        self._row_count = 0

    def logged(self) -> dict[str, object]:
        """How far it came."""
        return {"rows": self._row_count}

    async def serve(self) -> None:
        """Send it all. Raises RefusedError, ServiceError."""
        # Before the message is waited for: who may not export is told at once.
        tenant = self.caller().tenant
        request: pb.ExportEventsRequest = await self.request()
        asked = ExportAsked(
            tenant=tenant,
            kind=_KINDS[request.kind],
            format=_FORMATS[request.format],
            start_ms=convert.time_ms(request.start_time, "start_time"),
            end_ms=convert.time_ms(request.end_time, "end_time"),
        )
        async with aclosing(self._use.export(asked, partial=request.partial)) as pieces:
            async for piece in pieces:
                for message in _messages(piece, self._use.time_zone):
                    await self.send(message)
                if isinstance(piece, ExportPart):
                    self._row_count = piece.row_count
                # A credential that was taken away meanwhile opens nothing more.
                if self.caller().tenant != tenant:
                    raise RefusedError(errors.ROLE_MISSING)


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
