"""Adds events up by minute, in rows that add up themselves."""

from typing import Final

from ocs.insights.schema import DIMENSIONS

MINUTE_MS: Final = 60_000
_DIMENSIONS: Final = ", ".join(DIMENSIONS)
# A correction reports money, not use.
USE: Final = "kind IN ('COMMIT', 'DEBIT') AND corrects_seq = 0 AND used_units > 0"


def sums(events: str) -> str:
    """A query that adds events up by all that a row of minutes goes by; moves: for `minutes`."""
    return f"""
        SELECT store_ms - store_ms % {MINUTE_MS} AS minute_ms, {_DIMENSIONS}, currency,
            CASE WHEN {USE} THEN unit ELSE '' END AS unit, kind, outcome,
            charged_micros > 0 OR refunded_micros > 0 OR topped_up_micros <> 0
                OR uncollected_micros > 0 OR uncollected_units > 0 OR ({USE}) AS moves,
            count(*) AS event_count, count(*) FILTER (charged_micros > 0) AS charge_count,
            sum(charged_micros) AS charged_micros, sum(refunded_micros) AS refunded_micros,
            sum(topped_up_micros) AS topped_up_micros,
            sum(CASE WHEN {USE} THEN used_units ELSE 0 END) AS used_units,
            sum(uncollected_units) AS uncollected_units,
            sum(uncollected_micros) AS uncollected_micros, sum(uncosted_units) AS uncosted_units,
            sum(opened_holds) AS opened_holds
        FROM {events} GROUP BY ALL
    """


def add_up(summed: str, events: str, costs: str) -> tuple[str, ...]:
    """Statements that add `sums` of events, and the events' costs, up by minute."""
    return (
        f"""
        INSERT INTO minutes
        SELECT minute_ms, {_DIMENSIONS}, currency, unit, sum(charge_count), sum(charged_micros),
            sum(refunded_micros), sum(topped_up_micros), sum(used_units), sum(uncollected_units),
            sum(uncollected_micros), sum(uncosted_units)
        FROM {summed} WHERE moves GROUP BY ALL
        """,
        f"""
        INSERT INTO cost_minutes
        SELECT store_ms - store_ms % {MINUTE_MS}, e.tenant, segment, plan, service, zone, c.partner,
            e.currency, c.currency, sum(c.micros)
        FROM {costs} c JOIN {events} e USING (tenant, account, seq)
        GROUP BY ALL
        """,
        f"""
        INSERT INTO decision_minutes
        SELECT minute_ms, {_DIMENSIONS}, kind, outcome, sum(event_count)
        FROM {summed} WHERE outcome <> '' GROUP BY ALL
        """,
        f"""
        INSERT INTO open_holds
        SELECT tenant, sum(opened_holds) FROM {summed} GROUP BY tenant
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
