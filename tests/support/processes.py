"""Processes that a service starts."""

from pathlib import Path


def child_of(parent: int, command: str) -> int:
    """The child of a process that runs `ocs COMMAND`; 0 if there is none."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
        if int(status[1]) == parent and command.encode() in words:
            return int(entry.name)
    return 0


def rss_bytes(pid: int) -> int:
    """The memory of a process that is resident; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
