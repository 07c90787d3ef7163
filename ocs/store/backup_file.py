"""A backup in one file: a header that a human can read, a snapshot, and a seal over both.

    OCS-BACKUP 1
    {"created": ..., "layout": "1 256", "product": "Valkey", "version": "9.1.2"}
    <snapshot: RDB>
    OCS-END <bytes of the snapshot, 20 digits> <SHA-256 of everything before this line, hex>

A file without its seal, or with another one, is refused: it is torn, cut or changed. It is
written beside its final name and renamed when it is whole and on disk.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

FORMAT: Final = 1
PARTIAL_SUFFIX: Final = ".partial"
_CHUNK_BYTES: Final = 1_048_576
_MAGIC: Final = re.compile(rb"OCS-BACKUP ([0-9]{1,6})\n", re.ASCII)
_SEAL: Final = re.compile(rb"\nOCS-END ([0-9]{20}) ([0-9a-f]{64})\n", re.ASCII)
_SEAL_BYTES: Final = len("\nOCS-END ") + 20 + 1 + 64 + 1
_HEADER_LINE_BYTES_MAX: Final = 4096

ProgressCallback = Callable[[int, int], None]


class BackupError(Exception):
    """A backup could not be made, read or restored; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a backup. created: RFC 3339. layout: the store's own record of it."""

    created: str
    layout: str
    product: str
    version: str


class Writer:
    """The file while it is written."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self.snapshot_bytes = 0
        self._file = file
        self._digest = hashlib.sha256()
        self._put(f"OCS-BACKUP {FORMAT}\n{json.dumps(asdict(header))}\n".encode())

    def write(self, chunk: bytes) -> None:
        """Append to the snapshot."""
        self.snapshot_bytes += len(chunk)
        self._put(chunk)

    def seal(self) -> None:
        """End the file; it is on disk when this returns."""
        digest = self._digest.hexdigest()
        self._file.write(f"\nOCS-END {self.snapshot_bytes:020d} {digest}\n".encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _put(self, part: bytes) -> None:
        self._digest.update(part)
        self._file.write(part)


@contextmanager
def new_backup(path: Path, header: Header) -> Iterator[Writer]:
    """Write a backup; it has its name once the block has ended well.

    Raises:
        BackupError: there is a file of that name, or the directory cannot be written.
    """
    if path.exists():
        raise BackupError(f"{path} exists; a backup never overwrites, choose another name")
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        file = os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        message = f"{partial} exists: another backup writes it, or one was broken off; remove it"
        raise BackupError(message) from None
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with file:
            writer = Writer(file, header)
            yield writer
            writer.seal()
        partial.rename(path)
        fsync_directory(path.parent)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def read_header(path: Path) -> Header:
    """Read what a backup says of itself. Raises BackupError."""
    with _opened(path) as file:
        return _read_header(file, path)


def unpack(path: Path, snapshot: Path, on_progress: ProgressCallback) -> None:
    """Check a backup against its seal and copy its snapshot; what was copied of a bad one is gone.

    on_progress: told (bytes done, bytes in all).

    Raises:
        BackupError: the file is torn, cut, changed, of a newer format, or no backup.
    """
    try:
        with _opened(path) as file, snapshot.open("xb") as copy:
            _unpack(file, copy, path, on_progress)
            os.fsync(copy.fileno())
    except BaseException as error:
        with suppress(OSError):
            snapshot.unlink(missing_ok=True)
        if isinstance(error, OSError):
            message = f"{snapshot.parent} cannot be written: {error.strerror}"
            raise BackupError(message) from None
        raise


def _unpack(file: BinaryIO, copy: BinaryIO, path: Path, on_progress: ProgressCallback) -> None:
    _read_header(file, path)
    start = file.tell()
    total = file.seek(0, os.SEEK_END)
    if total < start + _SEAL_BYTES:
        raise _torn(path)
    file.seek(total - _SEAL_BYTES)
    seal = _SEAL.fullmatch(file.read(_SEAL_BYTES))
    if seal is None or int(seal[1]) != total - _SEAL_BYTES - start:
        raise _torn(path)
    file.seek(0)
    digest = hashlib.sha256(file.read(start))
    left = int(seal[1])
    while left:
        chunk = file.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise _torn(path)
        digest.update(chunk)
        copy.write(chunk)
        left -= len(chunk)
        on_progress(total - left, total)
    if digest.hexdigest() != seal[2].decode():
        raise _torn(path)
    copy.flush()


def _read_header(file: BinaryIO, path: Path) -> Header:
    magic = _MAGIC.fullmatch(file.readline(_HEADER_LINE_BYTES_MAX))
    if magic is None:
        raise BackupError(f"{path} is no backup of ocs")
    if int(magic[1]) != FORMAT:
        raise BackupError(
            f"{path} has backup format {int(magic[1])}; this version reads {FORMAT}:"
            " restore it with the version that made it, or a newer one"
        )
    try:
        return Header(**json.loads(file.readline(_HEADER_LINE_BYTES_MAX)))
    except (ValueError, TypeError):
        raise _torn(path) from None


def _torn(path: Path) -> BackupError:
    return BackupError(
        f"{path} is not what was written: cut short, or changed; take another backup"
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        yield file


def fsync_directory(directory: Path) -> None:
    """Make a rename in it last."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
