"""The columns of a segment, and runs of the journal as such columns.

A row is an entry as it stood in the journal: `line` and `context` are its bytes, the position is
its stream id. The other columns repeat what the line says, so that a reader may choose rows without
decoding lines; they are null where an entry is no event.
"""

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from ocs.domain.position import parse_position
from ocs.ports import JournalRun

SCHEMA: Final = pa.schema(
    [
        pa.field("partition", pa.uint16(), nullable=False),
        pa.field("position_ms", pa.uint64(), nullable=False),
        pa.field("position_number", pa.uint64(), nullable=False),
        pa.field("tenant", pa.string()),
        pa.field("account", pa.string()),
        pa.field("seq", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("store_ms", pa.int64()),
        pa.field("line", pa.binary(), nullable=False),
        pa.field("context", pa.binary(), nullable=False),
    ]
)
# Version, kind, account, seq, store_ms; then whatever the kind has.
_HEAD_WORDS: Final = 5
_NO_EVENT: Final = (None, None, None, None, None)
_INT64_MAX: Final = 2**63 - 1


def table_of(run: JournalRun) -> Any:
    """Return a run as rows, in its order."""
    positions = [parse_position(position) for position in run.positions]
    heads = [_head(line) for line in run.lines]
    tenants, accounts, seqs, kinds, times = zip(*heads, strict=True)
    columns = [
        [run.partition] * len(positions),
        [milliseconds for milliseconds, _ in positions],
        [number for _, number in positions],
        tenants,
        accounts,
        seqs,
        kinds,
        times,
        run.lines,
        run.contexts,
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def runs_of(table: Any) -> Iterable[JournalRun]:
    """Return rows as runs, one for each stretch of rows of one partition."""
    partitions = table["partition"].to_pylist()
    positions = spelled(table)
    lines, contexts = table["line"].to_pylist(), table["context"].to_pylist()
    first = 0
    for row in range(1, len(partitions) + 1):
        if row == len(partitions) or partitions[row] != partitions[first]:
            some = slice(first, row)
            yield JournalRun(partitions[first], positions[some], lines[some], contexts[some])
            first = row


def spelled(table: Any) -> list[str]:
    """Return the position of each row."""
    pairs = zip(table["position_ms"].to_pylist(), table["position_number"].to_pylist(), strict=True)
    return [f"{milliseconds}-{number}" for milliseconds, number in pairs]


def run_bytes(run: JournalRun) -> int:
    """Count what a run's entries take, roughly as the journal has them."""
    return sum(map(len, run.lines)) + sum(map(len, run.contexts))


def _head(line: bytes) -> tuple[str | None, str | None, int | None, str | None, int | None]:
    """Tenant, account, seq, kind and store_ms of a line; nothing if it does not begin like one."""
    words = line.split(b" ", _HEAD_WORDS)
    if len(words) < _HEAD_WORDS:
        return _NO_EVENT
    tenant, slash, account = words[2].partition(b"/")
    if not slash or not (words[3].isdigit() and words[4].isdigit()):
        return _NO_EVENT
    seq, store_ms = int(words[3]), int(words[4])
    if max(seq, store_ms) > _INT64_MAX:
        return _NO_EVENT
    try:
        return tenant.decode(), account.decode(), seq, words[1].decode(), store_ms
    except UnicodeDecodeError:
        return _NO_EVENT
