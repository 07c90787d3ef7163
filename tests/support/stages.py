"""Where a stage's ledger comes from: the specification in memory, or the scripts in a Valkey."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocs.domain.charging_event import decode_event
from ocs.ports import LoggedEvent
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.ledger import ValkeyLedger
from ocs.store.memory import MemoryLedger
from tests.support.stage import ACCOUNT, TENANT, Clock, Stage

CONNECTIONS = 4


def now_ms() -> int:
    """The time of day: deadlines are not on the test's clock."""
    return time.time_ns() // 1_000_000


def memory_stage() -> Stage:
    """Charge by the executable specification."""
    clock = Clock()
    ledger = MemoryLedger(clock)

    async def journal() -> list[LoggedEvent]:
        events = enumerate(ledger.journal, start=1)
        return [LoggedEvent(f"{place}-0", event, b"") for place, event in events]

    return Stage(ledger, clock, journal)


@asynccontextmanager
async def valkey_stage(store_url: str) -> AsyncIterator[Stage]:
    """Charge by the scripts; the store is emptied first."""
    clock = Clock()
    pool = make_pool(store_url, CONNECTIONS)
    ledger = ValkeyLedger(pool, connections=CONNECTIONS, now_ms=now_ms, test_clock=clock)
    pipeline = ledger.pipeline_of(TENANT, ACCOUNT)

    async def journal() -> list[LoggedEvent]:
        """The journal of the partition of the one account that cases use."""
        key = keys.journal_key(keys.partition_of(TENANT, ACCOUNT))
        entries = await pipeline.send("XRANGE", key, "-", "+")
        assert isinstance(entries, list)
        return [_event(entry) for entry in entries]

    try:
        assert await pipeline.send("FLUSHALL") == b"OK"
        assert await ledger.load(pipeline) is None
        yield Stage(ledger, clock, journal)
    finally:
        await ledger.close()


def _event(entry: object) -> LoggedEvent:
    assert isinstance(entry, list)
    position, fields = entry
    assert isinstance(position, bytes)
    assert isinstance(fields, list)
    pairs = dict(zip(fields[::2], fields[1::2], strict=True))
    line = pairs[b"e"]
    assert isinstance(line, bytes)
    return LoggedEvent(position.decode(), decode_event(line.decode()), b"")
