"""Ends a server that outlived the service which started it.

Two servers on one log would ruin it, so a new one starts only when `server.lock` is free and no
server of the directory answers. An earlier one is asked over its socket first (its log is then
flushed and fsynced), then by SIGTERM, then by SIGKILL. No process is signalled before it is known
to be a server that works in this directory: pids are used again.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ocs.store import embedded_control as control
from ocs.store.embedded_files import (
    SERVER_LOCK_NAME,
    EmbeddedStoreError,
    known_socket_paths,
    open_lock,
    read_pid,
    try_lock,
)

SERVER_NAME = "valkey-server"
HEARD_WAIT_S = 30.0
UNHEARD_WAIT_S = 10.0
POLL_S = 0.02


def claim_server_lock(directory: Path, on_progress: Callable[[str], None]) -> int:
    """End any earlier server of the directory; return the open, locked server.lock.

    The caller holds the service lock of the directory, hands the descriptor to the server it
    starts and closes its own copy, so that the lock tells whether that server lives.

    Raises:
        EmbeddedStoreError: the earlier server does not end.
    """
    descriptor = open_lock(directory / SERVER_LOCK_NAME)
    try:
        alone = _is_alone(descriptor, directory) or _end_orphan(descriptor, directory, on_progress)
    except BaseException:
        os.close(descriptor)
        raise
    if alone:
        return descriptor
    os.close(descriptor)
    message = (
        f"an earlier store server still works in data_dir {directory} and does not end "
        f"(valkey.pid says {read_pid(directory)})"
    )
    raise EmbeddedStoreError(message)


def is_server_of(pid: int, directory: Path) -> bool:
    """Whether pid is, now, a valkey-server process whose data directory this is."""
    if sys.platform == "linux":
        try:
            executable = Path(f"/proc/{pid}/exe").readlink().name
            works_here = Path(f"/proc/{pid}/cwd").samefile(directory)
        except OSError:  # gone, a zombie, or someone else's
            return False
        return executable.removesuffix(" (deleted)") == SERVER_NAME and works_here
    else:  # noqa: RET505  (the type checker leaves out the branch of another platform)
        title = subprocess.run(  # noqa: S603  (fixed program, a number)
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return SERVER_NAME in title and any(str(p) in title for p in known_socket_paths(directory))


def _end_orphan(descriptor: int, directory: Path, on_progress: Callable[[str], None]) -> bool:
    on_progress(f"a store left running in {directory} is shut down first")
    requests: tuple[Callable[[], bool], ...] = (
        lambda: _request_shutdown(directory),
        lambda: _signal_orphan(directory, signal.SIGTERM),
        lambda: _signal_orphan(directory, signal.SIGKILL),
    )
    return any(_request_end(request, descriptor, directory) for request in requests)


def _request_end(request: Callable[[], bool], descriptor: int, directory: Path) -> bool:
    """Make one kind of request and wait for its effect; True once the directory is free.

    It is repeated until it finds its server: one whose service was killed while it started may
    have neither socket nor pid yet.
    """
    deadline = time.monotonic() + UNHEARD_WAIT_S
    heard = False
    while not _is_alone(descriptor, directory):
        if not heard and request():
            heard = True
            deadline = time.monotonic() + HEARD_WAIT_S
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _is_alone(descriptor: int, directory: Path) -> bool:
    """Whether server.lock is ours and no server without it (started by hand) works here."""
    if not try_lock(descriptor):
        return False
    pid = read_pid(directory)
    if pid is not None and is_server_of(pid, directory):
        return False
    return all(
        control.read_pid_at(path, directory) is None for path in known_socket_paths(directory)
    )


def _request_shutdown(directory: Path) -> bool:
    """Send SHUTDOWN to the directory's server; False if none answers on a known socket."""
    for path in known_socket_paths(directory):
        if control.read_pid_at(path, directory) is not None:
            control.request_shutdown(path)
            return True
    return False


def _signal_orphan(directory: Path, signal_number: signal.Signals) -> bool:
    """Signal the server that valkey.pid names; False if that process is not such a server."""
    pid = read_pid(directory)
    if pid is None:
        return False
    try:
        with _pinned(pid) as signal_pinned:
            if not is_server_of(pid, directory):
                return False
            signal_pinned(signal_number)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _pinned(pid: int) -> Iterator[Callable[[signal.Signals], None]]:
    """Yield a way to signal the process that has pid now, never one that gets the pid later.

    Raises:
        ProcessLookupError: it is gone, at entry or when it is signalled.
    """
    if sys.platform == "linux":
        pidfd = os.pidfd_open(pid)
        try:
            yield lambda signal_number: signal.pidfd_send_signal(pidfd, signal_number)
        finally:
            os.close(pidfd)
    else:  # no such pin: the check just before the signal must do
        yield lambda signal_number: os.kill(pid, signal_number)
