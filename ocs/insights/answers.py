"""The Insights port over the tables: questions beside the event loop, a few at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Timer
from typing import Final, TypeVar

import duckdb

from ocs.domain.export import ExportAsked, ExportBegun, ExportPart, ExportPiece
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
from ocs.insights import export, figures
from ocs.insights.export_file import ExportFile
from ocs.insights.limits import limits
from ocs.insights.now import now
from ocs.insights.position import position
from ocs.insights.projector import Projector
from ocs.insights.query import query
from ocs.insights.question import Question
from ocs.insights.tables import Tables
from ocs.insights.timeline import events, timeline
from ocs.limits import FIGURE_QUESTION_MAX_MS
from ocs.ports import FiguresBehindError, InsightsBusyError

_THREADS: Final = 2

AnswerT = TypeVar("AnswerT")


class DuckDbInsights:
    """Asks the tables that a projector keeps."""

    def __init__(self, tables: Tables, projector: Projector) -> None:
        self._tables = tables
        self._projector = projector
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="figures")
        self._exporting = asyncio.Lock()

    def as_of(self) -> AsOf:
        """Until when the figures are whole."""
        return self._projector.as_of

    async def revenue(self, asked: FiguresAsked) -> Figures:
        """Add up money."""
        return await self._ask(lambda question: figures.revenue(question, asked, self.as_of()))

    async def usage(self, asked: FiguresAsked) -> Usage:
        """Add up use."""
        return await self._ask(lambda question: figures.usage(question, asked, self.as_of()))

    async def refusals(self, asked: FiguresAsked) -> Refusals:
        """Count outcomes."""
        return await self._ask(lambda question: figures.refusals(question, asked, self.as_of()))

    async def now(self, tenant: str) -> Now:
        """Tell what happens now."""
        return await self._ask(lambda question: now(question, tenant, self.as_of()))

    async def position(self, tenant: str) -> Position:
        """Tell what is held, and paid for and not used."""
        return await self._ask(lambda question: position(question, tenant, self.as_of()))

    async def limits(self, asked: LimitsAsked) -> Limits:
        """List caps, nearest to their limits first."""
        return await self._ask(lambda question: limits(question, asked, self.as_of()))

    async def events(self, asked: EventsAsked) -> Events:
        """Read events of all accounts, newest first."""
        return await self._ask(lambda question: events(question, asked, self.as_of()))

    async def timeline(self, tenant: str, account_id: str, before_seq: int, count: int) -> Timeline:
        """Read an account's events, newest first."""
        place = (tenant, account_id)
        return await self._ask(
            lambda question: timeline(question, place, before_seq, count, self.as_of())
        )

    async def query(self, tenant: str, sql: str) -> QueryResult:
        """Run one SELECT."""
        return await self._run(lambda connection: query(connection, tenant, sql, self.as_of()))

    async def export(self, asked: ExportAsked) -> AsyncGenerator[ExportPiece, None]:
        """Export a range; one slice is in memory at a time."""
        plan = await self._run(lambda connection: export.plan(connection, asked))
        as_of = self.as_of()
        # The tables step back before as_of does: only together they tell that the range is whole.
        if plan.generation != self._projector.generation or as_of.as_of_ms < asked.end_ms:
            raise FiguresBehindError
        yield ExportBegun(as_of, asked.start_ms, asked.end_ms, plan.row_count)
        file = ExportFile(asked.kind, asked.format)

        def write(connection: duckdb.DuckDBPyConnection, of: export.Slice) -> bytes:
            rows = export.read(connection, asked, of, plan.generation)
            if rows is None:
                raise FiguresBehindError
            return file.add(rows)

        for of in plan.slices:
            # One export reads at a time, so that questions always have a thread.
            async with self._exporting:
                data = await self._run(partial(write, of=of))
            yield ExportPart(data, file.row_count)
        data, ended = await asyncio.to_thread(file.end)
        if ended.row_count != plan.row_count:
            raise FiguresBehindError
        yield ExportPart(data, file.row_count)
        yield ended

    def close(self) -> None:
        """Wait for the threads to end what they do."""
        self._threads.shutdown(wait=True)

    async def _ask(self, answer: Callable[[Question], AnswerT]) -> AnswerT:
        """Answer from one state of the tables."""

        def ask(connection: duckdb.DuckDBPyConnection) -> AnswerT:
            connection.execute("BEGIN TRANSACTION READ ONLY").fetchall()
            return answer(Question(connection))

        return await self._run(ask)

    async def _run(self, answer: Callable[[duckdb.DuckDBPyConnection], AnswerT]) -> AnswerT:
        """Answer beside the event loop, on a connection of its own."""

        def run() -> AnswerT:
            connection = self._tables.reader()
            timer = Timer(FIGURE_QUESTION_MAX_MS / 1000, connection.interrupt)
            timer.start()
            try:
                return answer(connection)
            except duckdb.InterruptException:
                raise InsightsBusyError from None
            finally:
                timer.cancel()
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)
