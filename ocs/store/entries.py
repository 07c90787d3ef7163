"""Entries of a partition's stream as the store gives them, and as events."""

from collections.abc import Iterable, Iterator
from typing import cast

from ocs.domain.audit import UnreadableEventError
from ocs.domain.charging_event import EventFormatError, decode_event
from ocs.ports import JournalRun, LoggedEvent
from ocs.store.pipeline import Reply


def run_of(partition: int, entries: Iterable[Reply]) -> JournalRun:
    """Put entries into columns; what is not ours has no line."""
    run = JournalRun(partition, [], [], [])
    for entry in entries:
        position, line, context = _parts(entry)
        run.positions.append(position)
        run.lines.append(line)
        run.contexts.append(context)
    return run


def line_of(entry: Reply) -> bytes:
    """Return an entry's first value, the event's line unless somebody else wrote it."""
    _, flat = cast("tuple[bytes, list[bytes]]", entry)
    return next(iter(flat[1:]), b"")


def logged_entry(entry: Reply) -> LoggedEvent:
    """Read an entry. Raises UnreadableEventError."""
    return logged_event(*_parts(entry))


def logged_event(position: str, line: bytes, context: bytes) -> LoggedEvent:
    """Read an entry's line. Raises UnreadableEventError."""
    text = line.decode("utf-8", "replace")
    try:
        return LoggedEvent(position, decode_event(text), context, text)
    except EventFormatError:
        raise UnreadableEventError(position, text) from None


def decoded(run: JournalRun, size: int) -> Iterator[list[LoggedEvent]]:
    """Read a run so many at a time. Stops at what is no event: yields what precedes, raises it."""
    batch: list[LoggedEvent] = []
    for position, line, context in zip(run.positions, run.lines, run.contexts, strict=True):
        try:
            batch.append(logged_event(position, line, context))
        except UnreadableEventError:
            if batch:
                yield batch
            raise
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _parts(entry: Reply) -> tuple[str, bytes, bytes]:
    name, flat = cast("tuple[bytes, list[bytes]]", entry)
    fields = dict(zip(flat[::2], flat[1::2], strict=False))
    return name.decode(), fields.get(b"e", b""), fields.get(b"c", b"")
