"""`audit` on a real Valkey: traffic through the scripts is proved, and whoever tampers is named."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from ocs.domain.audit import AuditDifference
from ocs.domain.spending_cap import group_holder, subscriber_holder
from ocs.service.audit import AuditReport, audit
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from tests.model.machine import ChargingMachine
from tests.model.pair import TENANT, Pair
from tests.model.valkey_side import ValkeySide
from tests.support.audit_traffic import Traffic

SEED = 4
STEPS = 400
A1 = (TENANT, "a1")
ACCOUNT = keys.account_key(*A1)
HOLDS = keys.holds_key(*A1)
PARTITION = keys.partition_of(*A1)
JOURNAL = keys.journal_key(PARTITION)

Line = list[str]


@dataclass
class Store:
    """A store after traffic, as it was dumped: every test starts from the same bytes."""

    lua: ValkeySide
    raw: Any
    dump: dict[bytes, bytes]
    ledger: ValkeyLedger
    now_ms: int

    def restore(self) -> None:
        self.lua.now_ms = self.now_ms
        self.raw.flushall()
        for key, value in self.dump.items():
            self.raw.restore(key, 0, value)

    async def audit(self) -> AuditReport:
        return await audit(self.ledger, ValkeyEventLog(self.ledger))

    # Tampering.

    def change(self, key: str, field: str, index: int, delta: int) -> None:
        """Change one figure of a text of figures."""
        parts = str(self.lua.client.hget(key, field)).split(" ")
        parts[index] = str(int(parts[index]) + delta)
        self.lua.client.hset(key, field, " ".join(parts))

    def rewrite(self, change: Callable[[list[tuple[str, dict[str, str]]]], None]) -> None:
        """Write the journal of a1's partition again, at the same positions."""
        client = self.lua.client
        entries = [(str(at), dict(fields)) for at, fields in client.xrange(JOURNAL)]
        change(entries)
        client.delete(JOURNAL)
        for at, fields in entries:
            client.xadd(JOURNAL, dict(fields), id=at)

    def alter(self, seq: int, change: Callable[[Line], Line]) -> None:
        """Alter the words of one event of a1."""

        def rewrite(entries: list[tuple[str, dict[str, str]]]) -> None:
            at = self.index_of(entries, seq)
            words = entries[at][1]["e"].split(" ")
            altered = change(list(words))
            assert altered != words
            entries[at][1]["e"] = " ".join(altered)

        self.rewrite(rewrite)

    def lines(self) -> dict[int, Line]:
        """The words of a1's events by seq."""
        found = [fields["e"].split(" ") for _, fields in self.lua.client.xrange(JOURNAL)]
        return {int(words[3]): words for words in found if words[2] == "/".join(A1)}

    def find(self, kind: str, token: str = "", outcome: str = "") -> int:
        """The seq of a1's first event of a kind, with a token."""
        for seq, words in self.lines().items():
            has = any(word.startswith(token) for word in words[8:])
            if words[1] == kind and outcome in ("", words[6]) and has:
                return seq
        raise LookupError(f"the traffic made no {kind} {token}")

    @staticmethod
    def index_of(entries: list[tuple[str, dict[str, str]]], seq: int) -> int:
        name = f" {'/'.join(A1)} {seq} "
        return next(i for i, (_, fields) in enumerate(entries) if name in fields["e"])


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()


def machine_on(side: ValkeySide) -> ChargingMachine:
    kind = type("Machine", (ChargingMachine,), {"lua": side})
    machine = kind()
    assert isinstance(machine, ChargingMachine)
    return machine


@pytest.fixture(scope="module")
async def traffic(lua: ValkeySide) -> AsyncIterator[Store]:
    """The store after some hundred operations, ending with holds of lines and groups."""
    machine = machine_on(lua)
    Traffic(machine, SEED).run(STEPS)
    Traffic(machine, SEED).hold_open()
    raw = redis.Redis(unix_socket_path=str(lua._store.socket_path))
    dump = {key: raw.dump(key) for key in raw.keys()}
    ledger = ledger_on(lua)
    yield Store(lua, raw, dump, ledger, lua.now_ms)
    await ledger.close()
    raw.close()


