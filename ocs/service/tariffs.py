"""Use cases of TariffService: load, schedule, read and compare versions of a tenant's book."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from typing import Final, NamedTuple, NoReturn

from ocs.domain.answer import Reason
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_diff import Difference, differences
from ocs.limits import TARIFF_CHUNK_BYTES_MAX, TARIFF_DIFFERENCES_MAX
from ocs.ports import (
    INSTALLATION,
    BookError,
    StoredTariff,
    StoreUnavailableError,
    TariffStore,
)
from ocs.service.errors import ServiceError

NOT_SCHEDULED: Final = -1

ReadTariff = Callable[[bytes], Tariff]


class TariffAsked(NamedTuple):
    """Who asks, and until when an answer is of use."""

    tenant: str
    actor: str
    deadline_ms: int


class Found(NamedTuple):
    """A version. inherited: it is of the installation's book."""

    stored: StoredTariff
    inherited: bool = False


class Tariffs:
    """Versions of tariffs. Raises ServiceError for every reason."""

    def __init__(self, store: TariffStore, read: ReadTariff) -> None:
        """read: raises BookError; a large text takes it seconds."""
        self._store = store
        self._read = read

    async def load(
        self, ask: TariffAsked, text: bytes, activate_ms: int, *, validate_only: bool
    ) -> tuple[Found, Tariff]:
        """Check a text and, unless validate_only, store it; activate_ms -1: not yet."""
        tariff = await self._parsed(text)
        if validate_only:
            digest = sha256(text).hexdigest()
            stored = StoredTariff(tariff.version, digest, len(text), activate_ms, 0, "")
            return Found(stored), tariff
        return Found(await self._put(ask, tariff.version, text, activate_ms)), tariff

    async def activate(self, ask: TariffAsked, version: str, activate_ms: int) -> Found:
        """Schedule a version that is loaded."""
        return Found(await self._put(ask, version, b"", activate_ms))

    async def versions(self, tenant: str) -> list[Found]:
        """List the tenant's book; the installation's while it has none."""
        try:
            own = await self._store.versions(tenant)
            if own:
                return [Found(stored) for stored in own]
            shared = await self._store.versions(INSTALLATION)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        return [Found(stored, inherited=True) for stored in shared]

    async def piece(self, tenant: str, version: str, offset: int) -> tuple[Found, bytes, int]:
        """Return a version, a piece of its text and where the next one begins, 0 = nowhere."""
        found = await self._found(tenant, version)
        text = await self._text(tenant, found)
        end = offset + TARIFF_CHUNK_BYTES_MAX
        return found, text[offset:end], end if end < len(text) else 0

    async def diff(
        self, tenant: str, from_version: str, to_version: str
    ) -> tuple[list[Difference], int]:
        """Compare two versions: the first 1000 differences, and how many there are."""
        pair = []
        for version in (from_version, to_version):
            found = await self._found(tenant, version)
            pair.append(await self._parsed(await self._text(tenant, found)))

        def compare() -> tuple[list[Difference], int]:
            found = differences(*pair)
            first = list(islice(found, TARIFF_DIFFERENCES_MAX))
            return first, len(first) + sum(1 for _ in found)

        return await asyncio.to_thread(compare)

    async def version(self, tenant: str, version: str) -> Tariff | None:
        """Read a version that may have priced the tenant's accounts; None if there is none.

        Until a tenant's own first version those of the installation did.
        """
        try:
            for owner in (tenant, INSTALLATION):
                known = await self._store.versions(owner)
                if any(stored.version == version for stored in known):
                    return await self._parsed(await self._store.text(owner, version))
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        return None

    async def _put(
        self, ask: TariffAsked, version: str, text: bytes, activate_ms: int
    ) -> StoredTariff:
        activate = "" if activate_ms == NOT_SCHEDULED else str(activate_ms)
        try:
            stored = await self._store.load(
                ask.tenant,
                version,
                text=text,
                activate=activate,
                actor=ask.actor,
                deadline_ms=ask.deadline_ms,
            )
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        if isinstance(stored, Reason):
            raise ServiceError(stored, metadata={"version": version})
        return stored

    async def _found(self, tenant: str, version: str) -> Found:
        for found in await self.versions(tenant):
            if found.stored.version == version:
                return found
        raise ServiceError(Reason.TARIFF_NOT_FOUND)

    async def _text(self, tenant: str, found: Found) -> bytes:
        owner = INSTALLATION if found.inherited else tenant
        try:
            return await self._store.text(owner, found.stored.version)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None

    async def _parsed(self, text: bytes) -> Tariff:
        """Read a text beside the event loop, which goes on charging."""
        try:
            return await asyncio.to_thread(self._read, text)
        except BookError as error:
            _refuse(error)


def _refuse(error: BookError) -> NoReturn:
    violations = [("text", str(fault)) for fault in error.faults]
    raise ServiceError(Reason.TARIFF_REFUSED, violations=violations) from None
