"""What is put under load: a service of the run's own, or the one that OCS_ADDRESS names."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import rich.progress
from rich.console import Console

from loadtest import processes
from loadtest.workload.accounts import open_accounts
from loadtest.workload.prices import TARIFF_VARIABLE
from ocs.client import OcsError
from ocs.upkeep import UpkeepError, run_audit

ADDRESS_VARIABLE: Final = "OCS_ADDRESS"
STORE_VARIABLE: Final = "OCS_STORE_URL"
ARCHIVE_VARIABLE: Final = "OCS_ARCHIVE_DIR"
DATA_DIR_VARIABLE: Final = "OCS_DATA_DIR"
RUNS: Final = Path("build/load")
_DIFFERENCES_SHOWN_MAX: Final = 20


class TargetError(Exception):
    """There is nothing to put under load; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service, and where its books are. directory: what the run leaves behind."""

    address: str
    directory: Path
    store_url: str | None = None
    data_dir: Path | None = None
    archive_dir: Path | None = None
    prefix: str = field(default_factory=lambda: f"load-{datetime.now(UTC):%Y%m%d%H%M%S%f}")

    async def open_accounts(self, count: int) -> None:
        """Open accounts for this run, with a bar. Raises TargetError."""
        with _progress("accounts", count) as on_progress:
            opened = 0

            def on_opened() -> None:
                nonlocal opened
                opened += 1
                on_progress(opened, count)

            try:
                await open_accounts(self.address, self.prefix, count, on_opened)
            except ExceptionGroup as errors:
                failed = errors.subgroup(OcsError)
                if failed is None:
                    raise
                why = f"the accounts could not be opened: {failed.exceptions[0]}"
                raise TargetError(why) from None

    def audit(self) -> tuple[bool, int]:
        """Fold the journal and compare, beside the service; whether it is right, and its events.

        Raises TargetError if it cannot be made.
        """
        try:
            with _progress("audit", None) as on_progress:
                report = run_audit(
                    store_url=self.store_url,
                    data_dir=self.data_dir,
                    archive_dir=self.archive_dir,
                    on_progress=on_progress,
                )
        except UpkeepError as error:
            raise TargetError(f"no audit: {error}") from None
        counted = f"{report.account_count} accounts, {report.event_count} events"
        if not report.difference_count:
            print(f"audit: ok ({counted})")
            return True, report.event_count
        print(f"audit: {report.difference_count} differences ({counted})")
        for one in report.differences[:_DIFFERENCES_SHOWN_MAX]:
            where = f"{one.tenant}/{one.account_id} {one.term}"
            print(f"  {where}: store {one.stored}, journal {one.journal}")
        return False, report.event_count


@contextmanager
def target(directory: Path) -> Iterator[Target]:
    """The service under load. One of the run's own leaves its data only if the run fails."""
    address = os.environ.get(ADDRESS_VARIABLE)
    if address:
        yield _named(address, directory)
        return
    data_dir, log_path = directory / "data", directory / "service.log"
    tariff = os.environ.get(TARIFF_VARIABLE)
    settings = {TARIFF_VARIABLE: tariff} if tariff else {}
    try:
        with processes.service_with_store(data_dir, log_path, settings) as (_, address):
            yield Target(address, directory, data_dir=data_dir)
    except processes.ServerFailedError as error:
        raise TargetError(f"the service did not start: {error}") from None
    shutil.rmtree(data_dir)
    log_path.unlink()


def _named(address: str, directory: Path) -> Target:
    store_url = os.environ.get(STORE_VARIABLE)
    data_dir = os.environ.get(DATA_DIR_VARIABLE)
    archive = os.environ.get(ARCHIVE_VARIABLE)
    archive_dir = Path(archive) if archive else None
    if store_url:
        return Target(address, directory, store_url=store_url, archive_dir=archive_dir)
    if data_dir:
        return Target(address, directory, data_dir=Path(data_dir), archive_dir=archive_dir)
    raise TargetError(
        f"{ADDRESS_VARIABLE} needs {STORE_VARIABLE} or {DATA_DIR_VARIABLE} beside it: "
        "without its store the books cannot be audited after the run"
    )


def new_directory(out: Path | None) -> Path:
    """A directory for what a run leaves behind."""
    directory = out or RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    directory.mkdir(parents=True, exist_ok=out is not None)
    return directory


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, one line anywhere else."""
    console = Console(stderr=True)
    columns = (
        rich.progress.TextColumn(what),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
    )
    hidden = not console.is_terminal
    with rich.progress.Progress(*columns, console=console, disable=hidden) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, total: progress.update(task, completed=done, total=total)
    if hidden and total is not None:
        print(f"{what}: {total}", file=sys.stderr)