def ledger_on(side: ValkeySide) -> ValkeyLedger:
    def clock() -> int:
        return side.now_ms

    return ValkeyLedger(
        make_pool(side._store.url, 2), connections=2, now_ms=clock, test_clock=clock
    )


@pytest.fixture
def store(traffic: Store) -> Store:
    traffic.restore()
    return traffic


def terms(report: AuditReport) -> list[str]:
    return [found.term for found in report.differences]


def of_account(report: AuditReport, account_id: str) -> list[AuditDifference]:
    return [found for found in report.differences if found.account_id == account_id]


async def test_traffic_is_proved(store: Store) -> None:
    told: list[tuple[int, int]] = []

    report = await audit(
        store.ledger, ValkeyEventLog(store.ledger), on_progress=lambda *at: told.append(at)
    )

    assert report.differences == []
    assert report.ok
    assert report.account_count == 2
    assert report.event_count == sum(
        int(store.lua.client.xlen(keys.journal_key(n))) for n in range(256)
    )
    assert report.event_count > 200
    assert report.partition_count == 256
    assert report.store_ms == store.lua.now_ms
    assert told[-1] == (report.event_count, report.event_count)


@pytest.mark.parametrize("seed", range(10, 16))
async def test_any_traffic_is_proved(lua: ValkeySide, seed: int) -> None:
    Traffic(machine_on(lua), seed).run(150)
    ledger = ledger_on(lua)

    report = await audit(ledger, ValkeyEventLog(ledger))

    await ledger.close()
    assert report.differences == []
    assert report.event_count > 50


@pytest.mark.parametrize("delta", [-1, 1])
@pytest.mark.parametrize(
    ("field", "index", "term"),
    [
        ("b:main", 0, "bucket main balance"),
        ("b:main", 1, "bucket main reserved"),
        ("b:main", 2, "bucket main spent"),
        ("b:main", 3, "bucket main credited"),
        ("b:main", 4, "bucket main expired"),
        ("b:main", 5, "bucket main withdrawn"),
        ("c:c2", 0, "cap account/c2 period"),
        ("c:c2", 1, "cap account/c2 spent"),
        ("c:c2", 2, "cap account/c2 reserved"),
        ("state", 2, "seq"),
    ],
)
async def test_a_changed_figure_is_named(
    store: Store, field: str, index: int, term: str, delta: int
) -> None:
    before = str(store.lua.client.hget(ACCOUNT, field)).split(" ")[index]
    store.change(ACCOUNT, field, index, delta)

    report = await store.audit()

    assert not report.ok
    found = next(one for one in report.differences if one.term == term)
    assert (found.tenant, found.account_id) == A1
    assert (found.stored, found.journal) == (str(int(before) + delta), before)
    assert of_account(report, "a2") == []


@pytest.mark.parametrize("holder", [subscriber_holder("s1"), group_holder("g1")])
async def test_a_changed_counter_of_a_line_or_group_is_named(store: Store, holder: str) -> None:
    key = holder_key(holder)
    field = next(str(f) for f in store.lua.client.hkeys(key) if str(f).startswith("c:"))
    store.change(key, field, 1, 1)

    assert terms(await store.audit()) == [f"cap {holder}/{field[2:]} spent"]


async def test_a_changed_limit_is_named(store: Store) -> None:
    store.change(keys.profile_key(*A1), "q:c2", 0, 1)

    assert terms(await store.audit()) == ["cap account/c2"]


async def test_a_lost_hold_is_named(store: Store) -> None:
    reservation = str(store.lua.client.hkeys(HOLDS)[0])
    store.lua.client.hdel(HOLDS, reservation)

    found = (await store.audit()).differences[0]

    assert (found.account_id, found.term, found.stored) == ("a1", f"hold {reservation}", "absent")


