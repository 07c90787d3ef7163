"""Journals of real scripts, with contexts drawn at random, and the tables that fold them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from ocs.book.file import tariff_of_file
from ocs.domain.charging_event import ChargingEvent, EventKind, decode_event
from ocs.domain.event_context import EventContext
from ocs.domain.tariff import Tariff
from ocs.insights.batch import batch_of
from ocs.insights.reading import LineReader
from ocs.insights.tables import Tables
from ocs.ports import JournalRun
from ocs.rpc.context_columns import context_columns
from ocs.rpc.event_context import decode_context, encode_context
from ocs.store import keys
from tests.model.pair import TENANT
from tests.model.pools import ACCOUNTS
from tests.model.valkey_side import ValkeySide
from tests.store.audit.stored import machine_on
from tests.support.audit_traffic import Traffic

ROOT: Final = Path(__file__).parents[2]
MVNO: Final = tariff_of_file(ROOT / "examples/mvno.yaml")
READER: Final = LineReader()
CHARGES: Final = (EventKind.COMMIT, EventKind.DEBIT)


class Entry(NamedTuple):
    """An entry of a journal."""

    partition: int
    position: str
    line: bytes
    context: bytes

    @property
    def event(self) -> ChargingEvent:
        return decode_event(self.line.decode())

    @property
    def known(self) -> EventContext:
        return decode_context(self.context)


def written_by(lua: ValkeySide, seed: int, steps: int) -> list[Entry]:
    """What random traffic makes the scripts write; contexts are drawn anew."""
    operations = Traffic(machine_on(lua), seed)
    operations.run(steps)
    operations.hold_open()
    random = Random(seed)
    found = []
    for account_id in ACCOUNTS:
        partition = keys.partition_of(TENANT, account_id)
        entries: Any = lua.client.xrange(keys.journal_key(partition))
        for position, fields in entries:
            if f" {TENANT}/{account_id} " in fields["e"]:
                line = fields["e"].encode()
                context = encode_context(_context(random, decode_event(fields["e"])))
                found.append(Entry(partition, position, line, context))
    return found


def _context(random: Random, event: ChargingEvent) -> EventContext:
    """What a service might have known of an event."""
    priced = [*MVNO.wholesale, "voice/nowhere"]
    versions = [MVNO.version] * 4 + ["gone", ""]
    context = EventContext(
        request_id=f"r{random.randrange(10**6)}",
        session_id=random.choice(["", "s1", "s2"]),
        subscriber_id=random.choice(["", "l1"]),
        segment=random.choice(["gold", "silver", ""]),
        plan=random.choice(["prepaid", "family"]),
        service_id=random.choice([*MVNO.units, "unheard"]),
        zone=random.choice(["", "eu", "world"]),
        partner=random.choice(["", "carrier-a"]),
        currency=random.choice(["EUR", "EUR", "USD"]),
        tariff_version=random.choice(versions),
        event_time_ms=event.store_ms - random.randrange(10**6),
        actor="gateway é",
        price_id=random.choice(priced),
        time_zone=random.choice(["UTC", "Europe/Berlin"]),
    )
    if event.kind in CHARGES and event.used_units > 2 and random.random() < 0.3:
        first = random.randrange(1, event.used_units)
        context.pieces = (
            (first, random.choice(versions), random.choice(priced)),
            (event.used_units - first, random.choice(versions), random.choice(priced)),
        )
    if event.kind is EventKind.DEBIT and random.random() < 0.1:
        context.corrects_seq, context.pieces = 1, ()
    return context


def runs_of(entries: Sequence[Entry]) -> list[JournalRun]:
    """Entries in runs, one of each partition."""
    by_partition = defaultdict(list)
    for entry in entries:
        by_partition[entry.partition].append(entry)
    return [
        JournalRun(
            partition,
            [one.position for one in some],
            [one.line for one in some],
            [one.context for one in some],
        )
        for partition, some in by_partition.items()
    ]


def read(tables: Tables, entries: Sequence[Entry], tariff: Tariff | None = MVNO) -> dict[int, str]:
    """Read a batch, and keep the tariffs that it wants; return its positions."""
    batch = READER.read(batch_of(runs_of(entries), context_columns))
    for tenant, version in sorted(tables.take(batch)):
        known = tariff if tariff is not None and version == tariff.version else None
        tables.keep_tariff(tenant, version, known)
    return batch.positions


def fold(
    tables: Tables,
    entries: Sequence[Entry],
    random: Random | None = None,
    tariff: Tariff | None = MVNO,
) -> None:
    """Fold a journal in batches of any size."""
    at = 0
    while at < len(entries):
        size = len(entries) if random is None else random.choice([1, 2, 7, 40, 200])
        tables.fold(read(tables, entries[at : at + size], tariff), 1)
        at += size
