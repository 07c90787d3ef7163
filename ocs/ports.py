"""What the service needs from the outside, as Protocols over domain types.

size: every port and what it speaks in, on one page.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Protocol

from ocs.domain.answer import Answer, Reason
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Expire, Mutation
from ocs.domain.event_context import EventContext
from ocs.domain.insights import (
    AsOf,
    Events,
    EventsAsked,
    Figures,
    FiguresAsked,
    Limits,
    LimitsAsked,
    Now,
    Position,
    QueryResult,
    Refusals,
    Timeline,
    Usage,
)
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.state import AccountState, AccountStatus, AccountTerms, RequestRecord
from ocs.domain.view import ReservationView


class Clock(Protocol):
    """The service's own clock."""

    def __call__(self) -> int:
        """Return milliseconds since 1970 UTC."""


class Fault(NamedTuple):
    """What is wrong where in a tariff's text; line and column from 1.

    path: e.g. `services.voice.price`; empty: of the text as such.
    """

    line: int
    column: int
    path: str
    rule: str

    def __str__(self) -> str:
        """`line:column: path: rule`."""
        told = f"{self.path}: {self.rule}" if self.path else self.rule
        return f"{self.line}:{self.column}: {told}"


class BookError(ValueError):
    """A text that is no tariff; its faults in the order of their places."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)

    def told(self, name: object) -> str:
        """All faults, a line each: `name:line:column: path: rule`."""
        return "\n".join(f"{name}:{fault}" for fault in self.faults)


class StoredTariff(NamedTuple):
    """A version as it is stored. activate_ms: -1 = not scheduled, 0 = since ever."""

    version: str
    text_sha256: str
    text_bytes: int
    activate_ms: int
    load_ms: int
    actor: str


class TariffStore(Protocol):
    """Tariff books: the tenants', and under the owner INSTALLATION the installation's own.

    Raises StoreUnavailableError, with the reason if there is one.
    """

    async def revisions(self) -> dict[str, int]:
        """How often each book has changed, by owner; those without a version are not there."""

    async def versions(self, owner: str) -> list[StoredTariff]:
        """All versions of a book, by activation, those without one last."""

    async def text(self, owner: str, version: str) -> bytes:
        """The text of a version that is there."""

    async def load(
        self,
        owner: str,
        version: str,
        *,
        text: bytes = b"",
        activate: str = "",
        actor: str,
        deadline_ms: int,
    ) -> StoredTariff | Reason:
        """Store a version, schedule it, or both.

        text: empty only schedules. activate: ms; empty: not yet; `start`: see load_tariff.lua.
        """


INSTALLATION: Final = "="
"""The owner of the installation's own book; no tenant's id."""


class Ledger(Protocol):
    """Accounts and what may be asked of them. Every method may be called concurrently.

    No method raises for a store that is in doubt: the answer's reason says so.
    """

    async def profile(
        self, tenant: str, account_id: str, subscriber_id: str, *, fresh: bool = False
    ) -> Profile | Answer:
        """Read an account's terms and the caps that may bind the subscriber.

        subscriber_id: empty for none. fresh: past any cache. Answers with ACCOUNT_NOT_FOUND,
        SUBSCRIBER_NOT_FOUND or a store reason.
        """

    async def reservation_facts(
        self, tenant: str, account_id: str, reservation_id: str, *, fresh: bool = False
    ) -> ReservationFacts | None:
        """Read what must be known of a reservation to commit or release it; None if unknown."""

    async def execute(self, command: Mutation) -> Answer:
        """Run one command atomically, with its journal event."""

    async def expire(self, command: Expire) -> Answer:
        """Expire what is due on one account, in rounds."""

    async def snapshot(
        self, tenant: str, account_id: str, group_id: str = ""
    ) -> tuple[AccountState, int] | Answer:
        """Read an account as of one moment, and the store's clock then.

        Sessions, reservations and records are left out, and so are the caps of a group that no line
        is in, but of the group that is named.
        """


class AccountSummary(NamedTuple):
    """What a list says of an account."""

    account_id: str
    status: AccountStatus
    terms: AccountTerms
    create_ms: int


class Reader(Protocol):
    """What is remembered beside an account's figures; changes nothing.

    Answers with ACCOUNT_NOT_FOUND, a reason named below, or a store reason.
    """

    async def reservation(
        self, tenant: str, account_id: str, reservation_id: str
    ) -> tuple[ReservationView, int] | Answer:
        """Read a reservation and the store's clock; RESERVATION_NOT_FOUND once forgotten."""

    async def open_reservations(
        self, tenant: str, account_id: str, after: str, count: int
    ) -> tuple[list[ReservationView], int] | Answer:
        """Read open reservations with ids behind `after`, ordered by id, and the store's clock."""

    async def request(
        self, tenant: str, account_id: str, request_id: str
    ) -> RequestRecord | Answer:
        """Read what a request_id led to; REQUEST_NOT_FOUND if nothing is remembered."""

    async def list_accounts(
        self, tenant: str, after: tuple[int, str], count: int
    ) -> tuple[list[AccountSummary], tuple[int, str]] | Answer:
        """Read accounts behind a place (partition, account_id), and the place of the last one.

        The place's partition is -1 at the end.
        """


