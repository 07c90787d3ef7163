"""One question to the tables: a connection of its own, and what all questions have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb

from ocs.domain.insights import FiguresAsked
from ocs.insights.minutes import MINUTE_MS, USE
from ocs.insights.schema import DIMENSIONS

_ALL: Final = ", ".join(DIMENSIONS)
# The events of a part of a minute, as the rows that whole minutes were added up to.
_LOOSE: Final = {
    "minutes": f"""SELECT store_ms AS minute_ms, {_ALL}, currency,
        CASE WHEN {USE} THEN unit ELSE '' END AS unit,
        (charged_micros > 0)::INTEGER AS charge_count,
        charged_micros, refunded_micros, topped_up_micros,
        CASE WHEN {USE} THEN used_units ELSE 0 END AS used_units, uncollected_units,
        uncollected_micros, uncosted_units FROM events""",
    "cost_minutes": """SELECT store_ms AS minute_ms, e.tenant, segment, plan, service, zone,
        c.partner, e.currency, c.currency AS cost_currency, c.micros AS cost_micros
        FROM costs c JOIN events e USING (tenant, account, seq)""",
    "decision_minutes": f"""SELECT store_ms AS minute_ms, {_ALL}, kind, outcome,
        1 AS decision_count FROM events WHERE outcome <> ''""",
}

Row = tuple[Any, ...]


class Question:
    """Runs queries. Use from one thread, then leave it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Run a query."""
        return self._connection.execute(
            sql, None if parameters is None else dict(parameters)
        ).fetchall()

    def added_up(
        self, asked: FiguresAsked, table: str, keys: Sequence[str], sums: Sequence[str]
    ) -> list[Row]:
        """Add up a table of minutes: start of the step, dimensions, keys, sums.

        Whole minutes come from what was added up before; what the range has of a minute at its
        ends is added up from the events.
        """
        first_ms = -(-asked.start_ms // MINUTE_MS) * MINUTE_MS
        last_ms = max(first_ms, asked.end_ms // MINUTE_MS * MINUTE_MS)
        where, parameters = restriction(asked)
        loose = f"SELECT * FROM ({_LOOSE[table]}) WHERE"
        parts = [f"SELECT * FROM {table} WHERE minute_ms >= $first_ms AND minute_ms < $last_ms"]
        if asked.start_ms < first_ms:
            parts.append(
                f"{loose} minute_ms >= $start_ms AND minute_ms < least($first_ms, $end_ms)"
            )
        if last_ms < asked.end_ms:
            parts.append(f"{loose} minute_ms >= $last_ms AND minute_ms < $end_ms")
        bounds = {"first_ms": first_ms, "last_ms": last_ms}
        bounds |= {"start_ms": asked.start_ms, "end_ms": asked.end_ms}
        union = " UNION ALL BY NAME ".join(parts)
        names = ", ".join([*asked.by, *keys])
        added = ", ".join(f"sum({name})::HUGEINT AS {name}" for name in sums)
        return self.rows(
            f"SELECT step_ms{', ' if names else ''}{names}, {added} FROM ({union}) m"
            " ASOF JOIN (SELECT unnest($steps::BIGINT[]) AS step_ms) s ON m.minute_ms >= s.step_ms"
            f" WHERE {where} GROUP BY ALL ORDER BY ALL",
            {
                **{name: value for name, value in bounds.items() if f"${name}" in union},
                **parameters,
                "steps": list(asked.steps),
            },
        )


def restriction(asked: FiguresAsked) -> tuple[str, dict[str, object]]:
    """What rows are wanted. Dimensions are words of ours; values are parameters."""
    where = ["true"]
    parameters: dict[str, object] = {}
    if asked.tenant:
        where.append("tenant = $asked_tenant")
        parameters["asked_tenant"] = asked.tenant
    for dimension, values in asked.only.items():
        where.append(f"list_contains($only_{dimension}::VARCHAR[], {dimension})")
        parameters[f"only_{dimension}"] = list(values)
    return " AND ".join(where), parameters
