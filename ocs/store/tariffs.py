"""The TariffStore port over Valkey: all books in one partition, so that one read confirms them."""

import zlib
from hashlib import sha256
from typing import Final

from redis.exceptions import ResponseError

from ocs.domain.answer import Reason
from ocs.limits import TARIFF_BYTES_MAX
from ocs.ports import StoredTariff, StoreUnavailableError
from ocs.store import keys
from ocs.store.ledger import ValkeyLedger, reason_of
from ocs.store.pipeline import Argument, Reply, StoreLostError
from ocs.store.replies import fields_of

_NOT_SCHEDULED: Final = "-"
_REFUSED: Final = b"!"


class ValkeyTariffs:
    """Tariff books in the store."""

    def __init__(self, ledger: ValkeyLedger) -> None:
        self._ledger = ledger

    async def revisions(self) -> dict[str, int]:
        """How often each book has changed."""
        found = fields_of(await self._send("HGETALL", keys.books_key()))
        return {owner: int(count) for owner, count in found.items()}

    async def versions(self, owner: str) -> list[StoredTariff]:
        """All versions of a book, by activation, those without one last."""
        found = fields_of(await self._send("HGETALL", keys.book_key(owner)))
        stored = [_read_entry(version, entry) for version, entry in found.items()]
        return sorted(stored, key=lambda one: (one.activate_ms < 0, one.activate_ms, one.version))

    async def text(self, owner: str, version: str) -> bytes:
        """The text of a version that is there."""
        packed = await self._send("GET", keys.tariff_key(owner, version))
        if not isinstance(packed, bytes):
            raise StoreUnavailableError(Reason.STATE_CORRUPT)
        try:
            # Bounded: what is stored is no more to be trusted than what was sent.
            return zlib.decompressobj().decompress(packed, TARIFF_BYTES_MAX)
        except zlib.error:
            raise StoreUnavailableError(Reason.STATE_CORRUPT) from None

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
        """Store a version, schedule it, or both, in one script."""
        clock = self._ledger.test_clock
        argv: list[Argument] = [
            "" if clock is None else str(clock()),
            owner,
            version,
            zlib.compress(text) if text else b"",
            sha256(text).hexdigest() if text else "",
            str(len(text)),
            activate,
            actor,
        ]
        script_keys = [keys.books_key(), keys.book_key(owner), keys.tariff_key(owner, version)]
        pipeline = self._ledger.pipelines[0]
        reply = await self._ledger.call(pipeline, "load_tariff", script_keys, argv, deadline_ms)
        if isinstance(reply, Reason):
            raise StoreUnavailableError(reply)
        if reply.startswith(_REFUSED):
            return Reason(reply[1:].decode())
        return _read_entry(version, reply.decode())

    async def _send(self, *command: str) -> Reply:
        try:
            reply = await self._ledger.pipelines[0].send(*command)
        except StoreLostError:
            raise StoreUnavailableError from None
        if isinstance(reply, ResponseError):
            raise StoreUnavailableError(reason_of(reply))
        return reply


def _read_entry(version: str, entry: str) -> StoredTariff:
    """Read `sha256 bytes activate_ms load_ms actor`. Raises StoreUnavailableError."""
    try:
        digest, size, activate_ms, load_ms, actor = entry.split(" ")
        at = -1 if activate_ms == _NOT_SCHEDULED else int(activate_ms)
        return StoredTariff(version, digest, int(size), at, int(load_ms), actor)
    except ValueError:
        raise StoreUnavailableError(Reason.STATE_CORRUPT) from None
