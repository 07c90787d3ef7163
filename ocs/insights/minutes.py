"""Adds events up by minute, in rows that add up themselves."""

from typing import Final

from ocs.insights.schema import DIMENSIONS

MINUTE_MS: Final = 60_000
_DIMENSIONS: Final = ", ".join(DIMENSIONS)
# A correction reports money, not use.
USE: Final = "kind IN ('COMMIT', 'DEBIT') AND corrects_seq = 0 AND used_units > 0"


def add_up(events: str, costs: str) -> tuple[str, ...]:
    """Statements that add events, and their costs, up by minute."""
    minute = f"store_ms - store_ms % {MINUTE_MS}"
    return (
        f"""
        INSERT INTO minutes
        SELECT {minute}, {_DIMENSIONS}, currency, CASE WHEN {USE} THEN unit ELSE '' END,
            count(*) FILTER (charged_micros > 0), sum(charged_micros), sum(refunded_micros),
            sum(topped_up_micros), sum(CASE WHEN {USE} THEN used_units ELSE 0 END),
            sum(uncollected_units), sum(uncollected_micros), sum(uncosted_units)
        FROM {events}
        WHERE charged_micros > 0 OR refunded_micros > 0 OR topped_up_micros <> 0
            OR uncollected_micros > 0 OR uncollected_units > 0 OR ({USE})
        GROUP BY ALL
        """,
        f"""
        INSERT INTO cost_minutes
        SELECT {minute}, e.tenant, segment, plan, service, zone, c.partner, e.currency, c.currency,
            sum(c.micros)
        FROM {costs} c JOIN {events} e USING (tenant, account, seq)
        GROUP BY ALL
        """,
        f"""
        INSERT INTO decision_minutes
        SELECT {minute}, {_DIMENSIONS}, kind, outcome, count(*) FROM {events} WHERE outcome <> ''
        GROUP BY ALL
        """,
        f"""
        INSERT INTO open_holds
        SELECT tenant, sum(opened_holds) FROM {events} GROUP BY tenant
        HAVING sum(opened_holds) <> 0
        """,
    )


_NEW: Final = "CREATE OR REPLACE TEMP TABLE gathered AS"


def _gathered(table: str, *sums: str) -> tuple[str, ...]:
    added = ", ".join(f"sum({name}) AS {name}" for name in sums)
    found = f"* EXCLUDE ({', '.join(sums)}), {added}"
    since = "minute_ms >= getvariable('since_ms')"
    return (
        f"{_NEW} SELECT {found} FROM {table} WHERE {since} GROUP BY ALL",
        f"DELETE FROM {table} WHERE {since}",
        f"INSERT INTO {table} BY NAME FROM gathered",
    )


GATHER: Final = (
    *_gathered(
        "minutes",
        "charge_count",
        "charged_micros",
        "refunded_micros",
        "topped_up_micros",
        "used_units",
        "uncollected_units",
        "uncollected_micros",
        "uncosted_units",
    ),
    *_gathered("cost_minutes", "cost_micros"),
    *_gathered("decision_minutes", "decision_count"),
    f"{_NEW} SELECT tenant, sum(hold_count) AS hold_count FROM open_holds GROUP BY tenant",
    "TRUNCATE open_holds",
    "INSERT INTO open_holds BY NAME FROM gathered",
)
"""Puts rows of the same minute, from `since_ms` on, and dimensions together."""
