"""What a run used: CPU and memory of processes, CPU and commands of the store from INFO."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import redis

# Linux encodes a process's CPU clock in its clock id: the pid's complement, and the kind of clock
# (scheduler time, all threads). /proc/<pid>/stat counts in hundredths of a second only.
_CPU_CLOCK: Final = 2


def process_cpu_s(pid: int) -> float:
    """User and system CPU of a process and all its threads, seconds."""
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


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


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """The store's counters. cpu_s: its main thread. script_s: inside FCALL, by its own clock."""

    cpu_s: float
    script_calls: int
    script_s: float
    reads: int

    @classmethod
    def read(cls, store: "redis.Redis") -> Self:
        """Ask for them."""
        info = store.info("everything")
        script = info.get("cmdstat_fcall", {"calls": 0, "usec": 0})
        cpu_s = info["used_cpu_user_main_thread"] + info["used_cpu_sys_main_thread"]
        return cls(cpu_s, script["calls"], script["usec"] / 1e6, info["total_reads_processed"])
