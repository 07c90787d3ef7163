"""What happens now."""

from typing import Final

from ocs.domain.insights import (
    GRANTED,
    AsOf,
    MinuteCost,
    MinuteRevenue,
    Money,
    Now,
    OutcomeCount,
    SecondDecisions,
)
from ocs.insights.minutes import MINUTE_MS
from ocs.insights.position import held
from ocs.insights.question import Question

_HOUR_MS: Final = 60 * MINUTE_MS
_RATE_MS: Final = 10_000
_MINE: Final = "($tenant = '' OR tenant = $tenant)"


def now(question: Question, tenant: str, as_of: AsOf) -> Now:
    """Take the snapshot: the present minute, and the 59 before it."""
    start_ms = as_of.as_of_ms // MINUTE_MS * MINUTE_MS - _HOUR_MS + MINUTE_MS
    hour = {"tenant": tenant, "start_ms": start_ms}
    revenue = question.rows(
        "SELECT minute_ms, currency, sum(charged_micros - refunded_micros)::HUGEINT AS micros"
        f" FROM minutes WHERE minute_ms >= $start_ms AND {_MINE} GROUP BY ALL HAVING micros <> 0"
        " ORDER BY ALL",
        hour,
    )
    costs = question.rows(
        "SELECT minute_ms, cost_currency, sum(cost_micros)::HUGEINT FROM cost_minutes"
        f" WHERE minute_ms >= $start_ms AND {_MINE} GROUP BY ALL ORDER BY ALL",
        hour,
    )
    refusals = question.rows(
        "SELECT outcome, sum(decision_count)::HUGEINT AS n FROM decision_minutes"
        f" WHERE minute_ms >= $start_ms AND outcome NOT IN {tuple(sorted(GRANTED))} AND {_MINE}"
        " GROUP BY ALL ORDER BY n DESC, outcome",
        hour,
    )
    ((open_count,),) = question.rows(
        f"SELECT coalesce(sum(hold_count), 0)::HUGEINT FROM open_holds WHERE {_MINE}",
        {"tenant": tenant},
    )
    uncollected = question.rows(
        "SELECT currency, sum(uncollected_micros)::HUGEINT AS micros FROM minutes"
        f" WHERE minute_ms >= $start_ms AND {_MINE} GROUP BY ALL HAVING micros > 0 ORDER BY ALL",
        hour,
    )
    ((event_count, rewritten_count, unreadable_count),) = question.rows(
        "SELECT event_count, rewritten_count, (SELECT count(*) FROM unreadable) FROM projection"
    )
    tenants = [] if tenant else question.rows("SELECT DISTINCT tenant FROM accounts ORDER BY ALL")
    return Now(
        as_of=as_of,
        revenue=tuple(MinuteRevenue(*row) for row in revenue),
        costs=tuple(MinuteCost(*row) for row in costs),
        grants_per_s=_grants_per_s(question, tenant, as_of),
        refusals=tuple(OutcomeCount(*row) for row in refusals),
        open_reservation_count=open_count,
        held=held(question, tenant),
        uncollected=tuple(Money(*row) for row in uncollected),
        projected_event_count=event_count,
        rewritten_count=rewritten_count,
        unreadable_count=unreadable_count,
        decisions=_decisions(question, tenant, as_of),
        tenants=tuple(name for (name,) in tenants),
    )


def _grants_per_s(question: Question, tenant: str, as_of: AsOf) -> float:
    ((granted,),) = question.rows(
        "SELECT count(*) FROM events WHERE outcome = 'GRANTED' AND store_ms > $since_ms"
        f" AND {_MINE}",
        {"tenant": tenant, "since_ms": as_of.as_of_ms - _RATE_MS},
    )
    return int(granted) * 1000 / _RATE_MS


def _decisions(question: Question, tenant: str, as_of: AsOf) -> tuple[SecondDecisions, ...]:
    """What was granted or charged, and refused, in each second of the last minute."""
    rows = question.rows(
        "SELECT store_ms - store_ms % 1000 AS second_ms,"
        " count(*) FILTER (outcome = 'GRANTED' OR outcome = 'CHARGED'),"
        f" count(*) FILTER (outcome NOT IN {tuple(sorted(GRANTED))}) FROM events"
        f" WHERE outcome <> '' AND store_ms > $since_ms AND {_MINE} GROUP BY ALL ORDER BY ALL",
        {"tenant": tenant, "since_ms": as_of.as_of_ms - MINUTE_MS},
    )
    return tuple(SecondDecisions(*row) for row in rows)
