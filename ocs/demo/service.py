"""The demo's service process: `ocs up` on a free port, which tells its parent where it listens."""

import os
import signal
import socket
from pathlib import Path
from typing import Final

from ocs.app import Figures, Running, run_up
from ocs.demo.link import Link
from ocs.demo.operators import CREDENTIALS_FILE
from ocs.demo.price_book import write_price_book

_DASHBOARD_PORT: Final = 7709


def main() -> int:
    """Serve until the parent closes the pipe; return the exit status."""
    link = Link()
    order = link.receive()
    link.watch(lambda _: None, _stop)

    def announce(service: Running) -> None:
        link.send(
            address=service.address,
            durability=service.durability,
            dashboard=f"http://127.0.0.1:{dashboard_port}/",
        )

    data_dir, dashboard_port = Path(order["data_dir"]), _free_port()
    return run_up(
        data_dir=data_dir,
        tariff=write_price_book(data_dir),
        credentials=data_dir / CREDENTIALS_FILE,
        listen="127.0.0.1:0",
        durability="always",
        figures=Figures("127.0.0.1:0", f"127.0.0.1:{dashboard_port}"),
        on_serving=announce,
    )


def _free_port() -> int:
    """The dashboard's usual port, or one that is free now."""
    for port in (_DASHBOARD_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise SystemExit("no port is free")


def _stop() -> None:
    # The way in which an operator stops it: drain, then shut the store down.
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
