"""The parent's end of the pipes: processes that outlive neither the demo nor a Ctrl-C meant for it.

Each child leads a session of its own, so the terminal's Ctrl-C reaches the parent alone, which
then decides the order of the end. What a child writes to standard error goes to a file in the
demo's directory.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ocs.demo.link import Line

_LINE_BYTES_MAX: Final = 1 << 20
_STOP_S: Final = 20.0
_TAIL_LINES: Final = 15


class ChildError(Exception):
    """A process of the demo ended, or said nothing, when it should not have."""


class Child:
    """One process of the demo."""

    def __init__(self, name: str, process: Process, log_path: Path) -> None:
        self.name = name
        self._process = process
        self._log_path = log_path

    @classmethod
    async def start(cls, name: str, module: str, data_dir: Path) -> Self:
        """Start `python -m module`; it waits for its order. Its log is data_dir/name.log."""
        log_path = data_dir / f"{name}.log"
        # A new file: a demo that still runs here goes on with its own.
        log_path.unlink(missing_ok=True)
        with log_path.open("xb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                str(data_dir),  # for whoever looks at the list of processes
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,
                env=_environment(),
                limit=_LINE_BYTES_MAX,
            )
        return cls(name, process, log_path)

    def tell(self, **message: Any) -> None:
        """Send a line to the child; nothing if it is gone."""
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def lines(self) -> AsyncIterator[Line]:
        """The child's lines until it closes its pipe."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            yield json.loads(line)

    async def next_line(self) -> Line:
        """The child's next line. Raises ChildError if it ended instead."""
        async for line in self.lines():
            return line
        raise await self.ended()

    async def ended(self) -> ChildError:
        """Wait for its end, which nobody wanted, and say what it left behind."""
        status = await self._process.wait()
        tail = _tail(self._log_path)
        return ChildError(f"the {self.name} ended with status {status}; {self._log_path}:\n{tail}")

    async def stop(self) -> int:
        """Close its pipe and wait for its end; after a while end it by force. Its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                return await self._process.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End it at once."""
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


class Children:
    """All processes of one demo; on leaving the block they are stopped, the last one first."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._started: list[Child] = []

    async def start(self, name: str, module: str) -> Child:
        """Start one more."""
        child = await Child.start(name, module, self._data_dir)
        self._started.append(child)
        return child

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._started:
            await self._started.pop().stop()


def _environment() -> dict[str, str]:
    """The demo is the same on every machine: settings of the shell do not reach it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCS_")}
    # A line per call would fill the disk of a demo left running; no load balancer has to notice
    # that the service is about to stop.
    return kept | {"OCS_LOG_LEVEL": "warning", "OCS_DRAIN_PROBE_S": "0"}


def _tail(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as log:
        return "".join(deque(log, maxlen=_TAIL_LINES)).rstrip() or "(empty)"
