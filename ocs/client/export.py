"""A file of exported rows, as it arrives from `ocs insights`.

What a receiver has to do is here: begin with `begun`, write every part, and take the file for whole
only when `ended` came and its digest is that of what was written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ocs.client import encode
from ocs.client.decode.charge import time
from ocs.client.decode.insights import as_of
from ocs.client.errors import Failure, InternalError
from ocs.client.insights import AsOf
from ocs.v1 import insights_service_pb2 as insights


class ExportKind(StrEnum):
    """What a row is: a charge; what a carrier is owed for one; what it did to a bucket."""

    CHARGES = "CHARGES"
    COSTS = "COSTS"
    BALANCES = "BALANCES"


class ExportFormat(StrEnum):
    """What file the rows stand in."""

    CSV = "CSV"
    PARQUET = "PARQUET"


@dataclass(frozen=True, slots=True)
class ExportBegun:
    """The range that is exported, start inclusive, end exclusive, and how many rows it has."""

    as_of: AsOf
    start_time: datetime | None
    end_time: datetime | None
    row_count: int


@dataclass(frozen=True, slots=True)
class ExportPart:
    """The next bytes of the file. row_count: rows written so far."""

    data: bytes
    row_count: int


@dataclass(frozen=True, slots=True)
class ExportTotal:
    """What the rows of a currency (empty: of none) add up to. sums: micro-units, by column."""

    currency: str
    row_count: int
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ExportEnded:
    """What was exported. sha256: of the file, in hexadecimal digits."""

    row_count: int
    byte_count: int
    sha256: str
    totals: tuple[ExportTotal, ...]


ExportPiece = ExportBegun | ExportPart | ExportEnded


def request_of(
    kind: ExportKind,
    format_: ExportFormat,
    start_time: datetime,
    end_time: datetime,
    *,
    partial: bool,
) -> insights.ExportEventsRequest:
    """The request."""
    return insights.ExportEventsRequest(
        kind=insights.ExportKind.Value(f"EXPORT_KIND_{kind}"),
        format=insights.ExportFormat.Value(f"EXPORT_FORMAT_{format_}"),
        start_time=encode.timestamp("start_time", start_time),
        end_time=encode.timestamp("end_time", end_time),
        partial=partial,
    )


class Received:
    """Decodes the messages of an export, and holds what came against what it was to be."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._byte_count = 0
        self._ended = False

    def piece(self, message: insights.ExportEventsResponse) -> ExportPiece:
        """Decode a message. Raises InternalError if the bytes are not those that were sent."""
        match message.WhichOneof("piece"):
            case "begun":
                begun = message.begun
                return ExportBegun(
                    as_of(begun.as_of),
                    time(begun, "start_time"),
                    time(begun, "end_time"),
                    begun.row_count,
                )
            case "part":
                self._digest.update(message.part.data)
                self._byte_count += len(message.part.data)
                return ExportPart(message.part.data, message.part.row_count)
            case _:
                return self._end(message.ended)

    def end(self) -> None:
        """Say that there are no more. Raises InternalError if the end did not come."""
        if not self._ended:
            raise InternalError(Failure("INTERNAL", "the export broke off"))

    def _end(self, ended: insights.ExportEnded) -> ExportEnded:
        if (ended.byte_count, ended.sha256) != (self._byte_count, self._digest.hexdigest()):
            raise InternalError(Failure("INTERNAL", "what came is not what was exported"))
        self._ended = True
        totals = tuple(
            ExportTotal(
                one.currency, one.row_count, {sum_.column: sum_.micros for sum_ in one.sums}
            )
            for one in ended.totals
        )
        return ExportEnded(ended.row_count, ended.byte_count, ended.sha256, totals)
