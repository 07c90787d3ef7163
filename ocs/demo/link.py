"""The child's end of its pipes: lines of JSON, and the certainty that the parent lives.

The parent holds the other end of standard input. If it dies, in whatever way, the kernel closes
that end, and the child ends too: no process outlives the demo.
"""

import json
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

Line = dict[str, Any]

STOP: Final = "stop"


def receive() -> Line:
    """Wait for the parent's next line. Raises SystemExit if the parent is gone."""
    line = sys.stdin.buffer.readline()
    if not line:
        raise SystemExit("the demo's parent process is gone")
    message: Line = json.loads(line)
    return message


def send(**message: Any) -> None:
    """Write a line to the parent. Raises BrokenPipeError if it is gone."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def watch(on_line: Callable[[Line], None], on_gone: Callable[[], None]) -> None:
    """From now on call on_line for each line and on_gone at the end, in a thread of its own."""

    def read() -> None:
        for line in sys.stdin.buffer:
            on_line(json.loads(line))
        on_gone()

    threading.Thread(target=read, name="lifeline", daemon=True).start()
