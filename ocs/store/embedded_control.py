"""Questions to an embedded server over its socket; every one is bounded in time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Loading:
    """How far a server has read its log; eta_s is the server's own estimate."""

    loaded_percent: float
    total_bytes: int
    eta_s: int

    def __str__(self) -> str:
        """Say it to an operator."""
        size = f"{self.total_bytes / 1_048_576:.1f} MiB"
        return f"loading the log: {self.loaded_percent:.0f} % of {size}, about {self.eta_s} s left"


def is_ready(socket_path: Path) -> bool:
    """Whether the server answers PING, which it does only once its log is loaded."""
    with _client(socket_path) as client:
        try:
            return bool(client.execute_command("PING"))  # type: ignore[no-untyped-call]
        except redis.RedisError:
            return False


def read_loading(socket_path: Path) -> Loading | None:
    """Return how far the server's loading is, None if it does not load or does not answer."""
    with _client(socket_path) as client:
        try:
            info = client.info("persistence")
        except redis.RedisError:
            return None
    if not info.get("loading"):
        return None
    return Loading(
        loaded_percent=float(info.get("loading_loaded_perc", 0)),
        total_bytes=int(info.get("loading_total_bytes", 0)),
        eta_s=int(info.get("loading_eta_seconds", 0)),
    )


def read_pid_at(socket_path: Path, directory: Path) -> int | None:
    """Return the pid of the server that answers and keeps its data in directory, else None."""
    with _client(socket_path) as client:
        try:
            kept_in = client.config_get("dir")
            info = client.info("server")
        except redis.RedisError:
            return None
    same = os.path.realpath(str(kept_in["dir"])) == os.path.realpath(directory)
    return int(info["process_id"]) if same else None


def request_shutdown(socket_path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
    """Ask the server to flush and fsync its log and exit; whether it does is seen elsewhere.

    NOSAVE concerns snapshots only: the log is flushed all the same, and a script that never ends
    cannot refuse it.
    """
    with _client(socket_path, timeout_s) as client:
        try:
            client.execute_command("SHUTDOWN", "NOSAVE")  # type: ignore[no-untyped-call]
        except redis.RedisError:
            return  # a closed connection is the expected answer; no other one says more


@contextmanager
def _client(socket_path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> Iterator[redis.Redis]:
    client = redis.Redis(
        unix_socket_path=os.fspath(socket_path),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        encoding_errors="surrogateescape",  # as os.fsdecode does for paths
    )
    try:
        yield client
    finally:
        client.close()
