"""The embedded server's configuration: what makes it a ledger's store rather than a cache."""

import os
from pathlib import Path
from typing import Literal

from ocs.store.embedded_files import LOG_NAME, PID_NAME

Durability = Literal["memory", "everysec", "always"]

CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def half_of_memory_bytes() -> int:
    """Return half of the memory that this process may use: the machine's, or its container's."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in CGROUP_LIMITS:
        if limit.exists():
            text = limit.read_text("ascii").strip()
            if text.isdigit():  # version 2 says "max" for none
                memory_bytes = min(memory_bytes, int(text))
    return memory_bytes // 2


def render_config(
    *,
    directory: Path,
    socket_path: Path,
    durability: Durability,
    maxmemory_bytes: int,
) -> str:
    """Return the text of valkey.conf; it is written anew at each start."""
    settings = {
        "port": "0",
        "unixsocket": _quote(socket_path),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": _quote(directory),
        "pidfile": _quote(directory / PID_NAME),
        "logfile": _quote(directory / LOG_NAME),
        "save": '""',
        "appendonly": "no" if durability == "memory" else "yes",
        "appendfsync": "no" if durability == "memory" else durability,
        "no-appendfsync-on-rewrite": "no",  # yes would drop to no fsync at all while rewriting
        "aof-load-truncated": "yes",  # a half-written last operation is dropped whole
        "maxmemory": str(maxmemory_bytes),
        "maxmemory-policy": "noeviction",  # every other policy deletes balances
        "hash-max-listpack-value": "256",
        "active-expire-effort": "10",  # or a quarter of the memory is answers no one may have
        "repl-diskless-sync-delay": "0",  # a backup waits for no one to share its snapshot
        "enable-debug-command": "no",
        "enable-module-command": "no",
        "enable-protected-configs": "no",
    }
    lines = [f"{name} {value}" for name, value in settings.items()]
    return "\n".join(["# Written at each start; a change made here does not last.", *lines, ""])


def _quote(path: Path) -> str:
    """Quote a path for valkey.conf, byte for byte: blanks, quotes and line ends included."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@,"
    escaped = (chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in os.fsencode(path))
    return f'"{"".join(escaped)}"'