class StoreUnavailableError(Exception):
    """The store did not answer, and what was sent may or may not have run; or it refused.

    reason: STORE_UNAVAILABLE, STORE_FULL, STATE_CORRUPT, or as ArchiveError has it.
    """

    def __init__(self, reason: Reason = Reason.STORE_UNAVAILABLE) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Claim(NamedTuple):
    """Where a looked-up id stands: claimed, pending, lapsed, confirmed or taken, and by whom.

    deadline_ms: until when the owner may be on his way, store clock; 0 once confirmed.
    """

    state: str
    account_id: str
    subject_id: str
    request_id: str
    deadline_ms: int

    @property
    def owner(self) -> tuple[str, str, str]:
        """Account, line (- for a payment) and request."""
        return self.account_id, self.subject_id, self.request_id


class LookupIndex(Protocol):
    """Tenant-wide index of identities and payment references; the account has the truth.

    kind: msisdn, imsi, iccid or payment. Raises StoreUnavailableError.
    """

    async def claim(
        self, tenant: str, kind: str, value: str, owner: tuple[str, str, str], *, deadline_ms: int
    ) -> Claim:
        """Claim an id for (account_id, subject_id, request_id), pending for 60 s.

        deadline_ms: until when a store that is gone is waited for, service clock; so below.
        """

    async def settle(
        self,
        tenant: str,
        kind: str,
        value: str,
        claim: Claim,
        *,
        confirmed: bool,
        deadline_ms: int,
    ) -> None:
        """Confirm a claim, or drop it while it is pending; not if its owner has claimed anew."""

    async def release(
        self, tenant: str, kind: str, value: str, claim: Claim, *, deadline_ms: int
    ) -> None:
        """Free a confirmed id that its owner has no more; not if it has another owner by now."""

    async def find(
        self, tenant: str, kind: str, value: str, *, fresh: bool = False
    ) -> Claim | None:
        """Read the index; None if the id is unknown. fresh: past any cache."""

    async def owns(self, tenant: str, kind: str, value: str, owner: tuple[str, str, str]) -> bool:
        """Ask the owner's account whether it took the id."""


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


class Vitals(NamedTuple):
    """How a process of the service answered of late: rates in thousandths of a call a second.

    shed: refused for want of a place; not among the answered. p50_us, p99_us: 0 without calls.
    """

    calls_per_s_e3: int
    shed_per_s_e3: int
    p50_us: int
    p99_us: int


class VitalsBoard(Protocol):
    """Where the processes of the service tell how they are. Raises StoreUnavailableError."""

    async def publish(self, process_id: str, vitals: Vitals, now_ms: int) -> None:
        """Tell it of one process; replaces what it told before."""

    async def read(self, now_ms: int) -> list[Vitals]:
        """Read what processes told in the last seconds; those that are silent are left out."""


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


class ContextEncoder(Protocol):
    """Spells an event's context; its bytes are opaque to the store."""

    def __call__(self, context: EventContext) -> bytes:
        """Encode once per event."""


class ContextDecoder(Protocol):
    """Reads an event's context back."""

    def __call__(self, context: bytes) -> EventContext:
        """Decode what ContextEncoder spelled."""


class ContextColumns(NamedTuple):
    """Many contexts at once.

    columns: values by name, those of CONTEXT_COLUMNS. pieces: the use by price of those contexts
    that have several, by row: (units, tariff_version, price_id). unreadable: rows that are none.
    """

    columns: Mapping[str, Sequence[object]]
    pieces: Mapping[int, tuple[tuple[int, str, str], ...]]
    unreadable: AbstractSet[int]


class ContextReader(Protocol):
    """Reads many contexts back, as columns."""

    def __call__(self, contexts: Sequence[bytes]) -> ContextColumns:
        """Decode what ContextEncoder spelled."""


class Insights(Protocol):
    """The figures: folded from the journal, asked by many. Raises InsightsBusyError."""

    async def revenue(self, asked: FiguresAsked) -> Figures:
        """Add up money by step and dimension, ordered by both."""

    async def usage(self, asked: FiguresAsked) -> Usage:
        """Add up units by step, dimension and unit."""

    async def refusals(self, asked: FiguresAsked) -> Refusals:
        """Count what was refused by step, dimension and outcome."""

    async def now(self, tenant: str) -> Now:
        """Tell what happens now; empty tenant: of all of them."""

    async def position(self, tenant: str) -> Position:
        """Tell what is held, and paid for and not used."""

    async def limits(self, asked: LimitsAsked) -> Limits:
        """List caps by the part that is spent, nearest to the limit first."""

    async def events(self, asked: EventsAsked) -> Events:
        """Read a page of the events of all accounts, newest first."""

    async def timeline(self, tenant: str, account_id: str, before_seq: int, count: int) -> Timeline:
        """Read an account's events below a number (0: from the last), newest first."""

    async def query(self, tenant: str, sql: str) -> QueryResult:
        """Run one SELECT that sees a tenant (empty: all). Raises SqlRefusedError."""

    def as_of(self) -> AsOf:
        """Say until when the figures are whole."""


class SqlRefusedError(Exception):
    """A text that is not one SELECT over the figures; the text of the error says why."""


class InsightsBusyError(Exception):
    """A question took longer than it may."""
