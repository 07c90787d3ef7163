"""A store after random traffic, and the means to tamper with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ocs.domain.audit import AuditDifference
from ocs.service.audit import AuditReport, audit
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from tests.model.machine import ChargingMachine
from tests.model.pair import TENANT
from tests.model.valkey_side import ValkeySide
from tests.support.no_archive import NO_ARCHIVE

A1 = (TENANT, "a1")
ACCOUNT = keys.account_key(*A1)
HOLDS = keys.holds_key(*A1)
PARTITION = keys.partition_of(*A1)
JOURNAL = keys.journal_key(PARTITION)

# The words of an event's line, and an entry of the journal with its position.
Line: TypeAlias = list[str]
Entry: TypeAlias = tuple[str, dict[str, str]]


@dataclass
class Store:
    """A store after traffic, as it was dumped: every test starts from the same bytes."""

    lua: ValkeySide
    client: Any
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
        return await audit(self.ledger, ValkeyEventLog(self.ledger, NO_ARCHIVE))

    # Tampering.

    def change(self, key: str, field: str, index: int, delta: int) -> None:
        """Change one figure of a text of figures."""
        parts = str(self.client.hget(key, field)).split(" ")
        parts[index] = str(int(parts[index]) + delta)
        self.client.hset(key, field, " ".join(parts))

    def rewrite(self, change: Callable[[list[Entry]], None]) -> None:
        """Write the journal of a1's partition again, at the same positions."""
        entries = self.entries()
        change(entries)
        self.client.delete(JOURNAL)
        for at, fields in entries:
            self.client.xadd(JOURNAL, fields, id=at)

    def alter(self, seq: int, change: Callable[[Line], Line]) -> None:
        """Alter the words of one event of a1."""

        def rewrite(entries: list[Entry]) -> None:
            at = self.index_of(entries, seq)
            words = entries[at][1]["e"].split(" ")
            altered = change(list(words))
            assert altered != words
            entries[at][1]["e"] = " ".join(altered)

        self.rewrite(rewrite)

    def entries(self) -> list[Entry]:
        """The journal of a1's partition."""
        return [(str(at), dict(fields)) for at, fields in self.client.xrange(JOURNAL)]

    def entry(self, seq: int) -> Entry:
        """The entry of one event of a1."""
        entries = self.entries()
        return entries[self.index_of(entries, seq)]

    def lines(self) -> dict[int, Line]:
        """The words of a1's events by seq."""
        found = [fields["e"].split(" ") for _, fields in self.entries()]
        return {int(words[3]): words for words in found if words[2] == "/".join(A1)}

    def find(self, kind: str, token: str = "", outcome: str = "", without: str = "\0") -> int:
        """The seq of a1's first event of a kind, with a token and without another."""
        for seq, words in self.lines().items():
            has = not token or any(word.startswith(token) for word in words[8:])
            has = has and not any(word.startswith(without) for word in words[8:])
            if words[1] == kind and outcome in ("", words[6]) and has:
                return seq
        raise LookupError(f"the traffic made no {kind} {token}")

    @staticmethod
    def index_of(entries: list[Entry], seq: int) -> int:
        name = f" {'/'.join(A1)} {seq} "
        return next(i for i, (_, fields) in enumerate(entries) if name in fields["e"])


def machine_on(side: ValkeySide) -> ChargingMachine:
    """Return the model's operations on a store, which they clear first."""
    machine = type("Machine", (ChargingMachine,), {"lua": side})()
    assert isinstance(machine, ChargingMachine)
    return machine


def ledger_on(side: ValkeySide) -> ValkeyLedger:
    """Return a ledger with the clock of the test."""

    def clock() -> int:
        return side.now_ms

    pool = make_pool(side._store.url, 2)
    return ValkeyLedger(pool, connections=2, now_ms=clock, test_clock=clock)


def holder_key(holder: str) -> str:
    """Return the key of a line or group of a1."""
    kind, _, holder_id = holder.partition("/")
    return (keys.subscriber_key if kind == "subscriber" else keys.group_key)(*A1, holder_id)


def terms(report: AuditReport) -> list[str]:
    """Return what was found to differ."""
    return [found.term for found in report.differences]


def of_account(report: AuditReport, account_id: str) -> list[AuditDifference]:
    """Return the differences of one account."""
    return [found for found in report.differences if found.account_id == account_id]


def event_count(side: ValkeySide) -> int:
    """Count what the journal has."""
    client: Any = side.client
    return sum(client.xlen(keys.journal_key(n)) for n in range(keys.PARTITION_COUNT))
