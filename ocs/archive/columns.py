"""The columns of a segment, and runs of the journal as such columns.

A row is an entry as it stood in the journal: `line` and `context` are its bytes, the position is
its stream id. The other columns repeat what the line says, so that a reader may choose rows without
decoding lines; they are null where an entry is no event.
"""

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

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
POSITION_COLUMNS: Final = ("position_ms", "position_number")
HEAD_COLUMNS: Final = ("tenant", "account", "seq", "kind", "store_ms")
# The words that every line begins with. What does not begin so is no event.
_HEAD: Final = (
    r"^[0-9]+ (?P<kind>[A-Z_]+)"
    r" (?P<tenant>[A-Za-z0-9._+@-]+)/(?P<account>[A-Za-z0-9._+@-]+)"
    r" (?P<seq>[0-9]{1,16}) (?P<store_ms>[0-9]{1,16})(?: |$)"
)
_POSITION: Final = r"^(?P<position_ms>[0-9]+)-(?P<position_number>[0-9]+)$"


def table_of(run: JournalRun) -> Any:
    """Return a run as rows, in its order.

    By Arrow's own functions, which let other threads go on: 2,000 entries are some milliseconds.
    """
    count = len(run.positions)
    lines = pa.array(run.lines, pa.binary())
    positions = pc.extract_regex(pa.array(run.positions, pa.string()), _POSITION)
    head = pc.extract_regex(lines, _HEAD)
    taken = {
        "partition": pa.repeat(pa.scalar(run.partition, pa.uint16()), count),
        "line": lines,
        "context": pa.array(run.contexts, pa.binary()),
    }
    for source, names in ((positions, POSITION_COLUMNS), (head, HEAD_COLUMNS)):
        for name in names:
            text = pc.struct_field(source, name).cast(pa.string())
            taken[name] = text.cast(SCHEMA.field(name).type)
    return pa.Table.from_arrays([taken[field.name] for field in SCHEMA], schema=SCHEMA)


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