async def test_an_added_hold_is_named(store: Store) -> None:
    store.lua.client.hset(HOLDS, "r99", f"{store.lua.now_ms + 1} 5 main:5 -")

    found = (await store.audit()).differences[0]

    assert (found.term, found.journal) == ("hold r99", "absent")


@pytest.mark.parametrize("index", [0, 1])
async def test_an_altered_hold_is_named(store: Store, index: int) -> None:
    reservation = str(store.lua.client.hkeys(HOLDS)[0])
    store.change(HOLDS, reservation, index, 1)

    assert f"hold {reservation}" in terms(await store.audit())


@pytest.mark.parametrize("holder", [subscriber_holder("s1"), group_holder("g1")])
async def test_a_lost_copy_of_a_hold_is_named(store: Store, holder: str) -> None:
    key = holder_key(holder)
    held = [str(f) for f in store.lua.client.hkeys(key) if str(f).startswith("h:live")]
    store.lua.client.hdel(key, held[0])

    (found,) = (await store.audit()).differences

    assert (found.term, found.stored) == (f"hold {held[0][2:]} of {holder}", "absent")


async def test_a_copy_of_no_hold_is_named(store: Store) -> None:
    key = holder_key("subscriber/s1")
    store.lua.client.hset(key, "h:r99", f"{store.lua.now_ms + 99_000} c2:0:5")

    (found,) = (await store.audit()).differences

    assert (found.term, found.journal) == ("hold r99 of subscriber/s1", "absent")


async def test_a_lapsed_copy_is_no_difference(store: Store) -> None:
    store.lua.client.hset(holder_key("subscriber/s1"), "h:r99", "1790000000000 c2:0:5")

    assert (await store.audit()).ok


def holder_key(holder: str) -> str:
    kind, _, holder_id = holder.partition("/")
    return (keys.subscriber_key if kind == "subscriber" else keys.group_key)(*A1, holder_id)


# The journal.


@pytest.mark.parametrize("seq", [1, 2, 57, -1])
async def test_a_deleted_event_is_named(store: Store, seq: int) -> None:
    seq = seq if seq > 0 else max(store.lines())
    entries = store.lua.client.xrange(JOURNAL)
    position = str(entries[Store.index_of(entries, seq)][0])
    store.lua.client.xdel(JOURNAL, position)

    report = await store.audit()

    assert f"event {seq}" in terms(report)
    assert {found.account_id for found in report.differences} == {"a1"}


@pytest.mark.parametrize("seq", [1, 57])
async def test_a_doubled_event_is_named(store: Store, seq: int) -> None:
    entries = store.lua.client.xrange(JOURNAL)
    copied = store.lua.client.xadd(JOURNAL, entries[Store.index_of(entries, seq)][1])

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term) == ("a1", f"event {seq}")
    assert str(copied) in found.stored


async def test_an_event_in_another_partition_is_named(store: Store) -> None:
    entries = store.lua.client.xrange(JOURNAL)
    moved = entries[Store.index_of(entries, 57)][1]
    store.lua.client.xadd(keys.journal_key((PARTITION + 1) % 256), moved)

    assert "event 1..56" in terms(await store.audit())


