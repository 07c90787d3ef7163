"""Puts a backup into an empty directory, or into an empty server.

In a directory the snapshot becomes the base of the log, which the embedded server loads. Into a
server of one's own everything is copied with the plain commands that our login has anyway, from an
embedded server that loaded the snapshot: so versions and products need not agree.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import redis

from ocs.store import keys
from ocs.store.backup import client_of
from ocs.store.backup_file import (
    BackupError,
    Header,
    ProgressCallback,
    fsync_directory,
    read_header,
    unpack,
)
from ocs.store.embedded_files import APPEND_DIR, ServiceLock, prepare_directory
from ocs.store.fitness import Level
from ocs.store.record import RECORD, RESTORING, check_record

BASE_NAME: Final = "appendonly.aof.1.base.rdb"
MANIFEST_NAME: Final = "appendonly.aof.manifest"
MANIFEST: Final = f"file {BASE_NAME} seq 1 type b\n"
_NEW_DIR: Final = f"{APPEND_DIR}.restoring"
# Keys, fields or entries that travel together.
_ABREAST: Final = 1000
# Written anew by every service; nothing that is kept.
_FLEETING: Final = (b":lease", b":probe", b":vitals")

T = TypeVar("T")


def check_restorable(path: Path) -> Header:
    """Read a backup's header; the layout must be one that this version knows. BackupError."""
    header = read_header(path)
    finding = check_record(header.layout)
    if finding.level is Level.FAULT:
        raise BackupError(f"{path}: {finding.found}: {finding.step}")
    return header


def restore_directory(path: Path, directory: Path, on_progress: ProgressCallback) -> None:
    """Make a backup the log of an embedded store, which must not have one.

    All of it is there when this returns, or nothing. Raises BackupError, EmbeddedStoreError.
    """
    directory = prepare_directory(directory)
    lock = ServiceLock.acquire(directory)
    try:
        if (directory / APPEND_DIR).exists():
            message = f"{directory.parent} holds a store: restore into an empty directory"
            raise BackupError(message)
        place = directory / _NEW_DIR
        shutil.rmtree(place, ignore_errors=True)  # of a restore that was broken off
        place.mkdir(mode=0o700)
        try:
            unpack(path, place / BASE_NAME, on_progress)
            (place / MANIFEST_NAME).write_text(MANIFEST, "ascii")
            fsync_directory(place)
            place.rename(directory / APPEND_DIR)
            fsync_directory(directory)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
    except OSError as error:
        raise BackupError(f"{directory} cannot be used: {error.strerror}") from None
    finally:
        lock.release()


def undo_directory(directory: Path) -> None:
    """Take out again what restore_directory put there, which no server could load."""
    shutil.rmtree(directory / APPEND_DIR, ignore_errors=True)


def restore_server(source_url: str, target_url: str, on_progress: ProgressCallback) -> None:
    """Copy everything from an embedded server into an empty one.

    Until it has ended well the target says that it is not whole, and no service takes it.
    on_progress: told (keys done, keys in all). Raises BackupError.
    """
    with client_of(source_url) as source, client_of(target_url) as target:
        try:
            _claim(target)
            _copy(source, target, on_progress)
            layout: Any = source.get(keys.layout_key())
            target.set(keys.layout_key(), layout or RECORD)
        except redis.OutOfMemoryError:
            message = "the store has too little memory for the backup: empty it and give it more"
            raise BackupError(message) from None
        except redis.RedisError as error:
            message = (
                f"the store was lost, or refused the copy ({type(error).__name__}); empty it,"
                " and restore again"
            )
            raise BackupError(message) from None


def _claim(target: redis.Redis) -> None:
    cursor: Any = None
    while cursor != 0:
        cursor, found = target.scan(cursor or 0, count=_ABREAST)
        if found:
            raise BackupError(
                "the store is not empty: stop every service on it, and restore into a new one"
            )
    if not target.set(keys.layout_key(), RESTORING, nx=True):
        raise BackupError("another restore, or a service, works on the store")


def _copy(source: redis.Redis, target: redis.Redis, on_progress: ProgressCallback) -> None:
    total: Any = source.dbsize()
    streams: set[bytes] = set()
    done = 0
    for names in _batches(_names(source), _ABREAST):
        done += len(names)
        _copy_batch(source, target, names, streams)
        on_progress(min(done, total), total)
    for name in sorted(streams):
        _copy_stream(source, target, name)
    on_progress(total, total)


def _names(source: redis.Redis) -> Iterator[bytes]:
    """Every key that is kept; a scan may show one twice, which does no harm."""
    for name in source.scan_iter(count=_ABREAST):
        if not name.endswith(_FLEETING) and name != keys.layout_key().encode():
            yield name


def _copy_batch(
    source: redis.Redis, target: redis.Redis, names: Sequence[bytes], streams: set[bytes]
) -> None:
    kinds = _all(source, lambda pipe, name: pipe.type(name), names)
    reads: dict[bytes, Callable[[Any, bytes], Any]] = {
        b"string": lambda pipe, name: pipe.get(name),
        b"hash": lambda pipe, name: pipe.hgetall(name),
        b"set": lambda pipe, name: pipe.smembers(name),
        b"zset": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
    }
    kept = [(name, kind) for name, kind in zip(names, kinds, strict=True) if kind in reads]
    for name, kind in zip(names, kinds, strict=True):
        if kind == b"stream":
            streams.add(name)
        elif kind not in reads and kind != b"none":  # none: it expired since it was named
            raise BackupError(f"{name.decode(errors='replace')} is a {kind.decode()}, not of ocs")
    pipe = source.pipeline(transaction=False)
    for name, kind in kept:
        reads[kind](pipe, name)
    values = pipe.execute()
    ends = _all(source, lambda pipe, name: pipe.pexpiretime(name), [name for name, _ in kept])
    writing = target.pipeline(transaction=False)
    for (name, kind), value, end_ms in zip(kept, values, ends, strict=True):
        if value:
            _write(writing, name, kind, value, end_ms)
    writing.execute()


def _all(client: redis.Redis, ask: Callable[[Any, bytes], Any], names: Sequence[bytes]) -> Any:
    pipe = client.pipeline(transaction=False)
    for name in names:
        ask(pipe, name)
    return pipe.execute()


def _write(pipe: Any, name: bytes, kind: bytes, value: Any, end_ms: int) -> None:
    if kind == b"string":
        pipe.set(name, value, pxat=end_ms if end_ms > 0 else None)
        return
    if end_ms > 0:  # nothing of this layout: what it would mean cannot be known
        raise BackupError(f"{name.decode(errors='replace')} expires, and should not")
    match kind:
        case b"hash":
            for part in _batches(value.items(), _ABREAST):
                pipe.hset(name, mapping=dict(part))
        case b"set":
            for part in _batches(value, _ABREAST):
                pipe.sadd(name, *part)
        case _:
            for part in _batches(value, _ABREAST):
                pipe.zadd(name, dict(part))


def _copy_stream(source: redis.Redis, target: redis.Redis, name: bytes) -> None:
    """Copy a journal entry by entry, under the same ids: `prev` names them."""
    read: Callable[..., Any] = source.execute_command
    first: Any = "-"
    while entries := read("XRANGE", name, first, "+", "COUNT", _ABREAST):
        pipe: Any = target.pipeline(transaction=False)
        for position, fields in entries:
            pipe.execute_command("XADD", name, position, *_flat(fields))
        pipe.execute()
        first = b"(" + entries[-1][0]


def _flat(fields: Any) -> list[bytes]:
    if isinstance(fields, dict):
        return [part for pair in fields.items() for part in pair]
    return list(fields)


def _batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch
