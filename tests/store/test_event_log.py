"""The journal over Valkey's streams, as its readers see it."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ocs.domain.audit import UnreadableEventError
from ocs.ports import LoggedEvent, StoreUnavailableError
from ocs.store import event_log, keys
from ocs.store.connect import make_pool
from ocs.store.event_log import BATCH, ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from tests.model.pair import TENANT
from tests.model.valkey_side import ValkeySide
from tests.store.audit.stored import ledger_on, machine_on
from tests.support.audit_traffic import Traffic
from tests.support.no_archive import NO_ARCHIVE

A1 = (TENANT, "a1")
PARTITION = keys.partition_of(*A1)
JOURNAL = keys.journal_key(PARTITION)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()


@pytest.fixture
def lua(server: ValkeySide) -> ValkeySide:
    server.clear()
    return server


@pytest.fixture
async def log(lua: ValkeySide) -> AsyncIterator[ValkeyEventLog]:
    ledger = ledger_on(lua)
    yield ValkeyEventLog(ledger, NO_ARCHIVE)
    await ledger.close()


@pytest.fixture
def client(lua: ValkeySide) -> Any:
    return lua.client


def line(seq: int, account: str = "a1", prev: str = "-") -> str:
    return f"1 DEBIT {TENANT}/{account} {seq} 5 {prev} RATING_FAILED - u=1"


def write(client: Any, seq: int, account: str = "a1", prev: str = "-") -> str:
    """Journal an event of an account, and point the account to it."""
    key = keys.journal_key(keys.partition_of(TENANT, account))
    position = str(client.xadd(key, {"e": line(seq, account, prev), "c": f"context {seq}"}))
    state = f"1 1 {seq} 5 0 0 0 {position}"
    client.hset(keys.account_key(TENANT, account), "state", state)
    return position


def seqs(events: list[LoggedEvent]) -> list[int]:
    return [logged.event.seq for logged in events]


async def test_newest_first_follows_prev_to_the_first_event(
    lua: ValkeySide, log: ValkeyEventLog
) -> None:
    Traffic(machine_on(lua), seed=1).run(60)
    entries: Any = lua.client.xrange(JOURNAL)
    expected = [at for at, fields in entries if " main/a1 " in fields["e"]]

    found = await log.newest_first(*A1, "", 500)

    assert [logged.position for logged in found] == expected[::-1]
    assert seqs(found) == list(range(len(expected), 0, -1))
    assert found[-1].event.prev == ""


async def test_newest_first_goes_on_from_a_position(client: Any, log: ValkeyEventLog) -> None:
    first = write(client, 1)
    second = write(client, 2, prev=first)
    write(client, 3, prev=second)

    page = await log.newest_first(*A1, "", 2)

    assert seqs(page) == [3, 2]
    assert page[0].context == b"context 3"
    assert seqs(await log.newest_first(*A1, page[-1].event.prev, 2)) == [1]


async def test_newest_first_never_leaves_the_account(client: Any, log: ValkeyEventLog) -> None:
    """A position comes from a caller, and accounts share a partition's stream."""
    beside = next(f"n{n}" for n in count() if keys.partition_of(TENANT, f"n{n}") == PARTITION)
    foreign = write(client, 1, beside)
    write(client, 1, prev=foreign)

    assert await log.newest_first(*A1, foreign, 5) == []
    assert seqs(await log.newest_first(*A1, "", 5)) == [1]
    assert seqs(await log.newest_first(TENANT, beside, "", 5)) == [1]


@pytest.mark.parametrize("position", ["-", "--", "5", "1-2-3", "a-b", "1-1", f"{2**64}-0", "²-1"])
async def test_newest_first_from_nowhere_is_empty(
    client: Any, log: ValkeyEventLog, position: str
) -> None:
    write(client, 1)

    assert await log.newest_first(*A1, position, 5) == []


