"""The EventLog port: Valkey's streams, the archive behind them, and what else an audit reads."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from redis.exceptions import ResponseError

from ocs.domain.audit import UnreadableEventError
from ocs.domain.position import is_position, parse_position
from ocs.limits import EVENTS_SCANNED_MAX
from ocs.ports import Archive, ArchiveMark, JournalRun, LoggedEvent, StoreUnavailableError
from ocs.store import keys
from ocs.store.entries import decoded, line_of, logged_entry, logged_event, run_of
from ocs.store.journal import read_marks
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

    archive: where that lies which the store has no more. Raises StoreUnavailableError and
    ArchiveError from every method, and UnreadableEventError where events are read.
    """

    partition_count = keys.PARTITION_COUNT

    def __init__(self, ledger: ValkeyLedger, archive: Archive) -> None:
        self._ledger = ledger
        self._archive = archive

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
            logged = await self._in_stream(tenant, account_id, position)
            if logged is None:
                more = count - len(found)
                return found + await self._in_archive(tenant, account_id, position, more)
            found.append(logged)
            position = logged.event.prev
        return found

    async def oldest_first(
        self, tenant: str, account_id: str, after: str, start_seq: int, count: int
    ) -> tuple[list[LoggedEvent], str]:
        """Read on in the partition's journal, from the account's opening or behind a position.

        Looks at EVENTS_SCANNED_MAX entries at most; returns where to go on, empty at the end.
        """
        at = (tenant, account_id)
        partition = keys.partition_of(*at)
        last_seq, last = await self._last_event(*at)
        position = after if is_position(after) else await self._before(*at)
        mark = await self._mark(partition)
        found: list[LoggedEvent] = []
        if parse_position(position) < parse_position(mark.trimmed):
            entries, read_to = await self._archive.forward(
                partition, at, (position, mark.archived), start_seq=start_seq, count=count
            )
            found = [logged_event(*entry) for entry in entries]
            if found and found[-1].event.seq >= last_seq:
                return found, ""
            if read_to != mark.archived:
                return found, read_to
            position = read_to
        looked = 0
        async for batch in self.partition(partition, position):
            for logged in batch:
                event, position = logged.event, logged.position
                if (event.tenant, event.account_id) != at:
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
        """Find an event by its number: halve the journal as far as that helps, then follow `prev`.

        Halving looks at one batch per step, so it helps where the account's events lie densely;
        where they do not there are few to follow.
        """
        last_seq, position = await self._last_event(tenant, account_id)
        if not 1 <= seq <= last_seq:
            return None
        position = await self._behind(tenant, account_id, seq, (last_seq, position))
        steps = 0
        while steps < _STEPS_MAX:
            page = await self.newest_first(tenant, account_id, position, _NEAR) if position else []
            for logged in page:
                if logged.event.seq <= seq:
                    return logged if logged.event.seq == seq else None
            if not page:
                return None
            position = page[-1].event.prev
            steps += len(page)
        raise StoreUnavailableError

    async def _behind(self, tenant: str, account_id: str, seq: int, last: tuple[int, str]) -> str:
        """Return the position of an event of the account not long behind the one wanted, or it."""
        trimmed_ms = _ms((await self._mark(keys.partition_of(tenant, account_id))).trimmed)
        high_seq, high = last
        low_ms = _ms(await self._before(tenant, account_id))
        high_ms = _ms(high)
        while high_seq - seq > _NEAR and high_ms - low_ms > 1:
            middle_ms = (low_ms + high_ms) // 2
            look = self._first_archived if middle_ms < trimmed_ms else self._first_kept
            found = await look(tenant, account_id, middle_ms)
            if found is None:
                break
            if found.event.seq < seq:
                low_ms = max(middle_ms, _ms(found.position))
            else:
                high_seq, high, high_ms = found.event.seq, found.position, middle_ms
        return high

    async def _first_kept(self, tenant: str, account_id: str, from_ms: int) -> LoggedEvent | None:
        """Look for an account's first event of a time or later, in one batch of the stream."""
        name = f" {tenant}/{account_id} ".encode()
        key = keys.journal_key(keys.partition_of(tenant, account_id))
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        reply = await _send(pipeline, "XRANGE", key, f"{from_ms}-0", "+", "COUNT", BATCH)
        own = next((entry for entry in _list(reply) if name in line_of(entry)), None)
        return None if own is None else logged_entry(own)

    async def _first_archived(
        self, tenant: str, account_id: str, from_ms: int
    ) -> LoggedEvent | None:
        partition = keys.partition_of(tenant, account_id)
        entry = await self._archive.first(partition, (tenant, account_id), from_ms)
        return None if entry is None else logged_event(*entry)

    async def _before(self, tenant: str, account_id: str) -> str:
        """Return a position before the account's first event."""
        if self._ledger.test_clock is not None:
            return ""  # positions are by the store's own clock, which the account did not see
        key = keys.profile_key(tenant, account_id)
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        create_ms = text_of(await _send(pipeline, "HGET", key, "create_ms"))
        return f"{int(create_ms) - 1}-0" if create_ms.isdecimal() else ""

    async def partition(self, partition: int, after: str) -> AsyncIterator[list[LoggedEvent]]:
        """Read a partition's entries behind a position, 1000 at a time, from the archive on.

        Stops at an entry that is no event: what precedes it is yielded, then it is raised, and
        its position says where to go on.
        """
        while True:
            mark = await self._mark(partition)
            if parse_position(after) < parse_position(mark.trimmed):
                runs = await self._archive.read({partition: after}, {partition: mark.archived})
                for run in runs:
                    for some in decoded(run, BATCH):
                        yield some
                        await asyncio.sleep(0)  # there are many more, and calls to be answered
                    after = run.positions[-1]
                if runs:
                    continue
                after = mark.archived
            entries, mark = await self._kept(partition, after)
            if parse_position(after) < parse_position(mark.trimmed):
                continue  # some were trimmed before they were read: the archive has them
            for some in decoded(entries, BATCH):
                after = some[-1].position
                yield some
            if len(entries.positions) < BATCH:
                return

    async def _kept(self, partition: int, after: str) -> tuple[JournalRun, ArchiveMark]:
        """Read on in the stream, and then how far that is trimmed."""
        pipeline = self._pipeline(partition)
        first = f"({after}" if after else "-"
        key = keys.journal_key(partition)
        reading = _send(pipeline, "XRANGE", key, first, "+", "COUNT", BATCH)
        # Both at once, in this order on one connection.
        reply, mark = await asyncio.gather(reading, self._mark(partition))
        return run_of(partition, _list(reply)), mark

    async def length(self, partition: int) -> int:
        """Count a partition's entries, of those in the archive too; never too few."""
        reply = await _send(self._pipeline(partition), "XLEN", keys.journal_key(partition))
        assert isinstance(reply, int), reply
        mark = await self._mark(partition)
        if not mark.trimmed:
            return reply
        return reply + await self._archive.count(partition, mark.archived)

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
            page = await self.newest_first(tenant, account_id, position, 1) if position else []
        except UnreadableEventError:
            page = []
        return seq, page[0] if page else None

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

    async def _in_stream(self, tenant: str, account_id: str, position: str) -> LoggedEvent | None:
        if not is_position(position):
            return None
        key = keys.journal_key(keys.partition_of(tenant, account_id))
        pipeline = self._ledger.pipeline_of(tenant, account_id)
        entries = _list(await _send(pipeline, "XRANGE", key, position, position))
        if not entries:
            return None
        logged = logged_entry(entries[0])
        owner = (logged.event.tenant, logged.event.account_id)
        return logged if owner == (tenant, account_id) else None

    async def _in_archive(
        self, tenant: str, account_id: str, position: str, count: int
    ) -> list[LoggedEvent]:
        """Follow `prev` from a position that the stream has not, as far as it may be trimmed."""
        partition = keys.partition_of(tenant, account_id)
        if not is_position(position):
            return []
        mark = await self._mark(partition)
        if parse_position(position) > parse_position(mark.trimmed):
            return []
        at = (tenant, account_id)
        entries = await self._archive.chain(partition, at, position, count)
        return [logged_event(*entry) for entry in entries]

    async def _mark(self, partition: int) -> ArchiveMark:
        return (await read_marks(self._pipeline(partition), [partition]))[partition]

    def _pipeline(self, partition: int) -> Pipeline:
        pipelines = self._ledger.pipelines
        return pipelines[partition % len(pipelines)]


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
    return parse_position(position)[0]
