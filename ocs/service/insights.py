"""Use cases of InsightsService: what is asked for in the caller's words, held to its bounds."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from ocs.domain.answer import Reason
from ocs.domain.export import ExportAsked, ExportPiece
from ocs.domain.insights import (
    AsOf,
    Dimension,
    Events,
    EventsAsked,
    Figures,
    FiguresAsked,
    Limits,
    LimitsAsked,
    Position,
    QueryResult,
    Refusals,
    Step,
    Timeline,
    Usage,
)
from ocs.domain.periods import NOW_MS_MIN, Period, period_bounds
from ocs.limits import FIGURE_RANGE_MAX_MS, FIGURE_STEPS_MAX
from ocs.ports import FiguresBehindError, Insights, InsightsBusyError, SqlRefusedError
from ocs.service.errors import ServiceError

_MINUTE_MS: Final = 60_000

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAsked:
    """A range of figures as a caller asks for it.

    end_ms: 0 = until now. step: None = the whole range is one.
    """

    tenant: str
    start_ms: int
    end_ms: int = 0
    step: Step | None = None
    by: Sequence[Dimension] = ()
    only: Mapping[Dimension, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EventsWanted:
    """Which events of a range, as EventsAsked."""

    kind: str
    outcome: str
    refused: bool
    uncollected: bool
    offset: int
    count: int


class InsightsUse:
    """Asks the figures. time_zone: the operator's. Raises ServiceError.

    every_tenant: calls carry no credentials, so whoever asks sees all tenants.
    """

    def __init__(self, insights: Insights, time_zone: str, *, every_tenant: bool) -> None:
        self._insights = insights
        self.time_zone = time_zone
        self._every_tenant = every_tenant

    async def revenue(self, asked: RangeAsked) -> Figures:
        """Revenue, cost and margin."""
        return await _answered(self._insights.revenue(self._figures(asked)))

    async def usage(self, asked: RangeAsked) -> Usage:
        """Units used."""
        return await _answered(self._insights.usage(self._figures(asked)))

    async def refusals(self, asked: RangeAsked) -> Refusals:
        """What was refused."""
        return await _answered(self._insights.refusals(self._figures(asked)))

    async def position(self, tenant: str) -> Position:
        """What is held, and paid for and not used."""
        return await _answered(self._insights.position(self.scope(tenant)))

    async def limits(self, asked: LimitsAsked) -> Limits:
        """Caps, nearest to their limits first."""
        mine = replace(asked, tenant=self.scope(asked.tenant))
        return await _answered(self._insights.limits(mine))

    async def events(self, asked: RangeAsked, more: EventsWanted) -> Events:
        """The events behind a figure, newest first."""
        figures = self._figures(asked)
        return await _answered(self._insights.events(EventsAsked(figures=figures, **vars(more))))

    async def timeline(self, tenant: str, account_id: str, before_seq: int, count: int) -> Timeline:
        """An account's events, newest first."""
        return await _answered(self._insights.timeline(tenant, account_id, before_seq, count))

    async def query(self, tenant: str, sql: str) -> QueryResult:
        """One SELECT of an operator."""
        try:
            return await _answered(self._insights.query(self.scope(tenant), sql))
        except SqlRefusedError as error:
            violations = [("sql", str(error))]
            raise ServiceError(Reason.SQL_REFUSED, violations=violations) from None

    async def export(
        self, asked: ExportAsked, *, partial: bool
    ) -> AsyncGenerator[ExportPiece, None]:
        """A range as a file. partial: what there is of it, if the figures are behind."""
        problems = _range_problems(asked.start_ms, asked.end_ms, "")
        if problems:
            raise ServiceError(Reason.INVALID_FIELD, violations=problems)
        whole_ms = self.as_of().as_of_ms
        if partial:
            asked = replace(asked, end_ms=min(asked.end_ms, whole_ms))
        if not asked.start_ms < asked.end_ms <= whole_ms:
            raise self._behind()
        try:
            mine = replace(asked, tenant=self.scope(asked.tenant))
            async with aclosing(self._insights.export(mine)) as pieces:
                async for piece in pieces:
                    yield piece
        except InsightsBusyError:
            raise ServiceError(Reason.QUERY_TOO_LONG) from None
        except FiguresBehindError:
            raise self._behind() from None

    def _behind(self) -> ServiceError:
        rule = f"must be at most {_utc(self.as_of().as_of_ms)}: until then the figures are whole"
        return ServiceError(Reason.FIGURES_BEHIND, violations=[("end_time", rule)])

    def scope(self, tenant: str) -> str:
        """Whose figures a caller of a tenant sees; empty: all."""
        return "" if self._every_tenant else tenant

    def as_of(self) -> AsOf:
        """Until when the figures are whole."""
        return self._insights.as_of()

    def _figures(self, asked: RangeAsked) -> FiguresAsked:
        end_ms = asked.end_ms or max(self.as_of().as_of_ms, asked.start_ms) + 1
        problems = _range_problems(asked.start_ms, end_ms, "range.")
        if Dimension.TENANT in {*asked.by, *asked.only} and not self._every_tenant:
            rule = "must not name the tenant: there is one"
            problems.append(("range.group_by", rule))
        steps = [asked.start_ms] if problems else self._steps(asked.start_ms, end_ms, asked.step)
        if len(steps) > FIGURE_STEPS_MAX:
            problems.append(
                ("range.step", f"must divide the range into {FIGURE_STEPS_MAX} at most")
            )
        if problems:
            raise ServiceError(Reason.INVALID_FIELD, violations=problems)
        return FiguresAsked(
            tenant=self.scope(asked.tenant),
            start_ms=asked.start_ms,
            end_ms=end_ms,
            steps=steps,
            by=tuple(asked.by),
            only=asked.only,
        )

    def _steps(self, start_ms: int, end_ms: int, step: Step | None) -> list[int]:
        """Starts of the steps, one more than there may be at most."""
        starts = [start_ms]
        if step is None:
            return starts
        while len(starts) <= FIGURE_STEPS_MAX:
            next_ms = self._step_after(starts[-1], step)
            if next_ms >= end_ms:
                break
            starts.append(next_ms)
        return starts

    def _step_after(self, at_ms: int, step: Step) -> int:
        if step is Step.MINUTE:
            return at_ms - at_ms % _MINUTE_MS + _MINUTE_MS
        period = Period.HOUR if step is Step.HOUR else Period.DAY
        bounds = period_bounds(period, time_zone=self.time_zone, anchor_day=1, now_ms=at_ms)
        return bounds.end_ms


def _utc(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _range_problems(start_ms: int, end_ms: int, place: str) -> list[tuple[str, str]]:
    """What is wrong with a range; place: what stands before the names of its fields."""
    problems = []
    if start_ms < NOW_MS_MIN:
        problems.append((f"{place}start_time", "must be in 2000 or later"))
    if end_ms <= start_ms:
        problems.append((f"{place}end_time", "must be after start_time"))
    elif end_ms - start_ms > FIGURE_RANGE_MAX_MS:
        problems.append((f"{place}end_time", "must be at most 400 days after start_time"))
    return problems


async def _answered(answer: Awaitable[AnswerT]) -> AnswerT:
    try:
        return await answer
    except InsightsBusyError:
        raise ServiceError(Reason.QUERY_TOO_LONG) from None
