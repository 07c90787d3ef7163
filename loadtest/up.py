"""`ocs up` on any free port of loopback, until a signal or the end of standard input."""

import os
import signal
import sys
import threading
from pathlib import Path

from ocs.app import run_up


def main() -> int:
    """Serve from the directory that is named; return the exit status."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tariff = os.environ.get("OCS_TARIFF_PATH")
    return run_up(
        data_dir=Path(sys.argv[1]),
        listen="127.0.0.1:0",
        durability="always",
        tariff=Path(tariff) if tariff else None,
    )


def _end_with_parent() -> None:
    # Whatever ends the parent, the kernel closes its end of the pipe.
    while os.read(sys.stdin.fileno(), 1):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