ALTERED = [
    # kind, token, field of the token, outcome
    *[("TOP_UP", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("COMMIT", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("RESERVE", "b=", field, "GRANTED") for field in (2, 4)],
    *[("EXPIRE", "b=", field, "") for field in (2, 4)],
    *[("RELEASE", "b=", field, "") for field in (2, 4)],
    *[("DEBIT", "y=", field, "CHARGED") for field in (1, 2)],
    *[("COMMIT", "y=", field, "") for field in (1, 2)],
    *[("COMMIT", "p=", field, "") for field in (0, 1, 2, 3)],
    *[("COMMIT", "u=", 0, ""), ("DEBIT", "u=", 0, "CHARGED")],
    *[("COMMIT", "x=", 0, ""), ("DEBIT", "x=", 0, "")],
    *[("RESERVE", "g=", 0, "GRANTED"), ("COMMIT", "g=", 0, "GRANTED")],
    *[("RESERVE", "d=", 1, "GRANTED"), ("COMMIT", "d=", 1, "GRANTED")],
    *[("RELEASE", "d=", field, "") for field in (0, 1)],
    *[("RESERVE", "h=", 1, ""), ("COMMIT", "h=", 1, "")],
    *[("RESERVE", "l=account:", 3, ""), ("COMMIT", "l=account:", 3, "")],
    *[("RESERVE", "k=", field, "") for field in (2, 3, 4)],
    *[("COMMIT", "k=", field, "") for field in (3, 4)],
    *[("DEBIT", "k=", field, "") for field in (2, 3, 4)],
    *[("EXPIRE", "k=", field, "") for field in (2, 3, 4)],
    *[("TOP_UP", "t=", field, "") for field in (1, 3)],
    *[("BUCKET_CLOSED", "z=", field, "") for field in (0, 1, 2, 3)],
    *[("SET_SPENDING_CAP", "q=account:live:", 3, "")],
    *[("CREATE_ACCOUNT", "a=", field, "") for field in (1, 2)],
]
# An event that says a thing once is told by the account, or by the event that follows.
TOLD_ONCE = {
    ("TOP_UP", "b="),
    ("TOP_UP", "t="),
    ("SET_SPENDING_CAP", "q=account:live:"),
    ("CREATE_ACCOUNT", "a="),
}


@pytest.mark.parametrize(("kind", "token", "field", "outcome"), ALTERED)
async def test_an_event_altered_by_one_is_named(
    store: Store, kind: str, token: str, field: int, outcome: str
) -> None:
    seq = store.find(kind, token, outcome)

    def by_one(words: Line) -> Line:
        at = next(i for i, word in enumerate(words) if i > 7 and word.startswith(token))
        fields = words[at][2:].split(":")
        fields[field] = str(int(fields[field]) + 1)
        words[at] = token[:2] + ":".join(fields)
        return words

    store.alter(seq, by_one)
    report = await store.audit()

    assert not report.ok
    assert {found.account_id for found in report.differences} == {"a1"}
    if (kind, token) in TOLD_ONCE:
        return
    assert any(term.startswith(f"event {seq} ") for term in terms(report)), terms(report)


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        ("RESERVE", 1, "DEBIT"),
        ("COMMIT", 1, "RESERVE"),
        ("RELEASE", 1, "EXPIRE"),
        ("EXPIRE", 1, "RELEASE"),
        ("TOP_UP", 1, "DEBIT"),
        ("DEBIT", 1, "NOTHING"),
        ("RESERVE", 6, "CREDIT_LIMIT_REACHED"),
        ("COMMIT", 6, "GRANTED"),
        ("DEBIT", 6, "SPENDING_CAP_REACHED"),
        ("RELEASE", 6, "-"),
        ("COMMIT", 7, "r77"),
        ("RELEASE", 7, "r77"),
        ("EXPIRE", 7, "r77"),
        ("TOP_UP", 7, "b77"),
        ("DEBIT", 7, "r77"),
        ("COMMIT", 5, "1-1"),
        ("COMMIT", 5, "-"),
        ("COMMIT", 0, "2"),
        ("COMMIT", 4, "1"),
        ("COMMIT", 3, "9999"),
        ("COMMIT", 2, "main/a7"),
        ("COMMIT", 2, "main/a2"),
    ],
)
async def test_an_event_with_another_word_is_named(
    store: Store, kind: str, word: int, value: str
) -> None:
    outcome = {"RESERVE": "GRANTED", "COMMIT": "CHARGED", "DEBIT": "CHARGED"}.get(kind, "")
    # A token tells apart an event that did something.
    seq = store.find(kind, "b=", outcome)

    store.alter(seq, lambda words: [*words[:word], value, *words[word + 1 :]])
    report = await store.audit()

    assert any(term.startswith(f"event {seq}") for term in terms(report)), terms(report)
    assert of_account(report, "a1")


