"""Reads the lines of a batch: what a fold needs of them as columns, before it begins.

This has a DuckDB of its own, without a file: so one batch is read while another one is folded.
"""

from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ocs.insights.batch import Batch
from ocs.insights.line import GRAMMAR, HEAD, each, number, value

_KEY: Final = "n, tenant, account, seq"
_PLACE: Final = """
    split_part(position, '-', 1)::UBIGINT AS entry_ms,
    split_part(position, '-', 2)::UBIGINT AS entry_no
"""

_ACCEPTED: Final = f"SELECT readable AND regexp_full_match(line, '{GRAMMAR}') AS ok FROM incoming"
_FRESH: Final = f"""
    WITH split AS (
        SELECT n, position, line, context, string_split(line, ' ') AS h, {value("d")} AS deadline
        FROM incoming)
    SELECT {HEAD}, {_PLACE}, {number("r")} AS requested_units, {number("u")} AS used_units,
        {number("g")} AS granted_units, {number("c")} AS connect_micros,
        {number("x")} AS uncollected_units, {number("x", 2)} AS uncollected_micros,
        contains(line, ' p=') AS charged, {number("p")} AS position_before,
        coalesce({value("f")}, '') AS flags, coalesce({value("n")}, '') AS successor,
        deadline IS NOT NULL AND deadline <> '0' AS holds, hash(line, context) AS digest
    FROM split
"""
_ASIDE: Final = f"SELECT part, {_PLACE}, line, context FROM incoming"
_PARTS: Final = {
    "fresh_payments": f"""
        SELECT {_KEY}, f[1] AS bucket, f[2]::BIGINT AS units, f[3]::BIGINT AS micros
        FROM ({each("y", _KEY)})
        """,
    "fresh_buckets": f"""
        SELECT {_KEY}, store_ms, f[1] AS bucket, f[2]::BIGINT AS balance_before,
            f[3]::BIGINT AS reserved_before, f[4]::BIGINT AS balance_after,
            f[5]::BIGINT AS reserved_after
        FROM ({each("b", _KEY + ", store_ms")})
        """,
    "fresh_counters": f"""
        SELECT {_KEY}, f[1] AS holder, f[2] AS cap, f[3]::BIGINT AS period_start_ms,
            f[4]::BIGINT AS spent, f[5]::BIGINT AS reserved
        FROM ({each("k", _KEY)})
        """,
}


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch that can be folded.

    tables: by the name that the fold's statements have for them; `fresh` has the events, with the
    text of their lines, `fresh_aside` what is none. positions: as in Batch.
    """

    tables: dict[str, pa.Table]
    positions: dict[int, str]


class LineReader:
    """Use from one thread at a time."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(
            config={"threads": 1, "enable_external_access": False, "lock_configuration": True}
        )

    def read(self, batch: Batch) -> ReadBatch:
        """Read a batch."""
        incoming = batch.incoming
        accepted = self._query(_ACCEPTED, incoming=incoming)["ok"]
        aside = incoming.slice(0, 0)
        if not pc.all(accepted, min_count=0).as_py():
            aside, incoming = incoming.filter(pc.invert(accepted)), incoming.filter(accepted)
        fresh = self._query(_FRESH, incoming=incoming)
        for column in incoming.schema.names:
            if column not in {"position", "context", "readable"}:
                fresh = fresh.append_column(column, incoming[column])
        tables = {name: self._query(query, fresh=fresh) for name, query in _PARTS.items()}
        tables |= {"fresh": fresh, "incoming_pieces": batch.pieces}
        tables["fresh_aside"] = self._query(_ASIDE, incoming=aside)
        return ReadBatch(tables, batch.positions)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _query(self, sql: str, **tables: pa.Table) -> Any:
        for name, table in tables.items():
            self._connection.register(name, table)
        found = self._connection.sql(sql).to_arrow_table()
        for name in tables:
            self._connection.unregister(name)
        return found
