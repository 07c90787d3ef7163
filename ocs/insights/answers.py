"""The Insights port over the tables: questions beside the event loop, a few at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import Final, TypeVar

import duckdb

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
from ocs.insights import figures
from ocs.insights.limits import limits
from ocs.insights.now import now
from ocs.insights.position import position
from ocs.insights.projector import Projector
from ocs.insights.query import query
from ocs.insights.question import Question
from ocs.insights.tables import Tables
from ocs.insights.timeline import events, timeline
from ocs.limits import FIGURE_QUESTION_MAX_MS
from ocs.ports import InsightsBusyError

_THREADS: Final = 2

AnswerT = TypeVar("AnswerT")


class DuckDbInsights:
    """Asks the tables that a projector keeps."""

    def __init__(self, tables: Tables, projector: Projector) -> None:
        self._tables = tables
        self._projector = projector
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="figures")

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
