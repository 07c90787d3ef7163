"""A batch of the journal as Arrow tables: `incoming`, and the use by price of its contexts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ocs.domain.event_context import CONTEXT_COLUMNS
from ocs.insights.line import GRAMMAR
from ocs.insights.spans import texts_at
from ocs.ports import ContextReader, JournalRun, TextColumn

_NUMBERS: Final = frozenset({"event_time_ms", "corrects_seq"})
_SCHEMA: Final = pa.schema(
    [
        ("n", pa.int64()),
        ("part", pa.uint16()),
        ("position", pa.string()),
        ("line", pa.string()),
        ("context", pa.binary()),
        ("is_event", pa.bool_()),
        *((name, pa.int64() if name in _NUMBERS else pa.string()) for name in CONTEXT_COLUMNS),
    ]
)
_PIECES: Final = pa.schema(
    [
        ("n", pa.int64()),
        ("start_at", pa.int64()),
        ("end_at", pa.int64()),
        ("version", pa.string()),
        ("price_id", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries to be folded together. positions: of the last entry of each partition."""

    incoming: pa.Table
    pieces: pa.Table
    positions: dict[int, str]

    @classmethod
    def empty(cls) -> "Batch":
        """A batch of nothing."""
        return cls(_SCHEMA.empty_table(), _PIECES.empty_table(), {})


def batch_of(runs: Iterable[JournalRun], read_contexts: ContextReader) -> Batch:
    """Make a batch of runs, each of another partition."""
    partitions: list[int] = []
    positions: list[str] = []
    lines: list[bytes] = []
    contexts: list[bytes] = []
    last: dict[int, str] = {}
    for run in runs:
        partitions += [run.partition] * len(run.positions)
        positions += run.positions
        lines += run.lines
        contexts += run.contexts
        last[run.partition] = run.positions[-1]
    if not lines:
        return Batch.empty()
    read = read_contexts(contexts)
    accepts = GRAMMAR.fullmatch
    is_event = np.fromiter((accepts(line) is not None for line in lines), np.bool_, len(lines))
    is_event[list(read.unreadable)] = False
    arrays = [
        pa.array(np.arange(len(lines))),
        pa.array(partitions, pa.uint16()),
        pa.array(positions, pa.string()),
        _lines(lines),
        pa.array(contexts, pa.binary()),
        pa.array(is_event),
        *(_column(read.columns[name], len(lines)) for name in CONTEXT_COLUMNS),
    ]
    incoming = pa.Table.from_arrays(arrays, schema=_SCHEMA)
    return Batch(incoming, pa.Table.from_pylist(list(_pieces(read.pieces)), _PIECES), last)


def _column(values: TextColumn | memoryview, count: int) -> Any:
    if isinstance(values, memoryview):
        return pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(values)])
    return texts_at(values.data, values.spans, count)


def _pieces(found: Mapping[int, Sequence[tuple[int, str, str]]]) -> Iterator[dict[str, Any]]:
    """Say of each piece where in the report's use it starts and ends."""
    for row, pieces in found.items():
        at = 0
        for units, version, price_id in pieces:
            yield {
                "n": row,
                "start_at": at,
                "end_at": at + units,
                "version": version,
                "price_id": price_id,
            }
            at += units


def _lines(lines: Sequence[bytes]) -> Any:
    try:
        return pa.array(lines, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        # A byte that is no UTF-8 becomes a letter that no name of ours has.
        return pa.array([line.decode("utf-8", "replace") for line in lines], pa.string())
