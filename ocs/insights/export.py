"""Exports a range: planned once, then read and written slice by slice.

A slice is one transaction of its own, so that a slow reader holds up nothing and no memory grows
with the range. What is whole does not change, but for a journal that takes events back
(rewind.py); then the export ends with an error instead of a file of two states.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from ocs.domain.export import ExportAsked
from ocs.insights.export_rows import COUNTS, rows_sql

_MINUTE_MS: Final = 60_000
# Rows of some 400 bytes: a slice takes some tens of megabytes while it is written.
_SLICE_EVENTS: Final = 50_000

Slice = tuple[int, int]
"""From, inclusive, to, exclusive; store clock, milliseconds."""


class Plan(NamedTuple):
    """What is to be exported. generation: of the journal that the tables are of."""

    generation: str
    row_count: int
    slices: tuple[Slice, ...]


def plan(connection: duckdb.DuckDBPyConnection, asked: ExportAsked) -> Plan:
    """Count the rows, and cut the range."""
    connection.execute("BEGIN TRANSACTION READ ONLY").fetchall()
    ((count,),) = connection.execute(COUNTS[asked.kind], _range(asked, _whole(asked))).fetchall()
    minutes = connection.execute(
        f"SELECT store_ms - store_ms % {_MINUTE_MS} AS minute_ms, count(*) FROM events"
        " WHERE store_ms >= $start_ms AND store_ms < $end_ms"
        " AND ($tenant = '' OR tenant = $tenant) GROUP BY ALL ORDER BY ALL",
        _range(asked, _whole(asked)),
    ).fetchall()
    return Plan(_generation(connection), count, tuple(cut(_whole(asked), minutes)))


def read(
    connection: duckdb.DuckDBPyConnection, asked: ExportAsked, of: Slice, generation: str
) -> pa.Table | None:
    """The rows of a slice; None if the tables are not those any more that were planned."""
    connection.execute("BEGIN TRANSACTION READ ONLY").fetchall()
    if _generation(connection) != generation:
        return None
    return connection.sql(rows_sql(asked.kind), params=_range(asked, of)).to_arrow_table()


def cut(
    whole: Slice, minutes: list[tuple[int, int]], events_max: int = _SLICE_EVENTS
) -> Iterator[Slice]:
    """Cut a range into slices of some events_max events; what is between them has none.

    minutes: that have events, in order, and how many. A full minute is cut into equal times.
    """
    start_ms, end_ms = whole
    at_ms, count = start_ms, 0
    for minute_ms, events in minutes:
        if count and count + events > events_max:
            yield at_ms, minute_ms
            count = 0
        if not count:
            at_ms = max(start_ms, minute_ms)
        count += events
        parts = -(-count // events_max)
        if parts > 1:
            until_ms = min(minute_ms + _MINUTE_MS, end_ms)
            span_ms = until_ms - at_ms
            bounds = [at_ms + span_ms * number // parts for number in range(parts + 1)]
            yield from ((low, high) for low, high in pairwise(bounds) if low < high)
            count = 0
    if count:
        yield at_ms, end_ms


def _whole(asked: ExportAsked) -> Slice:
    return asked.start_ms, asked.end_ms


def _range(asked: ExportAsked, of: Slice) -> dict[str, object]:
    return {"tenant": asked.tenant, "start_ms": of[0], "end_ms": of[1]}


def _generation(connection: duckdb.DuckDBPyConnection) -> str:
    ((generation,),) = connection.execute("SELECT generation FROM projection").fetchall()
    return str(generation)
