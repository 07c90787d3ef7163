"""The keeper of a server's tariff books: reads each second whether they are still the store's.

A version that is new is read beside the event loop, which may take seconds; until that is done the
books stay as they were and are confirmed all the same, unless the new version is about to price.
Whoever fails to confirm stops granting (ocs/service/books.py), so no server grants by a version
that has been replaced.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from ocs.domain.answer import Reason
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.limits import EVENT_AGE_MAX_MS
from ocs.ports import INSTALLATION, BookError, StoredTariff, StoreUnavailableError, TariffStore
from ocs.service.books import Books

CONFIRM_PAUSE_S: Final = 1.0
# A version that prices before the next look but one has to be known now.
SOON_MS: Final = 2_000

OPEN_MS: Final = 10_000

_Ref = tuple[str, str]


class TariffExistsError(Exception):
    """Another text has the version of the tariff that was given at the start."""

    def __init__(self, version: str) -> None:
        super().__init__(f"another text has version {version}; give the changed file a new one")


class BookKeeper:
    """Keeps the books of a server. read: as in Tariffs. now_ms: the service's clock."""

    def __init__(
        self,
        store: TariffStore,
        read: Callable[[bytes], Tariff],
        now_ms: Callable[[], int],
        steady_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._read = read
        self._now_ms = now_ms
        self._steady_ms = steady_ms
        self._revisions: dict[str, int] = {}
        self._scheduled: dict[str, list[StoredTariff]] = {}
        self._known: dict[_Ref, Tariff] = {}
        self._reading: dict[_Ref, asyncio.Task[Tariff]] = {}
        self._unreadable: set[_Ref] = set()
        self._without_book: list[TariffVersion] = []
        self._log = structlog.get_logger()

    async def open(self, text: bytes, tariff: Tariff) -> Books:
        """Put a tariff into the installation's book, unless it is there, and read all books.

        The first one prices what ever happened, a later one what happens 5 s from now. Raises
        TariffExistsError if another text has its version, StoreUnavailableError.
        """
        await self._put(text, tariff)
        asked_ms = self._steady_ms()
        await self._look()
        if self._reading:
            await asyncio.wait(self._reading.values())
        self._collect()
        # A full store that never had a book: this server's file, as before there were books.
        self._without_book = [TariffVersion(0, tariff)]
        books = Books(self._book(INSTALLATION), self._steady_ms)
        books.replace(self._book(INSTALLATION), self._tenant_books())
        books.confirm(asked_ms)
        return books

    async def _put(self, text: bytes, tariff: Tariff) -> None:
        try:
            stored = await self._store.load(
                INSTALLATION,
                tariff.version,
                text=text,
                activate="start",
                actor="start",
                deadline_ms=self._now_ms() + OPEN_MS,
            )
        except StoreUnavailableError as error:
            # A full store takes no tariff, but may have a book, and settles what is held.
            if error.reason is not Reason.STORE_FULL:
                raise
        else:
            if stored is Reason.TARIFF_EXISTS:
                raise TariffExistsError(tariff.version)
            self._known[INSTALLATION, tariff.version] = tariff

    async def run(self, books: Books) -> None:
        """Confirm until cancelled."""
        while True:
            await asyncio.sleep(CONFIRM_PAUSE_S)
            try:
                await self.confirm(books)
            except StoreUnavailableError as error:
                self._log.warning("tariff book not confirmed", reason=error.reason.value)

    async def confirm(self, books: Books) -> None:
        """Look once. Raises StoreUnavailableError."""
        asked_ms = self._steady_ms()
        changed = await self._look()
        if self._collect() or changed:
            books.replace(self._book(INSTALLATION), self._tenant_books())
        if not self._missing_soon():
            books.confirm(asked_ms)

    async def _look(self) -> bool:
        """Learn what is scheduled, and begin to read what is new; say if anything changed."""
        revisions = await self._store.revisions()
        changed = [
            owner for owner, count in revisions.items() if self._revisions.get(owner) != count
        ]
        for owner in changed:
            stored = await self._store.versions(owner)
            self._scheduled[owner] = [one for one in stored if one.activate_ms >= 0]
            self._revisions[owner] = revisions[owner]
        for ref in self._needed():
            if ref not in self._known and ref not in self._reading and ref not in self._unreadable:
                self._reading[ref] = asyncio.create_task(self._fetch(ref))
        return bool(changed)

    async def _fetch(self, ref: _Ref) -> Tariff:
        text = await self._store.text(*ref)
        return await asyncio.to_thread(self._read, text)

    def _collect(self) -> bool:
        """Take up what has been read; say if there is any."""
        done = [ref for ref, task in self._reading.items() if task.done()]
        for ref in done:
            task = self._reading.pop(ref)
            try:
                self._known[ref] = task.result()
            except BookError as error:
                # It was a tariff to the server that loaded it: this one is older.
                self._unreadable.add(ref)
                self._log.exception("tariff not understood", version=ref[1], fault=str(error))
            except StoreUnavailableError as error:
                self._log.warning("tariff not read", version=ref[1], reason=error.reason.value)
        return bool(done)

    def _needed(self) -> Iterable[_Ref]:
        """Versions that may price: all but those replaced before the oldest event."""
        oldest_ms = self._now_ms() - EVENT_AGE_MAX_MS
        for owner, stored in self._scheduled.items():
            for number, one in enumerate(stored):
                after = stored[number + 1 : number + 2]
                if not after or after[0].activate_ms > oldest_ms:
                    yield owner, one.version

    def _missing_soon(self) -> bool:
        """Whether a version prices now, or will soon, that is not known."""
        soon_ms = self._now_ms() + SOON_MS
        needed = set(self._needed())
        return any(
            one.activate_ms <= soon_ms
            for owner, stored in self._scheduled.items()
            for one in stored
            if (owner, one.version) in needed and (owner, one.version) not in self._known
        )

    def _book(self, owner: str, before: Iterable[TariffVersion] = ()) -> TariffBook:
        return TariffBook([*before, *self._versions(owner)])

    def _versions(self, owner: str) -> list[TariffVersion]:
        if owner == INSTALLATION and owner not in self._scheduled:
            return self._without_book
        return [
            TariffVersion(one.activate_ms, self._known[owner, one.version])
            for one in self._scheduled.get(owner, ())
            if (owner, one.version) in self._known
        ]

    def _tenant_books(self) -> Mapping[str, TariffBook]:
        """A tenant's own versions; before the first of them the installation's price."""
        books = {}
        for owner in self._scheduled:
            own = self._versions(owner)
            if owner == INSTALLATION or not own:
                continue
            first_ms = own[0].activate_ms
            shared = [one for one in self._versions(INSTALLATION) if one.activate_ms < first_ms]
            books[owner] = self._book(owner, shared)
        return books
