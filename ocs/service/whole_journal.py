"""The journal from its beginning: what the store still has, and behind that the archive."""

from collections.abc import Mapping

from ocs.domain.position import parse_position
from ocs.ports import Archive, JournalMark, JournalRun, Stream


class WholeJournal:
    """The Journal port over stream and archive, for those who may have fallen behind.

    What is not before a partition's `trimmed` is read from the store. What is, is in the archive up
    to `archived`, and is read from there; so no entry is missed, whatever is trimmed meanwhile.
    """

    def __init__(self, stream: Stream, archive: Archive) -> None:
        self._stream = stream
        self._archive = archive
        self.partition_count = stream.partition_count

    async def mark(self) -> JournalMark:
        """Say where the journal is: where the stream is."""
        return await self._stream.mark()

    async def oldest(self) -> dict[int, str]:
        """Say where the oldest entry is that the store has: readers that step back go no further.

        The archive has those before, and they do not change.
        """
        return await self._stream.oldest()

    async def read(self, after: Mapping[int, str]) -> list[JournalRun]:
        """Read on behind a position in each partition asked for (empty: from the first event).

        Bounded as Journal is: partitions with more are read on by the next call. Raises
        StoreUnavailableError, ArchiveError.
        """
        runs = await self._stream.read(after)
        # Asked for after the entries: what was trimmed before they were read shows.
        marks = await self._stream.marks(after)
        behind = {
            partition: position
            for partition, position in after.items()
            if parse_position(position) < parse_position(marks[partition].trimmed)
        }
        if not behind:
            return runs
        until = {partition: marks[partition].archived for partition in behind}
        archived = await self._archive.read(behind, until)
        if not archived:  # nothing lies between, so the store's entries follow
            return runs
        # A partition may have several runs; one that had none waits for its turn.
        found = [run._replace(more=True) for run in archived]
        waiting = behind.keys() - {run.partition for run in archived}
        found += [JournalRun(partition, [], [], [], more=True) for partition in waiting]
        return [run for run in runs if run.partition not in behind] + found
