"""`make exactness EVENTS=n KILLS=n`: projectors are killed under load; every figure is then exact.

A service charges all the time and archives its journal. A projector follows and is killed with
SIGKILL wherever it is, started again, and killed again. In the end every table must be what the
journal adds up to event by event (tests/insights/reference.py: the audit's fold and plain Python),
a second projection from the beginning must make the same tables, and the audit must find the books
right.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from ocs.archive.reader import SegmentArchive
from ocs.client import AsyncClient
from ocs.insights.projector import Projector
from ocs.insights.tables import Tables
from ocs.ports import TariffStore
from ocs.rpc.context_columns import context_columns
from ocs.service.whole_journal import WholeJournal
from ocs.store.connect import make_pool
from ocs.store.embedded import private_valkey
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from ocs.store.tariffs import ValkeyTariffs
from tests.campaigns.support.driver import Driver
from tests.campaigns.support.report import Progress, Result, quantile
from tests.campaigns.support.service import CampaignError, ServiceProcess
from tests.insights.journals import MVNO, ROOT, Entry
from tests.insights.reference import Reference
from tests.insights.tables import contents, differences
from tests.support.stages import now_ms

CLIENTS: Final = 16
ACCOUNTS: Final = 60
PATIENCE_S: Final = 120.0
POLL_S: Final = 0.02
_FIGURES: Final = "ocs insights: figures at "


class FiguresProcess:
    """`ocs insights` as a process, over all its lives. Methods block; call them off the loop."""

    def __init__(self, directory: Path, store_url: str) -> None:
        self.path = directory / "figures.duckdb"
        self.address = ""
        self._log_path = directory / "figures.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OCS_")},
            "OCS_STORE_URL": store_url,
            "OCS_ARCHIVE_DIR": str(directory / "archive"),
            "OCS_INSIGHTS_PATH": str(self.path),
            "OCS_INSIGHTS_LISTEN": "127.0.0.1:0",
            "OCS_DASHBOARD_LISTEN": "127.0.0.1:0",
            "OCS_LOG_LEVEL": "warning",
            "OCS_DRAIN_PROBE_S": "0",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return once it serves."""
        log_size = self._log_path.stat().st_size if self._log_path.exists() else 0
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ocs", "insights"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            text = self._log_path.read_bytes()[log_size:].decode("utf-8", "replace")
            for line in text.splitlines(keepends=True):
                if line.startswith(_FIGURES) and line.endswith("\n"):
                    self.address = line.removeprefix(_FIGURES).split(",")[0]
                    return
            if self._process.poll() is not None:
                raise CampaignError(f"the projector ended at start:\n{text[-2000:]}")
            time.sleep(POLL_S)
        raise CampaignError("the projector did not start")

    def end(self, number: signal.Signals) -> int:
        """Send it a signal, and reap it; return its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)


async def run_exactness(
    directory: Path, *, events: int, kills: int, seed: int, progress: Progress | None = None
) -> Result:
    """Run it in a directory."""
    progress = progress or Progress(shown=False)
    rng = random.Random(seed)
    with private_valkey(directory / "store") as store:
        settings = {
            "OCS_TARIFF_PATH": str(ROOT / "examples/mvno.yaml"),
            "OCS_DURABILITY": store.durability,
        }
        service = ServiceProcess(directory, store.url, settings=settings)
        figures = FiguresProcess(directory, store.url)
        address = await asyncio.to_thread(service.start)
        try:
            driver = Driver(ACCOUNTS, seed)
            await driver.open(address)
            stop = asyncio.Event()
            load = asyncio.create_task(driver.drive(address, clients=CLIENTS, stop=stop))
            started = time.monotonic()
            for number in range(kills):
                await asyncio.to_thread(figures.start)
                await _answered(driver, events * (number + 1) // (kills + 1))
                progress.say(f"exactness: {driver.answered_count:,} calls, {number} kills")
                # Anywhere: reading, folding, committing, or starting again.
                await asyncio.sleep(rng.uniform(0.0, 0.4))
                await asyncio.to_thread(figures.end, signal.SIGKILL)
            await _answered(driver, events)
            seconds = time.monotonic() - started
            lags_s = await _lags(figures, driver, events)
            stop.set()
            await load
        finally:
            # Before the figures are final: its jobs go on writing.
            await asyncio.to_thread(service.stop)
        await _caught_up(figures)
        status = await asyncio.to_thread(figures.end, signal.SIGTERM)
        violations = [] if status == 0 else [f"the projector ended with {status}"]
        violations += driver.faults()
        violations += await asyncio.to_thread(service.audit, store.url)
        entries, found = await _compared(directory, store.url, figures.path)
    told = {
        "events": len(entries),
        "calls a second": driver.answered_count / seconds,
        "projectors killed": kills,
        "lag under load, median": f"{quantile(lags_s, 0.5):.2f} s",
        "lag under load, p99": f"{quantile(lags_s, 0.99):.2f} s",
        "figures that differ": len(found),
    }
    return Result("exactness", seed, told, violations + found)


async def _answered(driver: Driver, count: int) -> None:
    """Wait until so many calls have their answers. Raises CampaignError if they stop coming."""
    before, deadline = driver.answered_count, time.monotonic() + PATIENCE_S
    while driver.answered_count < count:
        if time.monotonic() > deadline:
            raise CampaignError("the service answers no calls")
        if driver.answered_count > before:
            before, deadline = driver.answered_count, time.monotonic() + PATIENCE_S
        await asyncio.sleep(POLL_S)


async def _lags(figures: FiguresProcess, driver: Driver, events: int) -> list[float]:
    """Watch how far the figures are behind, while the load goes on for a tenth more."""
    await asyncio.to_thread(figures.start)
    await _caught_up(figures)
    lags_s: list[float] = []
    until = driver.answered_count + events // 10
    async with AsyncClient(figures.address, timeout_s=PATIENCE_S) as client:
        while driver.answered_count < until or len(lags_s) < 20:
            asked_s = time.time()
            as_of = (await client.get_position()).as_of
            assert as_of.as_of_time is not None
            lags_s.append(asked_s - as_of.as_of_time.timestamp())
            await asyncio.sleep(POLL_S)
    return lags_s


async def _caught_up(figures: FiguresProcess) -> None:
    """Wait until all that was charged so far is in the figures."""
    now_s = time.time()
    async with AsyncClient(figures.address, timeout_s=PATIENCE_S) as client:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                as_of = (await client.get_position()).as_of
                if as_of.as_of_time is not None and as_of.as_of_time.timestamp() > now_s:
                    return
                await asyncio.sleep(POLL_S)


async def _compared(directory: Path, store_url: str, path: Path) -> tuple[list[Entry], list[str]]:
    """Hold the tables against the journal, and against those of a projection from its beginning."""
    pool = make_pool(store_url, 1)
    pipeline = Pipeline(pool)
    ledger = ValkeyLedger(make_pool(store_url, 4), connections=4, now_ms=now_ms)
    journal = WholeJournal(ValkeyJournal(pipeline), SegmentArchive(directory / "archive"))
    try:
        entries = await _entries(journal)
        again = Tables.open(directory / "again.duckdb")
        await _project(again, journal, ValkeyTariffs(ledger))
        tables = Tables.open(path)
        found = gaps(entries) + differences(tables, Reference(MVNO).fold(entries))
        if tables.progress().event_count != len(entries):
            found.append(f"{tables.progress().event_count} events, not {len(entries)}")
        first, second = contents(tables), contents(again)
        found += [f"{name} is projected otherwise" for name in first if first[name] != second[name]]
        tables.close()
        again.close()
    finally:
        await pipeline.close()
        await pool.disconnect()
        await ledger.close()
    return entries, found


async def _entries(journal: WholeJournal) -> list[Entry]:
    positions = dict.fromkeys(range(journal.partition_count), "")
    found: list[Entry] = []
    unread = positions
    while unread:
        runs = await journal.read(unread)
        for run in runs:
            found += [
                Entry(run.partition, *one)
                for one in zip(run.positions, run.lines, run.contexts, strict=True)
            ]
            if run.positions:
                positions[run.partition] = run.positions[-1]
        unread = {run.partition: positions[run.partition] for run in runs if run.more}
    return found


def gaps(entries: list[Entry]) -> list[str]:
    """Events that archive and stream together do not have: an account's numbers have no gaps."""
    seqs: dict[str, list[int]] = {}
    for entry in entries:
        event = entry.event
        seqs.setdefault(f"{event.tenant}/{event.account_id}", []).append(event.seq)
    return [
        f"journal of {account}: {len(found)} events, the last is {max(found)}; first {found[:3]}"
        for account, found in seqs.items()
        if found != list(range(1, len(found) + 1))
    ]


async def _project(tables: Tables, journal: WholeJournal, tariffs: TariffStore) -> None:
    projector = Projector(
        tables,
        journal,
        tariffs,
        read_contexts=context_columns,
        read_tariff=lambda _: MVNO,
        steady_ms=lambda: 0,
    )
    while not await projector.step():
        continue
    projector.close()


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    progress = Progress()
    with tempfile.TemporaryDirectory() as directory:
        result = uvloop.run(
            run_exactness(
                Path(directory),
                events=options.events,
                kills=options.kills,
                seed=options.seed,
                progress=progress,
            )
        )
    progress.end()
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
