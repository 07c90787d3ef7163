"""Writes a segment: beside its final name, on disk before it has it, read back before it counts."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ocs.archive.columns import SCHEMA
from ocs.archive.segment import SUFFIX, Header, Name, Segment, digests_of, read_name
from ocs.limits import TIME_MAX_MS
from ocs.ports import ArchiveError

# What is read of a segment for one partition or event is a group: as small as a footer that has
# ten statistics for each of them allows.
ROWS_PER_GROUP: Final = 2048
PARTIAL_SUFFIX: Final = ".partial"
_HEADER_KEY: Final = "ocs"


def write_segment(
    directory: Path,
    header: Header,
    tables: Iterable[Any],
    *,
    epoch: int,
    span_ms: tuple[int, int],
) -> Name:
    """Write rows, which come in a segment's order; return what is on disk under its name.

    header: its spans may be filled while the rows come. span_ms: first and last milliseconds of the
    entries' positions. Raises ArchiveError; then there is nothing of it.
    """
    partial = directory / f"{token_hex(8)}{PARTIAL_SUFFIX}"
    try:
        _make_directory(directory)
        _write(partial, header, tables)
        name = _publish(partial, directory, epoch, span_ms)
        if Segment(name).row_count != sum(span.entry_count for span in header.spans.values()):
            raise ArchiveError(f"segment {name} reads back with other entries than were written")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ArchiveError(f"a segment cannot be written in {directory}: {reason}") from None
    except ValueError:
        raise ArchiveError(f"a segment written in {directory} reads back wrong") from None
    else:
        return name
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _write(partial: Path, header: Header, tables: Iterable[Any]) -> None:
    # For its owner only: it says who called whom.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        pq.ParquetWriter(
            file,
            SCHEMA,
            compression="zstd",
            use_dictionary=["tenant", "account", "kind"],
            write_page_checksum=True,
            write_statistics=True,
        ) as writer,
    ):
        for group in _groups(tables):
            writer.write_table(group)
        writer.add_key_value_metadata({_HEADER_KEY: header.encode().decode()})
        writer.close()
        file.flush()
        os.fsync(file.fileno())


def _groups(tables: Iterable[Any]) -> Iterator[Any]:
    """Cut rows anew, into tables of ROWS_PER_GROUP rows, the last one of what is left.

    A partition's run is some entries: a group for each would make the footer the largest part.
    """
    gathered, count = [], 0
    for table in tables:
        gathered.append(table)
        count += table.num_rows
        if count >= ROWS_PER_GROUP:
            rows = pa.concat_tables(gathered)
            whole = count - count % ROWS_PER_GROUP
            for first in range(0, whole, ROWS_PER_GROUP):
                yield rows.slice(first, ROWS_PER_GROUP)
            gathered, count = [rows.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(gathered)


def _publish(partial: Path, directory: Path, epoch: int, span_ms: tuple[int, int]) -> Name:
    first_ms, last_ms = span_ms
    footer, pages = digests_of(partial)
    day = datetime.fromtimestamp(min(first_ms, TIME_MAX_MS) // 1000, UTC).date().isoformat()
    folder = directory / f"date={day}"
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        fsync_directory(directory)
    path = folder / f"{first_ms:013d}-{last_ms:013d}-{epoch}-{footer}-{pages}{SUFFIX}"
    partial.rename(path)
    fsync_directory(folder)
    name = read_name(path)
    assert name is not None, path
    return name


def _make_directory(directory: Path) -> None:
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fsync_directory(directory.parent)


def fsync_directory(directory: Path) -> None:
    """Make what happened to its names last. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
