"""What a store says of its own layout: one key, written when a service first uses the store.

`1 256`: the format of what is stored, and the count of partitions. Both are for ever, or change
only with a version that knows how: a server leaves a store alone whose record it does not know.
`restoring` stands there while a backup is being copied in.
"""

from typing import Final

from redis.exceptions import ResponseError

from ocs.store import keys
from ocs.store.fitness import Finding, Level
from ocs.store.pipeline import Pipeline
from ocs.store.replies import text_of

FORMAT: Final = 1
RECORD: Final = f"{FORMAT} {keys.PARTITION_COUNT}"
RESTORING: Final = "restoring"


async def read_record(pipeline: Pipeline) -> str:
    """Read the record; empty in a store that no service has used. Raises StoreLostError."""
    reply = await pipeline.send("GET", keys.layout_key())
    return "unreadable" if isinstance(reply, ResponseError) else text_of(reply)


async def write_record(pipeline: Pipeline) -> None:
    """Record this version's layout unless there is a record. Raises StoreLostError.

    A store that takes no writes now (full, say) gets its record at the next start.
    """
    await pipeline.send("SET", keys.layout_key(), RECORD, "NX")


def check_record(text: str) -> Finding:
    """Whether this version may work on a store with this record."""
    if text == RECORD:
        return Finding("layout", Level.OK, f"format {FORMAT}, {keys.PARTITION_COUNT} partitions")
    if not text:
        return Finding("layout", Level.OK, "none recorded yet; the first service records it")
    if text == RESTORING:
        found = "a restore into this store has not ended, so it is not whole"
        step = "wait for it; if it was broken off, empty the store and run `ocs restore` again"
        return Finding("layout", Level.FAULT, found, step)
    form, _, partitions = text.partition(" ")
    if not form.isdecimal() or not partitions.isdecimal():
        step = "see whose store this is"
        return Finding("layout", Level.FAULT, "the store's layout record cannot be read", step)
    if int(form) > FORMAT:
        found = f"the store has format {form}, of a newer ocs; this one knows format {FORMAT}"
        return Finding("layout", Level.FAULT, found, "run the newer version")
    found = (
        f"the store has format {form} and {partitions} partitions; this version works on format"
        f" {FORMAT} with {keys.PARTITION_COUNT}"
    )
    return Finding("layout", Level.FAULT, found, "run the version that made it")
