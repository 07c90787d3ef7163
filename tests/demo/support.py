"""A demo in a process of its own, as `make demo` runs it, and what is left of it."""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROC = Path("/proc")
ACCOUNTS = 12
WAIT_S = 60.0
AUDITED = re.compile(r"audit: ok \((\d+) accounts, (\d+) events\)")


@dataclass(frozen=True)
class Ended:
    """How a demo ended: its exit status and what it printed."""

    status: int
    lines: list[str]

    @property
    def audited(self) -> tuple[int, int]:
        """Accounts and events of the audit, which the last line says was passed."""
        found = AUDITED.fullmatch(self.lines[-1])
        assert found is not None, "\n".join(self.lines)
        return int(found[1]), int(found[2])


class Demo:
    """A demo under way."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                *("-u", "-m", "ocs.demo", "--data-dir", str(data_dir)),
                *("--accounts", str(ACCOUNTS), *arguments),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []

    def wait_for(self, beginning: str) -> str:
        """Read on to the line that begins so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self._lines[-1]
        raise AssertionError("\n".join(self._lines))

    def end(self) -> Ended:
        """Wait for its end."""
        rest, _ = self.process.communicate(timeout=WAIT_S)
        return Ended(self.process.returncode, self._lines + rest.splitlines())


def processes_of(data_dir: Path) -> list[str]:
    """The command lines of the processes that name a directory, each once."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it ended meanwhile
                continue
            if any(str(data_dir) in word for word in words):
                found.append(" ".join(words))
    return found


def left_after(data_dir: Path, wait_s: float) -> list[str]:
    """The processes of a directory that have not ended within wait_s."""
    deadline = time.monotonic() + wait_s
    while (left := processes_of(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
