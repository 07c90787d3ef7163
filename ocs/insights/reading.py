"""Reads the lines of a batch: what a fold needs of them as columns, before it begins.

This has a DuckDB of its own, without a file: so one batch is read while another one is folded.
"""

from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ocs.domain.event_context import CONTEXT_COLUMNS
from ocs.insights.batch import Batch
from ocs.insights.tokens import take_apart

_SEEN: Final = """
    SELECT split_part(position, '-', 1)::UBIGINT AS entry_ms,
        split_part(position, '-', 2)::UBIGINT AS entry_no, hash(line, context) AS digest
    FROM incoming
"""
_KEPT: Final = ("part", "entry_ms", "entry_no", "digest", "line", *CONTEXT_COLUMNS)
_ASIDE: Final = ["part", "entry_ms", "entry_no", "line", "context"]


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
        for column in (seen := self._query(_SEEN, incoming)).column_names:
            incoming = incoming.append_column(column, seen[column])
        is_event = incoming["is_event"]
        aside = incoming.slice(0, 0)
        if not pc.all(is_event, min_count=0).as_py():
            aside, incoming = incoming.filter(pc.invert(is_event)), incoming.filter(is_event)
        tables = take_apart(_one(incoming["n"]), _one(incoming["line"]))
        for column in _KEPT:
            tables["fresh"] = tables["fresh"].append_column(column, incoming[column])
        tables["fresh_aside"] = aside.select(_ASIDE)
        tables["incoming_pieces"] = batch.pieces
        return ReadBatch(tables, batch.positions)

    def _query(self, sql: str, incoming: pa.Table) -> Any:
        self._connection.register("incoming", incoming)
        found = self._connection.sql(sql).to_arrow_table()
        self._connection.unregister("incoming")
        return found


def _one(column: Any) -> Any:
    """A column in one piece."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
