"""Tables held against the journal that they were projected from, entry by entry.

The journal is read once, archive and stream, and is not kept: there may be millions of entries.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ocs.archive.reader import SegmentArchive
from ocs.domain.position import PART_MAX, Position, parse_position
from ocs.insights.projector import Projector
from ocs.insights.tables import Tables
from ocs.ports import JournalRun, TariffStore
from ocs.rpc.context_columns import context_columns
from ocs.service.whole_journal import WholeJournal
from ocs.store.connect import make_pool
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from ocs.store.tariffs import ValkeyTariffs
from tests.campaigns.support.trimming import Positions
from tests.insights.journals import MVNO, Entry
from tests.insights.reference import Reference
from tests.insights.tables import ROW_TABLES, added_up, differences
from tests.support.stages import now_ms


@dataclass(frozen=True, slots=True)
class Unread:
    """What a reader had not read when it was started: of each partition what is after a time.

    trimmed: what the store may have let go of by then, so that it comes from the archive.
    """

    after_ms: int
    trimmed: Positions

    def has(self, partition: int, position: Position) -> bool:
        """Whether an entry was one of those."""
        return (self.after_ms, PART_MAX) < position <= self.trimmed[partition]


@dataclass(slots=True)
class Proof:
    """What was found. from_archive: entries that a reader could not have had from the stream."""

    event_count: int = 0
    from_archive: int = 0
    last_seqs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    differences: list[str] = field(default_factory=list)

    def missing(self, newest_seqs: Mapping[str, int]) -> list[str]:
        """What callers were told of and the journal does not have. newest_seqs: by account."""
        return [
            f"{account}: told of event {seq}, the journal ends at {self.last_seqs[account]}"
            for account, seq in newest_seqs.items()
            if seq > self.last_seqs[account]
        ]


async def prove(
    directory: Path,
    store_url: str,
    figures: Path,
    unread: list[Unread],
    say: Callable[[str], None],
) -> Proof:
    """Hold a file of figures against the journal, and against a projection from its beginning.

    directory: has the archive, and takes the second projection. unread: at each start of the
    projector.
    """
    pool = make_pool(store_url, 1)
    pipeline = Pipeline(pool)
    ledger = ValkeyLedger(make_pool(store_url, 4), connections=4, now_ms=now_ms)
    journal = WholeJournal(ValkeyJournal(pipeline), SegmentArchive(directory / "archive"))
    proof, reference = Proof(), Reference(MVNO)
    try:
        async for run in _runs(journal):
            reference.fold(_entries(run, proof, unread))
            say(f"{proof.event_count:,} events folded one by one")
        tables = Tables.open(figures)
        proof.differences += differences(tables, reference)
        if tables.progress().event_count != proof.event_count:
            found = tables.progress().event_count
            proof.differences.append(f"{found} events, not {proof.event_count}")
        say("projected once more, from the beginning")
        path = directory / "again.duckdb"
        again = Tables.open(path)
        await _project(again, journal, ValkeyTariffs(ledger))
        first, second = added_up(tables), added_up(again)
        proof.differences += [
            f"{name}: projected otherwise" for name in first if first[name] != second[name]
        ]
        tables.close()
        again.close()
        proof.differences += await asyncio.to_thread(_otherwise, figures, path)
    finally:
        await pipeline.close()
        await pool.disconnect()
        await ledger.close()
    return proof


async def _runs(journal: WholeJournal) -> AsyncIterator[JournalRun]:
    """The journal from its beginning; each partition's runs in their order."""
    unread = dict.fromkeys(range(journal.partition_count), "")
    while unread:
        read, unread = unread, {}
        for run in await journal.read(read):
            if run.positions:
                yield run
            if run.more:
                # A partition may have several runs; the last one says where it goes on.
                unread[run.partition] = run.positions[-1] if run.positions else read[run.partition]


def _entries(run: JournalRun, proof: Proof, unread: list[Unread]) -> Iterator[Entry]:
    """The entries of a run, counted, their accounts' numbers checked."""
    for position, line, context in zip(run.positions, run.lines, run.contexts, strict=True):
        account, number = line.split(b" ", 4)[2:4]
        name, seq = account.decode(), int(number)
        if seq != proof.last_seqs[name] + 1:
            told = f"journal of {name}: event {seq} after {proof.last_seqs[name]}"
            proof.differences.append(told)
        proof.last_seqs[name] = seq
        proof.event_count += 1
        at = parse_position(position)
        proof.from_archive += any(one.has(run.partition, at) for one in unread)
        yield Entry(run.partition, position, line, context)


def _otherwise(first: Path, second: Path) -> list[str]:
    """Name the tables of two files that have not the same rows."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{first}' AS a (READ_ONLY)")
        connection.execute(f"ATTACH '{second}' AS b (READ_ONLY)")
        found = []
        for table in ROW_TABLES:
            ((count,),) = connection.execute(  # our own tables
                f"SELECT count(*) FROM ((FROM a.{table} EXCEPT ALL FROM b.{table})"  # noqa: S608
                f" UNION ALL (FROM b.{table} EXCEPT ALL FROM a.{table}))"
            ).fetchall()
            if count:
                found.append(f"{table}: {count} rows are projected otherwise")
    return found


async def _project(tables: Tables, journal: WholeJournal, tariffs: TariffStore) -> None:
    projector = Projector(
        tables,
        journal,
        tariffs,
        read_contexts=context_columns,
        read_tariff=lambda _: MVNO,
        steady_ms=lambda: 0,
    )
    while not await projector.step():
        continue
    projector.close()