async def test_an_unknown_account_has_no_events(log: ValkeyEventLog) -> None:
    assert await log.newest_first(TENANT, "nobody", "", 5) == []
    assert await log.last_event(TENANT, "nobody") == (0, None)


async def test_a_partition_is_read_in_batches(client: Any, log: ValkeyEventLog) -> None:
    total = 2 * BATCH + 5
    with client.pipeline() as pipe:
        for seq in range(1, total + 1):
            pipe.xadd(JOURNAL, {"e": line(seq), "c": b"\xff\x00"})
        positions = pipe.execute()

    batches = [batch async for batch in log.partition(PARTITION, "")]
    rest = [batch async for batch in log.partition(PARTITION, positions[BATCH - 1])]

    assert [len(batch) for batch in batches] == [BATCH, BATCH, 5]
    assert [seq for batch in batches for seq in seqs(batch)] == list(range(1, total + 1))
    assert [len(batch) for batch in rest] == [BATCH, 5]
    assert rest[0][0].position == positions[BATCH]
    assert rest[0][0].context == b"\xff\x00"
    assert await log.length(PARTITION) == total
    assert [batch async for batch in log.partition((PARTITION + 1) % 256, "")] == []
    assert await log.length((PARTITION + 1) % 256) == 0


@pytest.mark.parametrize(
    "fields", [{"e": "no event"}, {"e": ""}, {"x": "y"}, {"e": b"1 \xff main/a1 1 1 - - -"}]
)
async def test_a_partition_stops_at_what_is_no_event(
    client: Any, log: ValkeyEventLog, fields: dict[str, Any]
) -> None:
    write(client, 1)
    bad = client.xadd(JOURNAL, fields)
    write(client, 2)
    read: list[int] = []

    async def read_all(after: str) -> None:
        async for batch in log.partition(PARTITION, after):
            read.extend(seqs(batch))

    with pytest.raises(UnreadableEventError) as raised:
        await read_all("")

    assert read == [1]
    assert raised.value.position == bad
    await read_all(raised.value.position)
    assert read == [1, 2]


async def test_every_account_is_visited_once(client: Any, log: ValkeyEventLog) -> None:
    names = {(tenant, f"a{n}") for tenant in ("main", "other") for n in range(700)}
    with client.pipeline() as pipe:
        for at in names:
            pipe.hset(keys.account_key(*at), "state", "1 1 0 0 0 0 0 -")
            pipe.set(keys.reservation_key(*at, "account"), "open")
            pipe.hset(keys.holds_key(*at), "r1", "1")
        pipe.execute()

    visited = [at async for at in log.accounts()]

    assert len(visited) == len(names)
    assert set(visited) == names


async def test_the_last_event_is_the_accounts_own(client: Any, log: ValkeyEventLog) -> None:
    position = write(client, 7)
    found = await log.last_event(*A1)

    assert found[0] == 7
    assert found[1] is not None
    assert found[1].position == position

    client.xdel(JOURNAL, position)
    assert await log.last_event(*A1) == (7, None)

    unreadable = client.xadd(JOURNAL, {"e": "no event"})
    client.hset(keys.account_key(*A1), "state", f"1 1 8 5 0 0 0 {unreadable}")
    assert await log.last_event(*A1) == (8, None)


async def test_a_lost_store_is_said(tmp_path: Path) -> None:
    pool = make_pool(f"unix://{tmp_path}/nobody", 1)
    ledger = ValkeyLedger(pool, connections=1, now_ms=lambda: 0)
    log = ValkeyEventLog(ledger, NO_ARCHIVE)

    with pytest.raises(StoreUnavailableError):
        await log.newest_first(*A1, "", 1)
    with pytest.raises(StoreUnavailableError):
        await log.length(0)
    with pytest.raises(StoreUnavailableError):
        await anext(log.accounts())
    with pytest.raises(StoreUnavailableError):
        await log.hold_copies(*A1)
    await ledger.close()


