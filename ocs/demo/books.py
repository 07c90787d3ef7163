"""The demo's audit process: `ocs audit` beside the service, its progress in lines of JSON."""

import os
import time
from pathlib import Path
from typing import Final

from ocs.demo.link import Link
from ocs.upkeep import UpkeepError, run_audit

_DIFFERENCES_SHOWN_MAX: Final = 20
_PROGRESS_EVERY_S: Final = 0.1


def main() -> None:
    """Wait for the order (the imports are done by then), audit, report."""
    link = Link()
    order = link.receive()
    link.watch(lambda _: None, lambda: os._exit(1))
    try:
        report = run_audit(
            store_url=None, data_dir=Path(order["data_dir"]), on_progress=_Progress(link).told
        )
    except UpkeepError as error:
        raise SystemExit(f"no audit: {error}") from None
    link.send(
        account_count=report.account_count,
        event_count=report.event_count,
        difference_count=report.difference_count,
        differences=[
            f"{one.tenant}/{one.account_id} {one.term}: store {one.stored}, journal {one.journal}"
            for one in report.differences[:_DIFFERENCES_SHOWN_MAX]
        ],
    )


class _Progress:
    """Passes on what a screen can show of it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._next = 0.0

    def told(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + _PROGRESS_EVERY_S
            self._link.send(done=done, total=total)


if __name__ == "__main__":
    main()
