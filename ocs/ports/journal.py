"""The journal and its archive, as their readers and writers see them."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import NamedTuple, Protocol

from ocs.domain.answer import Reason
from ocs.domain.charging_event import ChargingEvent


class StoreUnavailableError(Exception):
    """The store did not answer, and what was sent may or may not have run; or it refused.

    reason: STORE_UNAVAILABLE, STORE_FULL, STATE_CORRUPT, or as ArchiveError has it.
    """

    def __init__(self, reason: Reason = Reason.STORE_UNAVAILABLE) -> None:
        super().__init__(reason.value)
        self.reason = reason


class LoggedEvent(NamedTuple):
    """A journal entry: its position, the event, its context as encoded, and its text."""

    position: str
    event: ChargingEvent
    context: bytes
    line: str = ""


class EventLog(Protocol):
    """The journal, as its readers see it."""

    async def newest_first(
        self, tenant: str, account_id: str, start: str, count: int
    ) -> list[LoggedEvent]:
        """Read an account's events by their `prev`, from a position (empty: the last one)."""

    async def oldest_first(
        self, tenant: str, account_id: str, after: str, start_seq: int, count: int
    ) -> tuple[list[LoggedEvent], str]:
        """Read an account's events from a number on, behind a position (empty: the first one).

        Looks at a bounded number of entries; returns where to go on, empty at the account's end.
        """

    async def find(self, tenant: str, account_id: str, seq: int) -> LoggedEvent | None:
        """Find an account's event by its number; None if the account has none such."""

    def partition(self, partition: int, after: str) -> AsyncIterator[list[LoggedEvent]]:
        """Read one partition's entries behind a position (empty: all), to the end, in batches."""

    async def length(self, partition: int) -> int:
        """Count a partition's entries, for progress."""

    def accounts(self) -> AsyncIterator[tuple[str, str]]:
        """Visit every account the store has state of, as (tenant, account_id); each once."""


class JournalRun(NamedTuple):
    """Entries of one partition that follow each other, as they stand: a list per column.

    positions: stream ids. lines: what decode_event reads. contexts: what a ContextDecoder reads.
    more: the read was cut here; there may be entries behind. Then a run may be empty.
    """

    partition: int
    positions: list[str]
    lines: list[bytes]
    contexts: list[bytes]
    more: bool = False


class JournalMark(NamedTuple):
    """Where the journal is: the store's clock, and which generation of its history it writes.

    The generation changes when another node writes, or the same one after a start: then what was
    read last may never have lasted (DESIGN 6).
    """

    store_ms: int
    generation: str


class Journal(Protocol):
    """The journal as a whole, for those who follow it: archive and views."""

    partition_count: int

    async def mark(self) -> JournalMark:
        """Say where the journal is. Raises StoreUnavailableError."""

    async def oldest(self) -> dict[int, str]:
        """Say where the oldest entry of each partition is that is kept; not of empty ones."""

    async def read(self, after: Mapping[int, str]) -> list[JournalRun]:
        """Read on behind a position in each partition asked for (empty: from the oldest kept).

        Bounded: partitions with more are read on by the next call; those without are left out.
        Raises StoreUnavailableError.
        """


class ArchiveMark(NamedTuple):
    """How far a partition's journal has been archived, as the store has it; empty: not at all.

    archived: the archive has what is up to here. trimmed: the store may have that no more.
    """

    archived: str
    trimmed: str


class Stream(Journal, Protocol):
    """The journal as far as the store still has it."""

    async def marks(self, partitions: Iterable[int]) -> dict[int, ArchiveMark]:
        """Read how far partitions are archived: as of after every read that was begun before.

        So a read behind a position that is not before `trimmed` missed nothing. Raises
        StoreUnavailableError.
        """


class ArchiveError(StoreUnavailableError):
    """The archive lacks what it should have, or cannot be read; the text is for operators."""

    def __init__(self, text: str) -> None:
        super().__init__(Reason.ARCHIVE_UNREADABLE)
        self.text = text

    def __str__(self) -> str:
        """What is wrong where; no caller sees it."""
        return self.text


class StaleEpochError(Exception):
    """A later archiver has begun; what was to be confirmed is not."""


class ArchivedEntry(NamedTuple):
    """An entry of the archive as it stood in the journal."""

    position: str
    line: bytes
    context: bytes


class Archive(Protocol):
    """What the archiver has written of the journal. Raises ArchiveError from every method."""

    async def read(self, after: Mapping[int, str], until: Mapping[int, str]) -> list[JournalRun]:
        """Read on behind a position in each partition asked for, up to and with another.

        Bounded: to be called again until it returns nothing. A hole is an error, never passed over.
        """

    async def chain(
        self, partition: int, account: tuple[str, str], position: str, count: int
    ) -> list[ArchivedEntry]:
        """Follow `prev` among an account's entries from a position; at most count, newest first.

        Ends where the account has no such entry.
        """

    async def forward(
        self,
        partition: int,
        account: tuple[str, str],
        between: tuple[str, str],
        *,
        start_seq: int,
        count: int,
    ) -> tuple[list[ArchivedEntry], str]:
        """Read an account's entries from a number on, between two positions; at most count.

        Looks at a bounded part; returns up to where, the second position at the end.
        """

    async def count(self, partition: int, until: str) -> int:
        """Count a partition's entries up to a position, for progress; never too few."""

    async def first(
        self, partition: int, account: tuple[str, str], from_ms: int
    ) -> ArchivedEntry | None:
        """Look for an account's first entry of a time or later, in one segment only."""
