"""Files of an embedded store's data directory: its locks, its socket's place, its log.

A directory has two locks. `lock` is held by the service process: one service per directory.
`server.lock` is inherited by the server, so the kernel itself says whether a server (or a log
rewrite of one) still works there, also when whoever started it is gone.
"""

import fcntl
import os
import stat
import sys
import tempfile
import time
from pathlib import Path

APPEND_DIR = "appendonlydir"
CONFIG_NAME = "valkey.conf"
LOG_NAME = "valkey.log"
PID_NAME = "valkey.pid"
SERVER_LOCK_NAME = "server.lock"
SERVICE_LOCK_NAME = "lock"
SOCKET_NAME = "valkey.sock"
SOCKET_POINTER_NAME = "socket_path"

PRIVATE_SOCKET_PREFIX = "ocs-valkey-"
SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103  # sun_path less its closing NUL
PRIVATE_MODE = 0o700
SERVICE_LOCK_WAIT_S = 1.0
SERVICE_LOCK_POLL_S = 0.02
OLD_LOGS_COUNT_MAX = 5
LOG_TAIL_BYTES = 8192
LOG_TAIL_LINES = 12


class EmbeddedStoreError(RuntimeError):
    """The embedded store cannot start, or cannot be ended; the message is for the operator."""


def prepare_directory(data_dir: Path) -> Path:
    """Create data_dir, or tighten it to 0700, and return its absolute path.

    Raises:
        EmbeddedStoreError: data_dir is not a directory, or belongs to someone else.
    """
    try:
        data_dir.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
        directory = data_dir.resolve(strict=True)
        if stat.S_IMODE(directory.stat().st_mode) != PRIVATE_MODE:
            directory.chmod(PRIVATE_MODE)
    except OSError as error:
        message = f"data_dir {data_dir} cannot be used: {error.strerror}"
        raise EmbeddedStoreError(message) from error
    return directory


def private_opener(path: str, flags: int) -> int:
    """Open a file for open(): what it creates is the owner's alone."""
    return os.open(path, flags, 0o600)


def open_lock(path: Path) -> int:
    """Open (or create) a lock file and return its descriptor, closed on exec.

    Raises:
        EmbeddedStoreError: the file cannot be opened.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        message = f"data_dir {path.parent} cannot be used: {path.name}: {error.strerror}"
        raise EmbeddedStoreError(message) from error


def try_lock(descriptor: int) -> bool:
    """Take the file's lock if it is free; False if someone else holds it.

    Raises:
        EmbeddedStoreError: the file system knows no flock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        message = f"data_dir lies on a file system without flock: {error.strerror}"
        raise EmbeddedStoreError(message) from error
    return True


class ServiceLock:
    """The service's claim to a data directory; ends with release() or with the process."""

    def __init__(self, directory: Path, descriptor: int) -> None:
        """Keep the open descriptor of the directory's lock, which was taken."""
        self.directory = directory
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, directory: Path) -> "ServiceLock":
        """Take the directory for this process.

        Raises:
            EmbeddedStoreError: another service holds it; names the directory and the pid.
        """
        descriptor = open_lock(directory / SERVICE_LOCK_NAME)
        deadline = time.monotonic() + SERVICE_LOCK_WAIT_S
        try:
            # A child of a killed holder shares its lock from fork to exec, so one look is not
            # enough to tell that it is alive.
            while not (taken := try_lock(descriptor)) and time.monotonic() < deadline:
                time.sleep(SERVICE_LOCK_POLL_S)
            if taken:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
                return cls(directory, descriptor)
            pid = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        holder = f"process {pid}" if pid else "another process"
        message = f"data_dir {directory} is in use by {holder}: one service per directory"
        raise EmbeddedStoreError(message)

    @property
    def held(self) -> bool:
        """Whether release() is still to come."""
        return self._descriptor is not None

    def release(self) -> None:
        """Give the directory back. The file stays: unlinking a lock file lets two hold it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def choose_socket_path(directory: Path) -> Path:
    """Return where the server listens: in the directory, or in a short private one beside it.

    The private directory lies under the system's temporary one and is remembered in the file
    `socket_path`, so that the next start finds, and uses, it again.

    Raises:
        EmbeddedStoreError: the temporary directory's path is too long as well.
    """
    direct = directory / SOCKET_NAME
    if _fits(direct):
        return direct
    remembered = _remembered_socket(directory)
    if remembered is not None and _is_private(remembered.parent):
        return remembered
    private_dir = Path(tempfile.mkdtemp(prefix=PRIVATE_SOCKET_PREFIX))
    chosen = private_dir / SOCKET_NAME
    if not _fits(chosen):
        private_dir.rmdir()
        message = (
            f"no path for a socket of at most {SOCKET_PATH_BYTES_MAX} bytes: data_dir {directory} "
            f"and the temporary directory {private_dir.parent} are both too long"
        )
        raise EmbeddedStoreError(message)
    (directory / SOCKET_POINTER_NAME).write_bytes(os.fsencode(chosen))
    return chosen


def known_socket_paths(directory: Path) -> list[Path]:
    """Return each path at which an earlier server of this directory may listen."""
    candidates = [directory / SOCKET_NAME, _remembered_socket(directory)]
    return [path for path in candidates if path is not None and _fits(path) and path.exists()]


def remove_socket(directory: Path, socket_path: Path) -> None:
    """Remove what choose_socket_path made; the server that listened there must be gone."""
    socket_path.unlink(missing_ok=True)
    if socket_path.parent == directory:
        return
    try:
        socket_path.parent.rmdir()
    except OSError:
        return  # cleaned by the system, or not empty: the pointer stays and the next start decides
    (directory / SOCKET_POINTER_NAME).unlink(missing_ok=True)


def read_pid(directory: Path) -> int | None:
    """Return the pid that the directory's server wrote last, or None; it may be long gone."""
    try:
        pid = int((directory / PID_NAME).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid > 1 else None


def rotate_log(directory: Path) -> Path:
    """Set the last run's log aside, drop all but the newest five, return the new log's path."""
    log_path = directory / LOG_NAME
    if log_path.exists() and log_path.stat().st_size > 0:
        aged = [directory / f"{LOG_NAME}.{age}" for age in range(1, OLD_LOGS_COUNT_MAX + 1)]
        for newer, older in zip(aged[-2::-1], aged[:0:-1], strict=True):
            if newer.exists():
                newer.replace(older)
        log_path.replace(aged[0])
    return log_path


def read_log_tail(directory: Path) -> str:
    """Return the last lines of the current run's log, for a message to the operator."""
    try:
        content = (directory / LOG_NAME).read_bytes()[-LOG_TAIL_BYTES:]
    except FileNotFoundError:
        return ""
    return "\n".join(content.decode("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX


def _remembered_socket(directory: Path) -> Path | None:
    try:
        return Path(os.fsdecode((directory / SOCKET_POINTER_NAME).read_bytes()))
    except FileNotFoundError:
        return None


def _is_private(directory: Path) -> bool:
    """Whether the directory is still ours alone: temporary ones get cleaned and remade."""
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return False
    mode = stat.S_IMODE(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and mode == PRIVATE_MODE
