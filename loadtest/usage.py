"""What a run used: CPU of a process from /proc, CPU and commands of the store from INFO."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import redis

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# Of the fields behind the name in /proc/<pid>/stat: user and system time.
_USER, _SYSTEM = 11, 12


def process_cpu_s(pid: int) -> float:
    """User and system CPU of a process and all its threads, seconds."""
    text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    fields = text.rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_S


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """The store's counters. cpu_s: its main thread. script_s: inside FCALL, by its own clock."""

    cpu_s: float
    script_calls: int
    script_s: float
    reads: int

    @classmethod
    def read(cls, store: "redis.Redis[bytes]") -> Self:
        """Ask for them."""
        info = store.info("everything")
        script = info.get("cmdstat_fcall", {"calls": 0, "usec": 0})
        cpu_s = info["used_cpu_user_main_thread"] + info["used_cpu_sys_main_thread"]
        return cls(
            cpu_s, script["calls"], script["usec"] / 1e6, info["total_reads_processed"]
        )
