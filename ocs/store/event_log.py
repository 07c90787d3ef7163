"""The EventLog port over Valkey's streams, and what else an audit reads of the store."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from redis.exceptions import ResponseError

from ocs.domain.audit import UnreadableEventError
from ocs.domain.charging_event import EventFormatError, decode_event
from ocs.domain.position import is_position
from ocs.limits import EVENTS_SCANNED_MAX
from ocs.ports import LoggedEvent, StoreUnavailableError
from ocs.store import keys
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline, Reply, StoreLostError
from ocs.store.replies import text_of, texts_of
from ocs.store.snapshot import read_hold_copies

BATCH: Final = 1000
# `find` follows `prev` from here, and no further than there.
_NEAR: Final = 64
_STEPS_MAX: Final = 20_000
# `state` of an account hash: format, version, seq, floor, due, open count, limit, last event.
_SEQ: Final = 2
_LAST_EVENT: Final = 7


class ValkeyEventLog:
    """Reads the journal over the ledger's connections; writes nothing.

    Raises StoreUnavailableError from every method, and UnreadableEventError where events are read.
    """

    partition_count = keys.PARTITION_COUNT

    def __init__(self, ledger: ValkeyLedger) -> None:
        self._ledger = ledger

    async def newest_first(
        self, tenant: str, account_id: str, start: str, count: int
    ) -> list[LoggedEvent]:
        """Follow `prev` from a position, or from the account's last event; at most count events.

        Ends where the chain leaves the account: a position is the caller's word.
        """
        position = start
        if not position:
            _, position = await self._last_event(tenant, account_id)
        found: list[LoggedEvent] = []
        while position and len(found) < count:
            logged = await self._event_at(tenant, account_id, position)
            if logged is None:
                break
            found.append(logged)
            position = logged.event.prev
        return found

    async def oldest_first(
        self, tenant: str, account_id: str, after: str, start_seq: int, count: int
    ) -> tuple[list[LoggedEvent], str]:
        """Read on in the partition's stream, from the account's opening or behind a position.

        Looks at EVENTS_SCANNED_MAX entries at most; returns where to go on, empty at the end.
        """
        last_seq, last = await self._last_event(tenant, account_id)
        position = after if is_position(after) else await self._before(tenant, account_id)
        found: list[LoggedEvent] = []
        looked = 0
        async for batch in self.partition(keys.partition_of(tenant, account_id), position):
            for logged in batch:
                event, position = logged.event, logged.position
                if (event.tenant, event.account_id) != (tenant, account_id):
                    continue
                if event.seq >= start_seq:
                    found.append(logged)
                if event.seq >= last_seq or position == last:
                    return found, ""
                if len(found) == count:
                    return found, position
            looked += len(batch)
            if looked >= EVENTS_SCANNED_MAX:
                return found, position
        return found, ""

    async def find(self, tenant: str, account_id: str, seq: int) -> LoggedEvent | None:
        """Find an event by its number: halve the stream as far as that helps, then follow `prev`.

        Halving looks at one batch per step, so it helps where the account's events lie densely;
        where they do not there are few to follow.
        """
        last_seq, position = await self._last_event(tenant, account_id)
        if not 1 <= seq <= last_seq:
            return None
        position = await self._behind(tenant, account_id, seq, (last_seq, position))
        for _ in range(_STEPS_MAX):
            logged = await self._event_at(tenant, account_id, position) if position else None
            if logged is None or logged.event.seq <= seq:
                return logged if logged is not None and logged.event.seq == seq else None
            position = logged.event.prev
        raise StoreUnavailableError

    async def _behind(self, tenant: str, account_id: str, seq: int, last: tuple[int, str]) -> str:
        """Return the position of an event of the account not long behind the one wanted, or it."""
        name = f" {tenant}/{account_id} ".encode()
        key = keys.journal_key(keys.partition_of(tenant, account_id))
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        high_seq, high = last
        low_ms = _ms(await self._before(tenant, account_id) or "0-0")
        high_ms = _ms(high)
        while high_seq - seq > _NEAR and high_ms - low_ms > 1:
            middle_ms = (low_ms + high_ms) // 2
            reply = await _send(pipeline, "XRANGE", key, f"{middle_ms}-0", "+", "COUNT", BATCH)
            own = next((entry for entry in _list(reply) if name in _line(entry)), None)
            if own is None:
                break
            found = _logged(own)
            if found.event.seq < seq:
                low_ms = max(middle_ms, _ms(found.position))
            else:
                high_seq, high, high_ms = found.event.seq, found.position, middle_ms
        return high

    async def _before(self, tenant: str, account_id: str) -> str:
        """Return a position before the account's first event."""
        if self._ledger.test_clock is not None:
            return ""  # positions are by the store's own clock, which the account did not see
        key = keys.profile_key(tenant, account_id)
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        create_ms = text_of(await _send(pipeline, "HGET", key, "create_ms"))
        return f"{int(create_ms) - 1}-0" if create_ms.isdecimal() else ""

    async def partition(self, partition: int, after: str) -> AsyncIterator[list[LoggedEvent]]:
        """Read a partition's entries behind a position, 1000 at a time.

        Stops at an entry that is no event: what precedes it is yielded, then it is raised, and
        its position says where to go on.
        """
        pipelines = self._ledger.pipelines
        pipeline = pipelines[partition % len(pipelines)]
        key = keys.journal_key(partition)
        while True:
            first = f"({after}" if after else "-"
            entries = _list(await _send(pipeline, "XRANGE", key, first, "+", "COUNT", BATCH))
            batch: list[LoggedEvent] = []
            for entry in entries:
                try:
                    batch.append(_logged(entry))
                except UnreadableEventError:
                    if batch:
                        yield batch
                    raise
            if batch:
                after = batch[-1].position
                yield batch
            if len(entries) < BATCH:
                return

    async def length(self, partition: int) -> int:
        """Count a partition's entries."""
        pipelines = self._ledger.pipelines
        key = keys.journal_key(partition)
        reply = await _send(pipelines[partition % len(pipelines)], "XLEN", key)
        assert isinstance(reply, int), reply
        return reply

    async def accounts(self) -> AsyncIterator[tuple[str, str]]:
        """Visit every account that has state; SCAN may show one twice, this does not."""
        # 64-bit hashes, not names: what is kept of a million accounts is some 60 MB.
        seen: set[int] = set()
        cursor = "0"
        while True:
            reply = _list(
                await _send(
                    self._ledger.pipelines[0],
                    "SCAN", cursor, "MATCH", keys.ACCOUNT_PATTERN, "COUNT", BATCH,
                )
            )  # fmt: skip
            for name in texts_of(reply[1]):
                if hash(name) not in seen:
                    seen.add(hash(name))
                    yield keys.account_of_key(name)
            cursor = text_of(reply[0])
            if cursor == "0":
                return

    async def last_event(self, tenant: str, account_id: str) -> tuple[int, LoggedEvent | None]:
        """Read an account's seq and, at the position stored beside it, its last event.

        None: there is no event of this account there. (0, None) if there is no account.
        """
        seq, position = await self._last_event(tenant, account_id)
        try:
            found = await self._event_at(tenant, account_id, position) if position else None
        except UnreadableEventError:
            found = None
        return seq, found

    async def hold_copies(
        self, tenant: str, account_id: str
    ) -> tuple[Mapping[tuple[str, str], str], Mapping[tuple[str, str], str]]:
        """Read what lines and groups noted of live holds, and what the account's holds say.

        Keys are (holder, reservation_id). Raises UnreadableAccountError.
        """
        try:
            pipeline = self._ledger.pipeline_of(tenant, account_id)
            return await read_hold_copies(pipeline, tenant, account_id)
        except StoreLostError:
            raise StoreUnavailableError from None

    async def _last_event(self, tenant: str, account_id: str) -> tuple[int, str]:
        key = keys.account_key(tenant, account_id)
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        parts = text_of(await _send(pipeline, "HGET", key, "state")).split(" ")
        if len(parts) <= _LAST_EVENT or not parts[_SEQ].isdecimal():
            return 0, ""
        position = parts[_LAST_EVENT]
        return int(parts[_SEQ]), "" if position == "-" else position

    async def _event_at(self, tenant: str, account_id: str, position: str) -> LoggedEvent | None:
        if not is_position(position):
            return None
        key = keys.journal_key(keys.partition_of(tenant, account_id))
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        entries = _list(await _send(pipeline, "XRANGE", key, position, position))
        if not entries:
            return None
        logged = _logged(entries[0])
        owner = (logged.event.tenant, logged.event.account_id)
        return logged if owner == (tenant, account_id) else None


async def _send(pipeline: Pipeline, *command: str | int) -> Reply:
    try:
        reply = await asyncio.shield(pipeline.send(*command))
    except StoreLostError:
        raise StoreUnavailableError from None
    if isinstance(reply, ResponseError):
        raise StoreUnavailableError
    return reply


def _list(reply: Reply) -> list[Reply]:
    assert isinstance(reply, list), reply
    return reply


def _ms(position: str) -> int:
    """Return a stream id's milliseconds."""
    return int(position.partition("-")[0])


def _line(entry: Reply) -> bytes:
    """Return an entry's first value, the event's line unless somebody else wrote it."""
    _, flat = _list(entry)
    return next((item for item in _list(flat)[1:] if isinstance(item, bytes)), b"")


def _logged(entry: Reply) -> LoggedEvent:
    name, flat = _list(entry)
    position, items = text_of(name), [item for item in _list(flat) if isinstance(item, bytes)]
    fields = dict(zip(items[::2], items[1::2], strict=False))
    line = fields.get(b"e", b"").decode("utf-8", "replace")
    try:
        event = decode_event(line)
    except EventFormatError:
        raise UnreadableEventError(position, line) from None
    return LoggedEvent(position, event, fields.get(b"c", b""))
