"""The Insights port over the tables: questions beside the event loop, a few at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import Final, TypeVar

import duckdb

from ocs.domain.insights import AsOf, Decisions, Figures, FiguresAsked, Now, Usage
from ocs.insights import figures
from ocs.insights.now import now
from ocs.insights.projector import Projector
from ocs.insights.question import Question
from ocs.insights.tables import Tables
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

    async def decisions(self, asked: FiguresAsked) -> Decisions:
        """Count outcomes."""
        return await self._ask(lambda question: figures.decisions(question, asked, self.as_of()))

    async def now(self, tenant: str) -> Now:
        """Tell what happens now."""
        return await self._ask(lambda question: now(question, tenant, self.as_of()))

    def close(self) -> None:
        """Wait for the threads to end what they do."""
        self._threads.shutdown(wait=True)

    async def _ask(self, answer: Callable[[Question], AnswerT]) -> AnswerT:
        """Answer beside the event loop, from one state of the tables."""

        def run() -> AnswerT:
            connection = self._tables.reader()
            timer = Timer(FIGURE_QUESTION_MAX_MS / 1000, connection.interrupt)
            timer.start()
            try:
                connection.execute("BEGIN TRANSACTION READ ONLY").fetchall()
                return answer(Question(connection))
            except duckdb.InterruptException:
                raise InsightsBusyError from None
            finally:
                timer.cancel()
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)
