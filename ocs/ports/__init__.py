"""What the service needs from the outside, as Protocols over domain types."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import Expire, Mutation
from ocs.domain.event_context import EventContext
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.state import AccountState, AccountStatus, AccountTerms, RequestRecord
from ocs.domain.view import ReservationView
from ocs.ports.insights import (
    ContextColumns,
    ContextReader,
    FiguresBehindError,
    Insights,
    InsightsBusyError,
    SqlRefusedError,
    TextColumn,
)
from ocs.ports.journal import (
    Archive,
    ArchivedEntry,
    ArchiveError,
    ArchiveMark,
    EventLog,
    Journal,
    JournalMark,
    JournalRun,
    LoggedEvent,
    StaleEpochError,
    StoreUnavailableError,
    Stream,
)

__all__ = [
    "INSTALLATION",
    "AccountSummary",
    "Archive",
    "ArchiveError",
    "ArchiveMark",
    "ArchivedEntry",
    "BookError",
    "Claim",
    "Clock",
    "ContextColumns",
    "ContextDecoder",
    "ContextEncoder",
    "ContextReader",
    "EventLog",
    "Fault",
    "FiguresBehindError",
    "Insights",
    "InsightsBusyError",
    "Journal",
    "JournalMark",
    "JournalRun",
    "Ledger",
    "LoggedEvent",
    "LookupIndex",
    "Reader",
    "SqlRefusedError",
    "StaleEpochError",
    "StoreUnavailableError",
    "StoredTariff",
    "Stream",
    "TariffStore",
    "TextColumn",
    "Vitals",
    "VitalsBoard",
]


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


class ContextEncoder(Protocol):
    """Spells an event's context; its bytes are opaque to the store."""

    def __call__(self, context: EventContext) -> bytes:
        """Encode once per event."""


class ContextDecoder(Protocol):
    """Reads an event's context back."""

    def __call__(self, context: bytes) -> EventContext:
        """Decode what ContextEncoder spelled."""
