"""The demo's service process: `ocs up` on a free port, which tells its parent where it listens."""

import os
import signal
from pathlib import Path

from ocs.app import Running, run_up
from ocs.demo.link import Link
from ocs.demo.operators import CREDENTIALS_FILE
from ocs.demo.price_book import write_price_book


def main() -> int:
    """Serve until the parent closes the pipe; return the exit status."""
    link = Link()
    order = link.receive()
    link.watch(lambda _: None, _stop)

    def announce(service: Running) -> None:
        link.send(address=service.address, durability=service.durability)

    data_dir = Path(order["data_dir"])
    return run_up(
        data_dir=data_dir,
        tariff=write_price_book(data_dir),
        credentials=data_dir / CREDENTIALS_FILE,
        listen="127.0.0.1:0",
        durability="always",
        on_serving=announce,
    )


def _stop() -> None:
    # The way in which an operator stops it: drain, then shut the store down.
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
