"""What is there now: money that is held, and what is paid for and not used."""

from typing import Final

from ocs.domain.insights import AsOf, Money, Position, UnusedRow
from ocs.insights.question import Question

_MINE: Final = "($tenant = '' OR tenant = $tenant)"
# Only what could still be spent: an expired bucket is closed by the next call on its account.
_LEFT: Final = "(expire_ms = 0 OR expire_ms > $as_of_ms OR reserved > 0)"


def position(question: Question, tenant: str, as_of: AsOf) -> Position:
    """Add it up."""
    asked = {"tenant": tenant}
    unused = question.rows(
        "SELECT coalesce(a.segment, ''), CASE WHEN unit = 'micros' THEN a.currency ELSE '' END,"
        " unit, opened_by IN ('PURCHASE_BUNDLE', 'RENEW_BUNDLE') AS of_bundles,"
        " sum(greatest(balance, 0))::HUGEINT, sum(reserved)::HUGEINT,"
        " sum(CASE WHEN unit = 'micros' THEN greatest(-balance, 0) ELSE 0 END)::HUGEINT, count(*)"
        " FROM buckets JOIN accounts a USING (tenant, account)"
        f" WHERE balance <> 0 AND {_LEFT} AND {_MINE} GROUP BY ALL ORDER BY ALL",
        {**asked, "as_of_ms": as_of.as_of_ms},
    )
    ((open_count,),) = question.rows(
        f"SELECT coalesce(sum(hold_count), 0)::HUGEINT FROM open_holds WHERE {_MINE}", asked
    )
    return Position(
        as_of, open_count, held(question, tenant), tuple(UnusedRow(*row) for row in unused)
    )


def held(question: Question, tenant: str) -> tuple[Money, ...]:
    """Money that reservations hold, by currency."""
    rows = question.rows(
        "SELECT a.currency, sum(b.reserved)::HUGEINT FROM buckets b JOIN accounts a"
        f" USING (tenant, account) WHERE b.unit = 'micros' AND b.reserved <> 0 AND {_MINE}"
        " GROUP BY ALL ORDER BY ALL",
        {"tenant": tenant},
    )
    return tuple(Money(*row) for row in rows)
