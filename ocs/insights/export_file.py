"""Writes rows as a file of Parquet or CSV, whose bytes are taken out as they come about."""

import hashlib
import io
from collections import Counter
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from ocs.domain.export import ExportEnded, ExportFormat, ExportKind, ExportTotal
from ocs.insights.export_rows import SUMS, schema_of

_ISO: Final = "%Y-%m-%dT%H:%M:%SZ"
# Text is always quoted, what is not there never; so an empty text differs from none.
_CSV: Final = csv.WriteOptions(quoting_style="needed", quoting_header="none")


class _Taken(io.RawIOBase):
    """A file of which only the last bytes are kept, until they are taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        """What was written since this was asked last."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found


class ExportFile:
    """A file in the making. Use from one thread at a time; `end` comes last."""

    def __init__(self, kind: ExportKind, format_: ExportFormat) -> None:
        self._kind = kind
        self._schema = schema_of(kind)
        self._sink = _Taken()
        self._is_csv = format_ is ExportFormat.CSV
        self._writer: Any
        if self._is_csv:
            self._writer = csv.CSVWriter(self._sink, _spelled(self._schema), write_options=_CSV)
        else:
            self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._digest = hashlib.sha256()
        self._sums: dict[str, Counter[str]] = {}
        self.row_count = 0

    def add(self, rows: pa.Table) -> bytes:
        """Write rows, times as milliseconds; return the bytes that came about."""
        table = rows.cast(self._schema)
        if table.num_rows:
            self._add_up(table)
            self._writer.write_table(_spell(table) if self._is_csv else table)
        return self._take()

    def end(self) -> tuple[bytes, ExportEnded]:
        """Close the file; return its last bytes and what is in it."""
        self._writer.close()
        last = self._take()
        totals = tuple(
            ExportTotal(
                currency, sums["row_count"], {name: sums[name] for name in SUMS[self._kind]}
            )
            for currency, sums in sorted(self._sums.items())
        )
        ended = ExportEnded(self.row_count, self._sink.tell(), self._digest.hexdigest(), totals)
        return last, ended

    def _take(self) -> bytes:
        data = self._sink.take()
        self._digest.update(data)
        return data

    def _add_up(self, table: pa.Table) -> None:
        names = SUMS[self._kind]
        keyed = table.select([*names]).append_column(
            "currency", pc.fill_null(table["currency"], "")
        )
        added = keyed.group_by("currency").aggregate(
            [*((name, "sum") for name in names), ([], "count_all")]
        )
        for row in added.to_pylist():
            sums = self._sums.setdefault(row["currency"], Counter())
            sums["row_count"] += row["count_all"]
            for name in names:
                sums[name] += row[f"{name}_sum"] or 0
        self.row_count += table.num_rows


def _spelled(schema: pa.Schema) -> pa.Schema:
    """The columns as text has them: times are RFC 3339."""
    return pa.schema(
        [
            field.with_type(pa.string()) if pa.types.is_timestamp(field.type) else field
            for field in schema
        ]
    )


def _spell(table: pa.Table) -> pa.Table:
    """Spell times to the millisecond."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            # Without its zone, which is UTC: no time zones are looked up.
            plain = table.column(index).cast(pa.timestamp("ms"))
            table = table.set_column(index, field.name, pc.strftime(plain, format=_ISO))
    return table
