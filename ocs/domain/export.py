"""What is exported of the journal, row by row, for those who work on it in batches.

A range is of the store's clock, half open: the time at which an event entered the books, whenever
its use was. So exports of ranges that touch lose nothing and have nothing twice.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ocs.domain.insights import AsOf


class ExportKind(enum.StrEnum):
    """What a row is."""

    CHARGES = "charges"
    """An event that charged, sold, or gave back: the rows that revenue is added up from."""
    COSTS = "costs"
    """What one carrier is owed for the use of one event: the rows of a settlement."""
    BALANCES = "balances"
    """What one event did to one bucket: the rows of a subsidiary ledger."""


class ExportFormat(enum.StrEnum):
    """What file the rows stand in."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAsked:
    """Which rows. tenant: empty for all. From start_ms, inclusive, to end_ms, exclusive."""

    tenant: str
    kind: ExportKind
    format: ExportFormat
    start_ms: int
    end_ms: int


class ExportBegun(NamedTuple):
    """The range that is exported, as of when, and how many rows it has."""

    as_of: AsOf
    start_ms: int
    end_ms: int
    row_count: int


class ExportPart(NamedTuple):
    """The next bytes of the file. row_count: rows so far."""

    data: bytes
    row_count: int


class ExportTotal(NamedTuple):
    """What the rows of a currency (empty: of none) add up to. sums: micro-units, by column."""

    currency: str
    row_count: int
    sums: Mapping[str, int]


class ExportEnded(NamedTuple):
    """What was exported. sha256: of the file, in hexadecimal digits."""

    row_count: int
    byte_count: int
    sha256: str
    totals: tuple[ExportTotal, ...]


ExportPiece = ExportBegun | ExportPart | ExportEnded
