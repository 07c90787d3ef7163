"""The figures, as those see them who ask; and what a projector reads of contexts."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from ocs.domain.export import ExportAsked, ExportPiece
from ocs.domain.insights import (
    AsOf,
    Events,
    EventsAsked,
    Figures,
    FiguresAsked,
    Limits,
    LimitsAsked,
    Now,
    Position,
    QueryResult,
    Refusals,
    Timeline,
    Usage,
)


class TextColumn(NamedTuple):
    """Texts as places in bytes that all of them share.

    data: the bytes, UTF-8 where a text is. spans: of each text, in the order of the rows, where it
    starts and where it ends; int32, and no less than those before.
    """

    data: memoryview
    spans: memoryview


class ContextColumns(NamedTuple):
    """Many contexts at once.

    columns: by name, those of CONTEXT_COLUMNS; numbers are int64, one behind the other. pieces: the
    use by price of those contexts that have several, by row: (units, tariff_version, price_id).
    unreadable: rows that are none; their values are empty.
    """

    columns: Mapping[str, TextColumn | memoryview]
    pieces: Mapping[int, tuple[tuple[int, str, str], ...]]
    unreadable: AbstractSet[int]


class ContextReader(Protocol):
    """Reads many contexts back, as columns."""

    def __call__(self, contexts: Sequence[bytes]) -> ContextColumns:
        """Decode what ContextEncoder spelled."""


class Insights(Protocol):
    """The figures: folded from the journal, asked by many. Raises InsightsBusyError."""

    async def revenue(self, asked: FiguresAsked) -> Figures:
        """Add up money by step and dimension, ordered by both."""

    async def usage(self, asked: FiguresAsked) -> Usage:
        """Add up units by step, dimension and unit."""

    async def refusals(self, asked: FiguresAsked) -> Refusals:
        """Count what was refused by step, dimension and outcome."""

    async def now(self, tenant: str) -> Now:
        """Tell what happens now; empty tenant: of all of them."""

    async def position(self, tenant: str) -> Position:
        """Tell what is held, and paid for and not used."""

    async def limits(self, asked: LimitsAsked) -> Limits:
        """List caps by the part that is spent, nearest to the limit first."""

    async def events(self, asked: EventsAsked) -> Events:
        """Read a page of the events of all accounts, newest first."""

    async def timeline(self, tenant: str, account_id: str, before_seq: int, count: int) -> Timeline:
        """Read an account's events below a number (0: from the last), newest first."""

    async def query(self, tenant: str, sql: str) -> QueryResult:
        """Run one SELECT that sees a tenant (empty: all). Raises SqlRefusedError."""

    def export(self, asked: ExportAsked) -> AsyncGenerator[ExportPiece, None]:
        """Export a range: what it has, the bytes, what they were. Raises FiguresBehindError."""

    def as_of(self) -> AsOf:
        """Say until when the figures are whole."""


class SqlRefusedError(Exception):
    """A text that is not one SELECT over the figures; the text of the error says why."""


class FiguresBehindError(Exception):
    """The figures are not whole until the end of the range, or were taken back meanwhile."""


class InsightsBusyError(Exception):
    """A question took longer than it may."""
