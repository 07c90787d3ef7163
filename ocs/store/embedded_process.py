"""The embedded server as a child process, and the thread that keeps it.

The kernel delivers a parent-death signal when the *thread* that forked ends, not the process. So
each child has a thread of its own, which forks it and then waits for it: the thread ends after
the child or together with the process, never before.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from ocs.store.embedded_files import private_opener

LAUNCHER_PATH = Path(__file__).with_name("embedded_launcher.py")
ENVIRONMENT_NAMES = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PATH", "TZ")
# The packaged server uses the C library's allocator, whose cache keeps 7 blocks of a size; the
# garbage of one charge is hundreds. 4 to 6 % of a charge's instructions, see decision 0003.
_ALLOCATOR = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=2000"}


class ServerProcess:
    """One run of the server, from spawn to death."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        log_path: Path,
        inherited_fd: int,
        die_with_parent: bool,
    ) -> None:
        """Prepare a run of `command` in `directory`; nothing happens before spawn()."""
        self._command = tuple(command)
        self._directory = directory
        self._log_path = log_path
        self._inherited_fd = inherited_fd
        self._tie = "tied" if die_with_parent else "free"
        self._spawned: Future[subprocess.Popen[bytes]] = Future()
        self._dead = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="embedded-valkey", daemon=True)

    def spawn(self) -> None:
        """Start the server and return once it has a pid.

        Raises:
            OSError: the interpreter or the directory cannot be used.
        """
        self._keeper.start()
        self._spawned.result()

    @property
    def pid(self) -> int:
        """The server's process id; spawn() must have returned."""
        return self._spawned.result().pid

    @property
    def returncode(self) -> int | None:
        """Exit status as subprocess gives it (-9: killed by SIGKILL), None while it runs."""
        return self._spawned.result().returncode

    def send(self, signal_number: signal.Signals) -> None:
        """Signal the server unless it has been reaped."""
        self._spawned.result().send_signal(signal_number)

    def wait_dead(self, timeout_s: float | None = None) -> bool:
        """Wait until the server has ended and been reaped; False when the time is over."""
        return self._dead.wait(timeout_s)

    def abandon(self) -> None:
        """Kill the server, wherever its start has got to, and wait for its end."""
        if self._keeper.ident is None:  # spawn() was never reached
            self._dead.set()
        elif self._spawned.exception() is None:
            self.send(signal.SIGKILL)
        self._dead.wait()

    def _keep(self) -> None:
        try:
            with open(self._log_path, "ab", opener=private_opener) as log:
                process = self._popen(log.fileno())
        except BaseException as error:  # noqa: BLE001  (handed to the thread that waits for it)
            self._dead.set()
            self._spawned.set_exception(error)
            return
        self._spawned.set_result(process)
        process.wait()
        self._dead.set()

    def _popen(self, log_fd: int) -> subprocess.Popen[bytes]:
        launcher = (sys.executable, "-I", "-S", str(LAUNCHER_PATH), str(os.getpid()), self._tie)
        return subprocess.Popen(  # noqa: S603  (fixed program, no shell)
            (*launcher, *self._command),
            cwd=self._directory,
            env=_ALLOCATOR
            | {name: os.environ[name] for name in ENVIRONMENT_NAMES if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            pass_fds=(self._inherited_fd,),
            start_new_session=True,  # Ctrl-C is for the service, which drains before it stops this
            umask=0o077,
        )