@pytest.mark.parametrize("token", ["b=", "y=", "h=", "l=account:", "k=", "d=", "p=", "u="])
async def test_an_event_without_one_of_its_parts_is_named(store: Store, token: str) -> None:
    granting = token in ("h=", "l=account:")
    seq = store.find("RESERVE" if granting else "COMMIT", "u=1" if token == "u=" else token)

    def without(words: Line) -> Line:
        at = next(i for i, word in enumerate(words) if i > 7 and word.startswith(token))
        return words[:at] + words[at + 1 :]

    store.alter(seq, without)

    assert any(term.startswith(f"event {seq} ") for term in terms(await store.audit()))


async def test_an_entry_that_is_no_event_is_named_and_the_audit_goes_on(store: Store) -> None:
    position = str(store.lua.client.xadd(JOURNAL, {"e": "1 COMMIT main/a1 oops", "c": ""}))

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term) == ("a1", f"event oops at {position}")


async def test_an_entry_that_names_nobody_is_named(store: Store) -> None:
    position = str(store.lua.client.xadd(JOURNAL, {"x": "y"}))

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term) == ("", f"event ? at {position}")


# Accounts.


async def test_a_deleted_account_is_named(store: Store) -> None:
    store.lua.client.delete(ACCOUNT)

    report = await store.audit()

    assert [(found.account_id, found.term) for found in report.differences] == [("a1", "account")]
    assert report.account_count == 2


async def test_an_account_without_events_is_named(store: Store) -> None:
    store.lua.client.delete(JOURNAL)

    report = await store.audit()

    assert {found.account_id for found in report.differences} == {"a1"}
    assert report.account_count == 2


async def test_a_forged_account_is_named(store: Store) -> None:
    forged = keys.account_key(TENANT, "a8")
    store.lua.client.copy(ACCOUNT, forged)

    report = await store.audit()

    assert {found.account_id for found in report.differences} == {"a8"}
    assert report.account_count == 3


async def test_an_account_that_cannot_be_read_is_named(store: Store) -> None:
    store.lua.client.hset(ACCOUNT, "b:main", "12 x 0 0 0 0")

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term, found.stored) == ("a1", "account", "unreadable")


async def test_a_pointer_to_an_older_event_is_named(store: Store) -> None:
    entries = store.lua.client.xrange(JOURNAL)
    position = str(entries[Store.index_of(entries, 57)][0])
    words = str(store.lua.client.hget(ACCOUNT, "state")).split(" ")
    store.lua.client.hset(ACCOUNT, "state", " ".join([*words[:7], position]))

    (found,) = (await store.audit()).differences

    assert (found.term, found.journal) == ("last event", "event 57")


async def test_a_lost_line_is_named(store: Store) -> None:
    store.lua.client.srem(keys.subscribers_key(*A1), "s1")

    assert "subscriber s1" in terms(await store.audit())


async def test_charges_during_an_audit_are_no_difference(store: Store) -> None:
    """Between the fold and the snapshot of an account its events go on: told by its progress."""
    machine = machine_on(store.lua)
    machine.pair = Pair(store.lua)  # clears the store: this traffic is its own
    traffic = Traffic(machine, 99)
    traffic.run(20)
    before = sum(int(store.lua.client.xlen(keys.journal_key(n))) for n in range(256))
    ledger = ledger_on(store.lua)

    report = await audit(ledger, ValkeyEventLog(ledger), on_progress=lambda *_: traffic.go_on(15))

    await ledger.close()
    assert report.differences == []
    assert report.event_count > before + 10


async def test_many_differences_are_counted_and_a_hundred_kept(store: Store) -> None:
    def double_all(entries: list[tuple[str, dict[str, str]]]) -> None:
        last = entries[-1][0].split("-")[0]
        entries += [
            (f"{int(last) + n}-0", fields) for n, (_, fields) in enumerate(list(entries), start=1)
        ]

    store.rewrite(double_all)

    report = await store.audit()

    assert report.difference_count == len(store.lines())
    assert len(report.differences) == 100
