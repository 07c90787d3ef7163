"""The embedded store: a real Valkey server, run as a child of the service, in one directory.

What holds while a store runs: one service and one server per directory (two locks); the server's
log is written with the promised durability; it listens on a private unix socket only; Ctrl-C at
the terminal does not reach it; it shuts down when the service's process ends, in whatever way. If
it could not (the system knows no parent-death signal), the next start ends it before it starts.
"""

import atexit
import os
import signal
import threading
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

from ocs.store import embedded_control as control
from ocs.store import embedded_files as files
from ocs.store.embedded_config import Durability
from ocs.store.embedded_files import EmbeddedStoreError
from ocs.store.embedded_process import ServerProcess
from ocs.store.embedded_start import EmbeddedOptions, ProgressCallback, start_server

__all__ = [
    "Durability",
    "EmbeddedOptions",
    "EmbeddedStoreError",
    "EmbeddedValkey",
    "private_valkey",
]

SIGNAL_WAIT_S = 10.0


class EmbeddedValkey:
    """A running embedded store. Methods may be called from any thread of the starting process."""

    def __init__(
        self,
        options: EmbeddedOptions,
        lock: files.ServiceLock,
        server: ServerProcess,
        socket_path: Path,
    ) -> None:
        """Take charge of a server that start() started."""
        self._options = options
        self._directory = lock.directory
        self._lock = lock
        self._server = server
        self._socket_path = socket_path
        self._owner_pid = os.getpid()
        self._guard = threading.RLock()

    @classmethod
    def start(cls, options: EmbeddedOptions, on_progress: ProgressCallback | None = None) -> Self:
        """Start the server and return once it answers and its log is loaded.

        on_progress receives a line for the operator about once a second while that takes time.

        Raises:
            EmbeddedStoreError: the directory is in use or unusable, the server ended (its last
                log lines are in the message) or did not finish loading in start_timeout_s.
        """
        directory = files.prepare_directory(options.data_dir)
        lock = files.ServiceLock.acquire(directory)
        try:
            server, socket_path = start_server(options, directory, on_progress or _ignore)
        except BaseException:
            lock.release()
            raise
        store = cls(options, lock, server, socket_path)
        atexit.register(store.stop)
        return store

    @staticmethod
    def url_of_running(data_dir: Path) -> str | None:
        """Find the server that runs on a directory, whoever started it; None if there is none."""
        for path in files.known_socket_paths(data_dir.resolve()):
            if control.read_pid_at(path, data_dir.resolve()) is not None:
                return _url(path)
        return None

    def __enter__(self) -> Self:
        """Return the running store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @property
    def data_dir(self) -> Path:
        """The data directory, absolute."""
        return self._directory

    @property
    def durability(self) -> Durability:
        """The durability the server was started with."""
        return self._options.durability

    @property
    def socket_path(self) -> Path:
        """The unix socket it listens on; stays the same over restart()."""
        return self._socket_path

    @property
    def url(self) -> str:
        """The socket as a client takes it: unix:///..."""
        return _url(self._socket_path)

    @property
    def pid(self) -> int:
        """The server's process id, also after its end."""
        return self._server.pid

    @property
    def is_alive(self) -> bool:
        """Whether the server's process has not ended."""
        return not self._server.wait_dead(0)

    def wait_dead(self, timeout_s: float | None = None) -> bool:
        """Wait for the server's end, whoever caused it; False if timeout_s is over before."""
        return self._server.wait_dead(timeout_s)

    def kill(self) -> None:
        """SIGKILL the server, as a fault would. The directory stays ours: restart() or stop()."""
        self._server.send(signal.SIGKILL)

    def restart(self, on_progress: ProgressCallback | None = None) -> None:
        """Start the server again after its end, under the same socket path.

        Raises:
            EmbeddedStoreError: as start(), and if the server is alive or stop() was called. The
                directory stays ours after a failure.
        """
        with self._guard:
            if not self._lock.held or self.is_alive:
                message = f"the store in data_dir {self._directory} is running or stopped for good"
                raise EmbeddedStoreError(message)
            self._server, self._socket_path = start_server(
                self._options, self._directory, on_progress or _ignore
            )

    def stop(self, timeout_s: float = 30.0) -> None:
        """Shut the server down (its log flushed and fsynced) and give the directory back.

        Asks over the socket, then by SIGTERM; after timeout_s by SIGKILL. Does nothing the second
        time, nor in a forked child of the starting process.

        Raises:
            EmbeddedStoreError: not even SIGKILL ended it; the directory stays locked.
        """
        with self._guard:
            if not self._lock.held or os.getpid() != self._owner_pid:
                return
            self._end_server(timeout_s)
            files.remove_socket(self._directory, self._socket_path)
            (self._directory / files.PID_NAME).unlink(missing_ok=True)
            self._lock.release()
            atexit.unregister(self.stop)

    def _end_server(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        # SHUTDOWN ends the server within milliseconds of its last fsync; SIGTERM, which it looks
        # at ten times a second, is for one that could not read the request.
        patience_s = min(timeout_s / 3, control.ANSWER_TIMEOUT_S)
        if self.is_alive:
            control.request_shutdown(self._socket_path, patience_s)
        if self._server.wait_dead(patience_s):
            return
        self._server.send(signal.SIGTERM)
        if self._server.wait_dead(max(0.0, deadline - time.monotonic())):
            return
        self._server.send(signal.SIGKILL)
        if not self._server.wait_dead(SIGNAL_WAIT_S):
            message = f"store server {self.pid} of data_dir {self._directory} does not end"
            raise EmbeddedStoreError(message)


def private_valkey(tmp_dir: Path, durability: Durability = "memory") -> EmbeddedValkey:
    """Start a store in tmp_dir/valkey for a test; call it again after stop() to go on there."""
    return EmbeddedValkey.start(EmbeddedOptions(data_dir=tmp_dir / "valkey", durability=durability))


def _ignore(_line: str) -> None:
    """Take a progress line of a start that nobody watches."""


def _url(socket_path: Path) -> str:
    return f"unix://{quote(os.fsencode(socket_path))}"
