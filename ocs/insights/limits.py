"""Caps by how much of them is spent.

SQL finds the candidates, by the last period that each counted in; whether that period is still the
present one is for the rules of ocs.domain.periods to say, in the account's time zone.
"""

from collections.abc import Iterator
from typing import Final

from ocs.domain.insights import AsOf, LimitRow, Limits, LimitsAsked
from ocs.domain.periods import LIFETIME_END_MS, Period, period_bounds
from ocs.domain.spending_cap import SpendingCap, read_period
from ocs.domain.units import Unit
from ocs.insights.question import Question, Row

_DAY_MS: Final = 86_400_000
# No period is longer, whatever the clocks do; what began before is over, and needs no look.
_LONGEST_MS: Final = {
    "hour": _DAY_MS // 4,
    "day": 2 * _DAY_MS,
    "week": 8 * _DAY_MS,
    "month": 32 * _DAY_MS,
    "year": 367 * _DAY_MS,
    "lifetime": LIFETIME_END_MS,
}
_CALENDAR: Final = " ".join(f"WHEN '{word}' THEN {ms}" for word, ms in _LONGEST_MS.items())
_BATCH: Final = 1000

# Of a calendar's period the last counter; of a rolling window the slots that are inside.
_CANDIDATES: Final = f"""
    WITH spent AS (
        SELECT c.*, max(n.period_start_ms) AS start_ms,
            arg_max(n.spent, n.period_start_ms)::HUGEINT AS spent
        FROM caps c JOIN cap_counters n USING (tenant, account, holder, cap)
        WHERE NOT starts_with(c.period, 'rolling') GROUP BY ALL
        HAVING start_ms > $as_of_ms - CASE c.period {_CALENDAR} ELSE 0 END
        UNION ALL
        SELECT c.*, min(n.period_start_ms) FILTER (n.spent > 0) AS start_ms,
            sum(n.spent)::HUGEINT AS spent
        FROM (SELECT *, split_part(period, '/', 2)::BIGINT AS slot_count,
                split_part(period, '/', 3)::BIGINT AS slot_ms
            FROM caps WHERE starts_with(period, 'rolling')) w
        JOIN cap_counters n USING (tenant, account, holder, cap)
        JOIN caps c USING (tenant, account, holder, cap)
        WHERE n.period_start_ms >= $as_of_ms - $as_of_ms % slot_ms - (slot_count - 1) * slot_ms
        GROUP BY ALL)
    SELECT s.tenant, s.account, s.holder, s.cap, s.unit, s.cap_limit, s.period, s.service, s.zone,
        s.start_ms, s.spent, coalesce(a.segment, ''), coalesce(a.currency, ''),
        coalesce(a.time_zone, ''), coalesce(a.anchor_day, 1)
    FROM spent s LEFT JOIN accounts a USING (tenant, account)
    WHERE s.cap_limit > 0 AND s.spent * 1000 >= s.cap_limit::HUGEINT * $share
        AND ($tenant = '' OR s.tenant = $tenant) AND ($any OR a.segment = $segment)
        AND ($account = '' OR s.account = $account)
    ORDER BY s.spent::DOUBLE / s.cap_limit DESC, s.tenant, s.account, s.holder, s.cap
    LIMIT {_BATCH} OFFSET $offset
"""


def limits(question: Question, asked: LimitsAsked, as_of: AsOf) -> Limits:
    """List a page."""
    rows: list[LimitRow] = []
    offset = asked.offset
    for offset, found in enumerate(_candidates(question, asked, as_of), start=asked.offset):
        if len(rows) == asked.count:
            return Limits(as_of, tuple(rows), offset)
        row = _row(found, as_of)
        if row is not None:
            rows.append(row)
    return Limits(as_of, tuple(rows), 0)


def _candidates(question: Question, asked: LimitsAsked, as_of: AsOf) -> Iterator[Row]:
    offset = asked.offset
    while True:
        batch = question.rows(
            _CANDIDATES,
            {
                "tenant": asked.tenant,
                "share": asked.share_permille,
                "any": asked.segment is None,
                "segment": asked.segment or "",
                "account": asked.account_id,
                "as_of_ms": as_of.as_of_ms,
                "offset": offset,
            },
        )
        yield from batch
        if len(batch) < _BATCH:
            return
        offset += _BATCH


def _row(found: Row, as_of: AsOf) -> LimitRow | None:
    """Read a candidate; None if it counted in a period that is over."""
    tenant, account_id, holder, cap_id, unit, limit, period_text = found[:7]
    service, zone, start_ms, spent, segment, currency, time_zone, anchor_day = found[7:]
    period, window = read_period(period_text)
    cap = SpendingCap(holder, cap_id, Unit(unit), limit, period, service, zone, window)
    reset_ms = 0
    if window is not None:
        reset_ms = window.leaves_ms(start_ms) if start_ms is not None else 0
    elif period is not Period.LIFETIME:
        # An account from before its time zone was journaled: its day ends somewhere near.
        bounds = period_bounds(
            period, time_zone=time_zone or "UTC", anchor_day=anchor_day, now_ms=start_ms
        )
        if bounds.end_ms <= as_of.as_of_ms:
            return None
        reset_ms = bounds.end_ms if time_zone else 0
    money = cap.unit is Unit.MICROS
    return LimitRow(tenant, account_id, segment, currency if money else "", cap, spent, reset_ms)
