"""Takes a snapshot of a whole store while it serves, as a replica would (decision 0030).

SYNC makes the server fork: the child writes the data as of one moment, so every account comes with
the journal that proves it, and every lookup with the account it names. Nothing is written on the
server's disk, and no writes since then are sent.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ocs.store import keys
from ocs.store.backup_file import BackupError, Header, new_backup
from ocs.store.fitness import Level
from ocs.store.record import check_record

# The server says every second that it is still preparing.
SILENCE_MAX_S: Final = 60.0
_CHUNK_BYTES: Final = 1_048_576
# REDIS0011 is what every server since Redis 7.2 reads; newer Redis formats only Redis reads.
_SNAPSHOT: Final = re.compile(rb"(?:REDIS00(?:0[0-9]|1[01])|VALKEY0(?:[0-9]{2}))", re.ASCII)
_MARK_BYTES: Final = 40


def client_of(url: str) -> redis.Redis:
    """A blocking client that sends nothing twice. Raises BackupError."""
    try:
        return redis.Redis.from_url(
            url, socket_timeout=SILENCE_MAX_S, retry=Retry(NoBackoff(), 0), protocol=2
        )
    except (ValueError, redis.RedisError):
        message = "the store's URL must be redis://, rediss:// or unix://"
        raise BackupError(message) from None


def take_backup(url: str, path: Path, on_progress: Callable[[int], None]) -> tuple[Header, int]:
    """Write a backup of the store at a URL; return its header and the snapshot's bytes.

    on_progress: told the bytes so far. Raises BackupError.
    """
    with client_of(url) as client:
        try:
            header = _header(client)
            with new_backup(path, header) as writer:
                for chunk in _snapshot(client):
                    if writer.snapshot_bytes == 0:
                        _check_readable(chunk)
                    writer.write(chunk)
                    on_progress(writer.snapshot_bytes)
        except redis.exceptions.NoPermissionError:
            message = "the login may not take a snapshot; docs/operations.md lists what it needs"
            raise BackupError(message) from None
        except redis.RedisError as error:
            message = f"the store was lost, or refused the snapshot ({type(error).__name__})"
            raise BackupError(message) from None
    return header, writer.snapshot_bytes


def _header(client: redis.Redis) -> Header:
    record: Any = client.get(keys.layout_key())
    layout = (record or b"").decode("ascii", "replace")
    finding = check_record(layout)
    if finding.level is Level.FAULT:
        raise BackupError(f"{finding.found}: {finding.step}")
    server: Any = client.info("server")
    product = "Valkey" if "valkey_version" in server else "Redis"
    version = str(server.get("valkey_version") or server["redis_version"])
    return Header(datetime.now(UTC).isoformat(timespec="seconds"), layout, product, version)


def _snapshot(client: redis.Redis) -> Iterator[bytes]:
    """Ask for a full synchronisation and yield it; what comes behind it is not asked for."""
    connection: Any = client.connection_pool.get_connection()
    try:
        for capability in (("capa", "eof"), ("rdb-only", "1")):
            connection.send_command("REPLCONF", *capability)
            connection.read_response()
        connection.send_command("SYNC")
        # From here on it is no protocol that the client reads; its buffer is empty.
        stream = connection._sock.makefile("rb")  # noqa: SLF001 - nothing public leads to it
        yield from _payload(stream)
    except OSError as error:
        raise redis.ConnectionError(type(error).__name__) from None
    finally:
        connection.disconnect()


def _payload(stream: Any) -> Iterator[bytes]:
    line = b"\n"
    while line == b"\n":  # sent while the child is started
        line = stream.readline()
    if line.startswith(b"-NOPERM"):
        raise redis.exceptions.NoPermissionError
    if line.startswith(b"$EOF:"):
        yield from _until(stream, line[len(b"$EOF:") :].strip())
    elif line.startswith(b"$"):
        yield from _exactly(stream, int(line[1:]))
    else:
        raise redis.ResponseError


def _until(stream: Any, mark: bytes) -> Iterator[bytes]:
    """What precedes a mark of random letters, which ends it."""
    if len(mark) != _MARK_BYTES:
        raise redis.ResponseError
    held = b""
    while not held.endswith(mark):
        if len(held) > _MARK_BYTES:
            yield held[:-_MARK_BYTES]
            held = held[-_MARK_BYTES:]
        chunk = stream.read1(_CHUNK_BYTES)
        if not chunk:
            raise redis.ConnectionError
        held += chunk
    yield held[:-_MARK_BYTES]


def _exactly(stream: Any, count: int) -> Iterator[bytes]:
    while count:
        chunk = stream.read1(min(count, _CHUNK_BYTES))
        if not chunk:
            raise redis.ConnectionError
        count -= len(chunk)
        yield chunk


def _check_readable(chunk: bytes) -> None:
    if _SNAPSHOT.match(chunk) is None:
        raise BackupError(
            "the store's snapshots are of a format that `ocs restore` cannot read; use the means"
            " of the store itself"
        )
