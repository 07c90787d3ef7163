"""One segment: a Parquet file with entries of all partitions, which never changes.

    date=2026-11-23/1763899200000-1763899260000-7-<footer>-<pages>.parquet

The name has the first and the last entry's milliseconds, which say where to look without opening
it, the epoch of the archiver that wrote it, and SHA-256 prefixes of the file's footer and of all
before it. The footer is checked whenever
a segment is opened, pages by the checksums that Parquet keeps of them as they are read, and the
whole by `verify`. Rows are ordered by partition, then position; some thousands make a row group,
whose statistics let one partition be read without the rest.

The footer says of each partition behind which position the segment begins and up to which it goes:
what lies between is in it, all of it, so a reader can tell an idle partition from a hole.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ocs.archive.columns import SCHEMA
from ocs.domain.position import Position, parse_position, spell_position
from ocs.ports import ArchiveError

FORMAT: Final = 1
SUFFIX: Final = ".parquet"
DIGEST_CHARACTERS: Final = 16
_NAME: Final = re.compile(
    r"([0-9]{13,20})-([0-9]{13,20})-([0-9]{1,16})-([0-9a-f]{16})-([0-9a-f]{16})\.parquet", re.ASCII
)
_HEADER: Final = b"ocs"
_MAGIC: Final = b"PAR1"
_TAIL_BYTES: Final = 8
_FOOTER_BYTES_MAX: Final = 64 * 1024 * 1024
_CHUNK_BYTES: Final = 1_048_576


class Span(NamedTuple):
    """What a segment has of a partition: all entries behind one position, up to and with another.

    entry_count: how many these are.
    """

    behind: Position
    up_to: Position
    entry_count: int


class Name(NamedTuple):
    """What a segment's file is called. Times in ms, of its entries' positions.

    epoch: of the archiver that wrote it; where two overlap the later one has it right.
    """

    path: Path
    first_ms: int
    last_ms: int
    epoch: int
    footer_digest: str
    pages_digest: str

    def __str__(self) -> str:
        """The last two parts of the path: all that an archive's own reader needs."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says of itself. replaces: names of segments that were merged into it."""

    spans: dict[int, Span]
    replaces: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Spell it for the footer."""
        spans = {
            partition: (spell_position(span.behind), spell_position(span.up_to), span.entry_count)
            for partition, span in sorted(self.spans.items())
        }
        return json.dumps(
            {"format": FORMAT, "replaces": self.replaces, "spans": spans},
            separators=(",", ":"),
        ).encode()


def read_name(path: Path) -> Name | None:
    """Read a file's name; None if it is no segment's."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    return Name(path, int(found[1]), int(found[2]), int(found[3]), found[4], found[5])


class Segment:
    """A segment that was opened: its footer is as it was written. Use from one thread at a time."""

    def __init__(self, name: Name) -> None:
        """Raise ArchiveError; FileNotFoundError if it is gone, e.g. merged into another."""
        self.name = name
        try:
            with name.path.open("rb") as file:
                footer, _ = _footer_of(file)
                if _digest(footer) != name.footer_digest:
                    raise self._damaged("its footer is not what was written")
                # Kept: reading the footer again takes longer than reading a row group.
                self._metadata = metadata = pq.read_metadata(file)
                self.header = self._read_header(metadata)
                self.row_count: int = metadata.num_rows
                self._groups = list(_bounds(metadata))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._damaged(error.strerror or type(error).__name__) from None
        except (pa.ArrowException, ValueError, KeyError, TypeError, AttributeError):
            raise self._damaged("it is no segment") from None

    def _read_header(self, metadata: Any) -> Header:
        found = json.loads(metadata.metadata[_HEADER])
        if found["format"] > FORMAT:
            text = f"format {found['format']}, of a newer ocs; this one reads {FORMAT}"
            raise self._damaged(text)
        spans = {
            int(partition): Span(parse_position(behind), parse_position(up_to), count)
            for partition, (behind, up_to, count) in found["spans"].items()
        }
        return Header(spans, tuple(found["replaces"]))

    def rows(self, groups: list[int]) -> Any:
        """Read row groups. Raises ArchiveError, FileNotFoundError."""
        try:
            with pq.ParquetFile(
                self.name.path, metadata=self._metadata, page_checksum_verification=True
            ) as file:
                table = file.read_row_groups(groups, use_threads=False)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged("its pages are not what was written") from None
        if table.schema.remove_metadata() != SCHEMA:
            raise self._damaged("its columns are not a segment's")
        return table

    def groups_of(self, partition: int, from_ms: int, to_ms: int) -> list[int]:
        """Row groups that may have entries of a partition in a time."""
        return [
            number
            for number, (first, last, least, greatest) in enumerate(self._groups)
            if first <= partition <= last
            and (first != last or (least <= to_ms and greatest >= from_ms))
        ]

    def verify(self) -> None:
        """Read all of the file and compare it with its name. Raises as above."""
        try:
            digests = digests_of(self.name.path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._damaged(error.strerror or type(error).__name__) from None
        except ValueError:
            raise self._damaged("it is no segment") from None
        if digests != (self.name.footer_digest, self.name.pages_digest):
            raise self._damaged("it is not what was written")

    def _damaged(self, rule: str) -> ArchiveError:
        return ArchiveError(f"segment {self.name} cannot be used: {rule}")


def digests_of(path: Path) -> tuple[str, str]:
    """Digest a file's footer and all before it. Raises OSError, ValueError."""
    with path.open("rb") as file:
        footer, left = _footer_of(file)
        file.seek(0)
        pages = sha256()
        while left:
            chunk = file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise ValueError("cut short")
            pages.update(chunk)
            left -= len(chunk)
    return _digest(footer), pages.hexdigest()[:DIGEST_CHARACTERS]


def _bounds(metadata: Any) -> Iterator[tuple[int, int, int, int]]:
    """First and last partition of each row group, and its least and greatest milliseconds."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        partition, milliseconds = (group.column(place).statistics for place in (0, 1))
        yield partition.min, partition.max, milliseconds.min, milliseconds.max


def _footer_of(file: Any) -> tuple[bytes, int]:
    """Return a file's footer, and how many bytes precede it. Raises ValueError."""
    total = file.seek(0, 2)
    file.seek(max(0, total - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    size = int.from_bytes(tail[:4], "little") + _TAIL_BYTES
    if tail[4:] != _MAGIC or size > min(total, _FOOTER_BYTES_MAX):
        raise ValueError("no footer")
    file.seek(total - size)
    return file.read(size), total - size


def _digest(footer: bytes) -> str:
    return sha256(footer).hexdigest()[:DIGEST_CHARACTERS]