async def test_a_key_of_another_type_is_no_empty_journal(client: Any, log: ValkeyEventLog) -> None:
    client.set(JOURNAL, "x")

    with pytest.raises(StoreUnavailableError):
        await log.length(PARTITION)
    with pytest.raises(StoreUnavailableError):
        await anext(log.partition(PARTITION, ""))


def in_one_stream(client: Any, own: int, others_each: int) -> None:
    """Journal events of a1, each behind some of another account of its partition."""
    for seq in range(1, own + 1):
        for other in range(others_each):
            client.xadd(JOURNAL, {"e": line(other + 1, "other"), "c": ""})
        write(client, seq)
    client.xadd(JOURNAL, {"e": line(1, "other"), "c": ""})


async def read_on(log: ValkeyEventLog, start_seq: int, count: int) -> list[list[int]]:
    """The seqs of each page, to the end."""
    pages, position = [], ""
    while True:
        found, position = await log.oldest_first(*A1, position, start_seq, count)
        pages.append([logged.event.seq for logged in found])
        if not position:
            return pages


@pytest.mark.parametrize(
    ("start_seq", "count", "pages"),
    [
        (0, 10, [[1, 2, 3, 4, 5]]),
        (0, 2, [[1, 2], [3, 4], [5]]),
        (0, 5, [[1, 2, 3, 4, 5]]),
        (4, 1, [[4], [5]]),
        (5, 3, [[5]]),
        (6, 3, [[]]),
    ],
)
async def test_oldest_first_reads_on_from_page_to_page(
    client: Any, log: ValkeyEventLog, start_seq: int, count: int, pages: list[list[int]]
) -> None:
    in_one_stream(client, 5, 3)

    assert await read_on(log, start_seq, count) == pages


async def test_oldest_first_looks_at_a_bounded_number_of_entries(
    client: Any, log: ValkeyEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "EVENTS_SCANNED_MAX", BATCH)
    in_one_stream(client, 2, BATCH)

    assert await read_on(log, 0, 10) == [[], [1], [2]]


async def test_oldest_first_of_an_account_without_events(log: ValkeyEventLog) -> None:
    assert await log.oldest_first(*A1, "", 0, 5) == ([], "")


@pytest.mark.parametrize("others_each", [0, 3])
async def test_an_event_is_found_by_its_number(
    client: Any, log: ValkeyEventLog, others_each: int
) -> None:
    positions, prev = {}, "-"
    for seq in range(1, 301):
        for other in range(others_each):
            client.xadd(JOURNAL, {"e": line(other + 1, "other"), "c": ""})
        positions[seq] = prev = write(client, seq, prev=prev)

    for seq in (1, 2, 150, 236, 299, 300):
        logged = await log.find(*A1, seq)
        assert logged is not None
        assert (logged.position, logged.event.seq) == (positions[seq], seq)
    assert [await log.find(*A1, seq) for seq in (0, 301)] == [None, None]


async def test_what_is_far_back_is_found_without_reading_all_behind_it(
    client: Any, log: ValkeyEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    prev = "-"
    for seq in range(1, 401):
        # A minute between two: positions as of a year ago.
        position = f"{1_700_000_000_000 + seq * 60_000}-0"
        client.xadd(JOURNAL, {"e": line(seq, prev=prev), "c": ""}, id=position)
        prev = position
    client.hset(keys.account_key(*A1), "state", f"1 1 400 5 0 0 0 {prev}")
    monkeypatch.setattr(event_log, "_STEPS_MAX", event_log._NEAR + 2)

    found = [await log.find(*A1, seq) for seq in (1, 7, 200, 399)]

    assert [logged and logged.event.seq for logged in found] == [1, 7, 200, 399]


async def test_an_event_that_is_missing_is_not_found(client: Any, log: ValkeyEventLog) -> None:
    prev = "-"
    for seq in (1, 2, 4):
        prev = write(client, seq, prev=prev)

    assert await log.find(*A1, 3) is None
