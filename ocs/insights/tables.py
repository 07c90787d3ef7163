"""The DuckDB file: opened once per process, written by one thread, read by others.

A batch and the positions behind it are one transaction, so that what was counted is never counted
again, whenever the process dies. The methods here block: they belong to a thread of their own.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from ocs.domain.charging_event import EventKind
from ocs.domain.tariff import Tariff
from ocs.insights import costs, fold, minutes, rewind, schema, state
from ocs.insights.batch import Batch
from ocs.insights.fold import Statement
from ocs.insights.reading import LineReader, ReadBatch

TariffRef = tuple[str, str]
"""Tenant and version."""

# Rows that add up are put together before they are so many.
_LOOSE_ROWS_MAX: Final = 100_000


class FormatError(Exception):
    """The file is of a newer version, is in use, or is none of ours; the text says which."""


@dataclass(slots=True)
class Progress:
    """How far the projection is. as_of_ms: all that happened before is in it, store clock."""

    generation: str
    as_of_ms: int
    event_count: int
    rewritten_count: int
    unreadable_count: int


class Tables:
    """The tables, and the statements that write them. Use from one thread at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """connection: to a file with the tables of the present format; for cursors only."""
        self._root = connection
        self._connection = connection.cursor()
        self._loose_count = 0
        self._loose_since_ms: int | None = None
        self._execute("CREATE TEMP TABLE cuts (part USMALLINT, cut_ms UBIGINT)")
        ((self._counts_rewritten,),) = self._execute("SELECT count(*) > 0 FROM taken_back")
        self.take(LineReader().read(Batch.empty()))
        for statement in fold.STATEMENTS:
            if statement.makes:
                self._execute(f"CREATE TEMP TABLE {statement.makes} AS {statement.sql}")
            if statement.view:
                self._execute(f"CREATE TEMP VIEW {statement.view} AS {statement.sql}")

    @classmethod
    def open(cls, path: Path) -> "Tables":
        """Open a file, or make it; one of an older format is begun anew. Raises FormatError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = duckdb.connect(path)
            found = _format_of(connection)
            if found is not None and found < schema.FORMAT:
                connection.close()
                path.unlink()
                connection, found = duckdb.connect(path), None
        except OSError:
            raise FormatError("its directory cannot be made") from None
        except duckdb.Error as error:
            in_use = "lock" in str(error)
            told = "another process has it open" if in_use else "it is no file of this program"
            raise FormatError(told) from None
        if found is not None and found > schema.FORMAT:
            connection.close()
            told = f"it has format {found}; this program knows {schema.FORMAT}"
            raise FormatError(told)
        if found is None:
            _fill(connection)
        # The store beside it may take half of the machine; what needs more goes to the disk.
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        connection.execute(f"SET memory_limit = '{memory_bytes // 4} bytes'").fetchall()
        # A checkpoint compresses what was written since the last one; at the usual 16 MB it would
        # take half of the time of a projection from the beginning.
        connection.execute("SET wal_autocheckpoint = '256MB'").fetchall()
        # From here on nothing reaches a file but this one, whoever asks for it.
        connection.execute("SET enable_external_access = false").fetchall()
        connection.execute("SET python_enable_replacements = false").fetchall()
        connection.execute("SET lock_configuration = true").fetchall()
        return cls(connection)

    def reader(self) -> duckdb.DuckDBPyConnection:
        """A connection for another thread."""
        return self._root.cursor()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._root.close()

    def progress(self) -> Progress:
        """Say how far the projection is."""
        (found,) = self._execute(
            "SELECT generation, as_of_ms, event_count, rewritten_count,"
            " (SELECT count(*) FROM unreadable) FROM projection"
        )
        return Progress(*found)

    def positions(self) -> dict[int, str]:
        """Behind which entry each partition is read on."""
        return dict(self._execute("FROM positions"))

    def begin(self, generation: str, kept: Mapping[int, int]) -> dict[int, str]:
        """Go on with another generation of the journal: what it may not have is read once more.

        kept: from which millisecond on each partition is read again. Return where to read on.
        """
        with self._atomically():
            self._insert("cuts", [{"part": part, "cut_ms": ms} for part, ms in kept.items()])
            for statement in rewind.STATEMENTS:
                self._execute(statement)
            self._execute("UPDATE projection SET generation = ?", [generation])
        self._counts_rewritten = True
        return self.positions()

    def settle_rewritten(self) -> None:
        """Count what was taken back and did not come again, once all of it could have."""
        with self._atomically():
            for statement in rewind.LOST:
                self._execute(statement)
        self._counts_rewritten = False

    def take(self, batch: ReadBatch) -> set[TariffRef]:
        """Take a batch to be folded next; return the tariffs that are wanted before that."""
        for name, table in batch.tables.items():
            self._connection.register(name, table)
        return set(self._execute(fold.TARIFFS_WANTED))

    def keep_tariff(self, tenant: str, version: str, tariff: Tariff | None) -> None:
        """Keep what a tariff says of units and wholesale prices; None: there is no such tariff."""
        with self._atomically():
            self._execute("INSERT INTO tariffs VALUES (?, ?, ?)", [tenant, version, bool(tariff)])
            if tariff is not None:
                self._insert("metered", costs.metered_rows(tenant, version, tariff))
                self._insert("wholesale", costs.wholesale_rows(tenant, version, tariff))

    def fold(self, positions: Mapping[int, str], as_of_ms: int) -> None:
        """Fold the batch that was taken last, and remember where to read on behind it."""
        found = self._execute("SELECT DISTINCT kind FROM fresh")
        kinds = {EventKind(kind) for (kind,) in found}
        with self._atomically():
            for statement in (*fold.STATEMENTS, *state.STATEMENTS):
                self._run(statement, kinds)
            if self._counts_rewritten:
                for rewritten in rewind.CAME_AGAIN:
                    self._execute(rewritten)
            self._execute("INSERT INTO unreadable FROM fresh_aside")
            self._insert(
                "positions",
                ({"part": part, "position": position} for part, position in positions.items()),
                "ON CONFLICT DO UPDATE SET position = excluded.position",
            )
            self._execute(
                "UPDATE projection SET as_of_ms = ?,"
                " event_count = event_count + (SELECT count(*) FROM fresh)",
                [as_of_ms],
            )
        self._gather()

    def _run(self, statement: Statement, kinds: set[EventKind]) -> None:
        if statement.view:
            return
        wanted = not statement.kinds or not statement.kinds.isdisjoint(kinds)
        if statement.makes:
            self._execute(f"TRUNCATE {statement.makes}")
            if wanted:
                self._execute(f"INSERT INTO {statement.makes} {statement.sql}")
        elif wanted:
            self._execute(statement.sql)

    def _gather(self) -> None:
        """Put rows together that add up, once they are many."""
        ((count, first_ms),) = self._execute("SELECT count(*), min(store_ms) FROM fresh")
        if count:
            self._loose_count += count
            self._loose_since_ms = min(first_ms, self._loose_since_ms or first_ms)
        if self._loose_count < _LOOSE_ROWS_MAX:
            return
        assert self._loose_since_ms is not None
        since_ms = self._loose_since_ms - self._loose_since_ms % minutes.MINUTE_MS
        self._execute(f"SET VARIABLE since_ms = {since_ms}")
        with self._atomically():
            for statement in minutes.GATHER:
                self._execute(statement)
        self._loose_count, self._loose_since_ms = 0, None

    def _execute(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        # To the end, or the connection would count as busy.
        return self._connection.execute(sql, parameters).fetchall()

    def _insert(self, table: str, rows: Iterable[Mapping[str, Any]], behind: str = "") -> None:
        found = pa.Table.from_pylist(list(rows))
        if found.num_rows:
            with self._registered("rows", found):
                self._execute(f"INSERT INTO {table} BY NAME FROM rows {behind}")

    @contextmanager
    def _registered(self, name: str, table: pa.Table) -> Iterator[None]:
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)

    @contextmanager
    def _atomically(self) -> Iterator[None]:
        self._execute("BEGIN")
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")


def _format_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The format of a file; None: it is empty."""
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
    ).fetchall()
    if not found:
        return None
    ((number,),) = connection.execute("SELECT format FROM projection").fetchall()
    return int(number)


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables, in one transaction: a file has all of them or none."""
    first = f"INSERT INTO projection VALUES ({schema.FORMAT}, '', 0, 0, 0)"
    for statement in ("BEGIN", *schema.ddl(), first, "COMMIT"):
        connection.execute(statement).fetchall()
