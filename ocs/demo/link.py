"""The child's end of its pipes: lines of JSON, and the certainty that the parent lives.

The parent holds the other end of standard input. If it dies, in whatever way, the kernel closes
that end, and the child ends too: no process outlives the demo.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

Line = dict[str, Any]

STOP: Final = "stop"

_STDIN: Final = 0
_READ_BYTES: Final = 1 << 16


class Link:
    """The pipes to the parent."""

    def __init__(self) -> None:
        self._received = b""

    def receive(self) -> Line:
        """Wait for the parent's next line. Raises SystemExit if the parent is gone."""
        message = self._next()
        if message is None:
            raise SystemExit("the demo's parent process is gone")
        return message

    def send(self, **message: Any) -> None:
        """Write a line to the parent. Raises BrokenPipeError if it is gone."""
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def watch(self, on_line: Callable[[Line], None], on_gone: Callable[[], None]) -> None:
        """From now on call on_line for each line and on_gone at the end, in a thread of its own."""

        def read() -> None:
            while (message := self._next()) is not None:
                on_line(message)
            on_gone()

        threading.Thread(target=read, name="lifeline", daemon=True).start()

    def _next(self) -> Line | None:
        # Not sys.stdin: a thread that waits inside its buffer holds a lock which the end of the
        # interpreter needs.
        while b"\n" not in self._received:
            read = os.read(_STDIN, _READ_BYTES)
            if not read:
                return None
            self._received += read
        line, _, self._received = self._received.partition(b"\n")
        message: Line = json.loads(line)
        return message
