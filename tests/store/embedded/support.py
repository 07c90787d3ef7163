"""What the tests of the embedded store share; the store itself is always the real one."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ocs.store import embedded
from ocs.store.embedded import EmbeddedValkey
from ocs.store.embedded_orphan import is_server_of

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc or prctl")


class Start(Protocol):
    """The fixture `start`: a store in data_dir (unless told otherwise), stopped after the test."""

    def __call__(
        self, on_progress: Callable[[str], None] | None = None, **options: Any
    ) -> EmbeddedValkey: ...


class Serve(Protocol):
    """The fixture `serve`: a service in a process of its own, killed after the test."""

    def __call__(self, where: Path | None = None, **options: str) -> "Service": ...


SILENCE_MAX_S = 60

# A service of its own, to kill or to press Ctrl-C on. Prints the server's pid, then does as told.
SERVICE = """
import signal
import sys
from pathlib import Path
import redis
from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey
# Whoever runs the tests in the background of a shell has it ignored, and hands that down.
signal.signal(signal.SIGINT, signal.default_int_handler)
data_dir, tie, then = sys.argv[1:]
options = EmbeddedOptions(data_dir=Path(data_dir), die_with_parent=tie == "tied")
store = EmbeddedValkey.start(options)
client = redis.Redis.from_url(store.url)
client.incr("figure")
try:
    print(store.pid, flush=True)
    if then == "wait":
        sys.stdin.read()
except KeyboardInterrupt:
    print(client.incr("figure"), store.is_alive, flush=True)
    store.stop()
"""


class Service:
    """The program above, running."""

    def __init__(self, data_dir: Path, *, tie: str = "tied", then: str = "wait") -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(data_dir), tie, then],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(embedded.__file__).parents[2])},
            start_new_session=True,
        )
        self.store_pid = int(self.read_line())

    def read_line(self) -> str:
        """The next line; empty if the program ends, or says nothing for a minute."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(SILENCE_MAX_S, self.process.kill)
        watchdog.start()
        try:
            return self.process.stdout.readline().strip()
        finally:
            watchdog.cancel()

    def kill(self) -> None:
        """Kill the service, and leave its store to what the test is about."""
        self.process.kill()
        self.process.communicate()

    def clean_up(self) -> None:
        """Kill both, so that a failed test leaves nothing."""
        self.kill()
        if is_server_of(self.store_pid, self.data_dir):
            os.kill(self.store_pid, signal.SIGKILL)


def connect(store: EmbeddedValkey) -> Any:
    return redis.Redis.from_url(store.url, decode_responses=True, retry=Retry(NoBackoff(), 0))


def wait_until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie that waits for its reaper."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes_in(directory: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").samefile(directory):
                found.append((entry / "cmdline").read_text("utf-8"))
        except OSError:  # it ended meanwhile
            continue
    return found


def newest_log(data_dir: Path) -> Path:
    """The file of the append-only log that takes the writes."""
    (found,) = (data_dir / "appendonlydir").glob("*.incr.aof")
    return found


def log_of_reads(key: str, size_bytes: int, reads_count: int) -> bytes:
    """A log that takes the server long to load for its size."""

    def command(*words: str) -> bytes:
        body = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        return f"*{len(words)}\r\n{body}".encode("ascii")

    return command("SETRANGE", key, str(size_bytes), "x") + reads_count * command("BITCOUNT", key)
