"""`make exactness EVENTS=n KILLS=n`: projector and archiver are killed under load; all is exact.

A service charges all the time, call by call and in batches on streams. Its journal is archived
every few seconds and trimmed as soon as it may be. A projector follows and is killed with SIGKILL
wherever it is; so is the archiver, now and then together with the service whose process it is.
Callers resend what they got no answer to. Now and then the projector stays dead until the store has
let go of what it has not read.

In the end every table must be what the journal, archive and stream together, adds up to event by
event (tests/insights/reference.py: the audit's fold and plain Python), a second projection from the
beginning must make the same tables, and the audit must find the books right.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
import uvloop

from ocs.store.embedded import private_valkey
from tests.campaigns.support.driver import Driver
from tests.campaigns.support.figures import FiguresProcess
from tests.campaigns.support.proof import Proof, Unread, prove
from tests.campaigns.support.report import Progress, Result, quantile
from tests.campaigns.support.service import CampaignError, ServiceProcess
from tests.campaigns.support.trimming import Trimming
from tests.insights.journals import ROOT
from tests.support.stages import now_ms

CLIENTS: Final = 8
STREAMS: Final = 4
ACCOUNTS: Final = 60
EVENTS_PER_ACCOUNT: Final = 5_000
PATIENCE_S: Final = 120.0
POLL_S: Final = 0.02
# Of so many kills, the projector stays dead for long after the first, and the last one is of the
# service, too.
TURN: Final = 5
LAGS_MIN: Final = 50
# The archive is written every second, or a little less often where there would be a thousand
# segments: the audit looks into each of them for each partition.
_EVENTS_PER_INTERVAL: Final = 250_000
# The journal's room in the store. From half of it on what is archived is trimmed at once; all of it
# must not be taken while nobody archives. What is journaled goes into it at about 350 bytes.
_ROOM_MIN_BYTES: Final = 2**20
_ROOM_BYTES_PER_EVENT: Final = 350
_ROOM_MAX_BYTES: Final = 24 * 2**20


class Killer:
    """Kills projector and archiver, and starts them again."""

    def __init__(
        self,
        service: ServiceProcess,
        figures: FiguresProcess,
        trimming: Trimming,
        driver: Driver,
        seed: int,
    ) -> None:
        self.projectors = 0
        self.archivers = 0
        self.services = 0
        self.unread: list[Unread] = []
        self._service = service
        self._driver = driver
        self._figures = figures
        self._trimming = trimming
        self._rng = random.Random(seed)

    async def strike(self, number: int) -> None:
        """Kill both somewhere in their work; return once both run again."""
        await self._trimming.wait_archived()
        await self._anywhere()
        await asyncio.to_thread(self._figures.end, signal.SIGKILL)
        self.projectors += 1
        died_ms = now_ms()
        await self._anywhere()
        await asyncio.to_thread(self._service.kill_archiver)
        self.archivers += 1
        if number % TURN == TURN - 1:
            await asyncio.to_thread(self._service.kill_service)
            self.services += 1
            await asyncio.to_thread(self._service.start)
        if number % TURN == 0:
            # Nothing is trimmed before there is much.
            self._driver.slowly = False
            await self._trimming.wait_trimmed(died_ms)
        self.unread.append(Unread(died_ms, self._trimming.trimmed()))
        await asyncio.to_thread(self._figures.start)

    async def _anywhere(self) -> None:
        """Reading, folding, committing, writing, trimming, or starting again."""
        await asyncio.sleep(self._rng.uniform(0.0, 0.6))


@dataclass(frozen=True, slots=True)
class Stage:
    """All that takes part."""

    store_url: str
    service: ServiceProcess
    figures: FiguresProcess
    trimming: Trimming
    driver: Driver
    killer: Killer


@contextmanager
def _stage(directory: Path, events: int, seed: int) -> Iterator[Stage]:
    with (
        private_valkey(directory / "store") as store,
        redis.Redis(unix_socket_path=str(store.socket_path), decode_responses=True) as client,
    ):
        room_bytes = _ROOM_MIN_BYTES + min(_ROOM_MAX_BYTES, events * _ROOM_BYTES_PER_EVENT)
        settings = {
            "OCS_TARIFF_PATH": str(ROOT / "examples/mvno.yaml"),
            "OCS_DURABILITY": store.durability,
            "OCS_ARCHIVE_INTERVAL_S": str(1 + events // _EVENTS_PER_INTERVAL),
            "OCS_JOURNAL_MEMORY_MAX": str(room_bytes),
        }
        service = ServiceProcess(directory, store.url, settings=settings)
        figures, trimming = FiguresProcess(directory, store.url), Trimming(client)
        driver = Driver(max(ACCOUNTS, events // EVENTS_PER_ACCOUNT), seed, keeps=False)
        killer = Killer(service, figures, trimming, driver, seed)
        yield Stage(store.url, service, figures, trimming, driver, killer)


async def run_exactness(
    directory: Path, *, events: int, kills: int, seed: int, progress: Progress | None = None
) -> Result:
    """Run it in a directory."""
    progress = progress or Progress(shown=False)
    began = time.monotonic()
    with _stage(directory, events, seed) as stage:
        try:
            rate, lags_s = await _under_load(stage, events, kills, progress)
        finally:
            # Before the figures are final: its jobs go on writing.
            await asyncio.to_thread(stage.service.stop)
        await stage.figures.caught_up()
        status = await asyncio.to_thread(stage.figures.end, signal.SIGTERM)
        audit, proof = await asyncio.gather(
            asyncio.to_thread(stage.service.audit, stage.store_url),
            prove(
                directory,
                stage.store_url,
                stage.figures.path,
                stage.killer.unread,
                lambda text: progress.say(f"exactness: {text}"),
            ),
        )
        trimmed = proof.event_count - stage.trimming.kept()
    driver, killer = stage.driver, stage.killer
    violations = [] if status == 0 else [f"the projector ended with {status}"]
    violations += driver.faults() + audit + _unproved(proof, driver, kills, trimmed)
    told: dict[str, object] = {
        "events": proof.event_count,
        "calls a second": rate,
        "projectors killed": killer.projectors,
        "archivers killed": killer.archivers,
        "services killed with them": killer.services,
        "calls ambiguous for a while": driver.ambiguous()[0],
        "of these had run": driver.ambiguous()[1],
        "entries trimmed": trimmed,
        "entries read from the archive": proof.from_archive,
        "figures that differ": len(proof.differences),
        "audit": "differs" if audit else "ok",
        "lag under load, median": f"{quantile(lags_s, 0.5):.2f} s",
        "lag under load, p99": f"{quantile(lags_s, 0.99):.2f} s",
        "seconds": time.monotonic() - began,
    }
    return Result("exactness", seed, told, violations)


async def _under_load(
    stage: Stage, events: int, kills: int, progress: Progress
) -> tuple[float, list[float]]:
    """Charge and kill; return calls a second, and how far the figures are behind then, s."""
    driver, figures = stage.driver, stage.figures
    address = await asyncio.to_thread(stage.service.start)
    await driver.open(address)
    await asyncio.to_thread(figures.start)
    stop = asyncio.Event()
    load = asyncio.create_task(driver.drive(address, clients=CLIENTS, streams=STREAMS, stop=stop))
    started = time.monotonic()
    for number in range(kills):
        await _journaled(driver, events * (number + 1) // kills, progress, stage.killer)
        # Enough, but those that are still to be killed need something to do.
        driver.slowly = driver.tally.event_count >= events
        await stage.killer.strike(number)
    driver.slowly = False
    await _journaled(driver, events, progress, stage.killer)
    rate = driver.answered_count / (time.monotonic() - started)
    await figures.caught_up()
    until = driver.answered_count + events // 20
    lags_s = await figures.lags(lambda count: driver.answered_count < until or count < LAGS_MIN)
    stop.set()
    await load
    return rate, lags_s


def _unproved(proof: Proof, driver: Driver, kills: int, trimmed: int) -> list[str]:
    """What differs, what is missing, and what the campaign was to show and did not."""
    found = proof.differences + proof.missing(driver.newest_seqs)
    if trimmed <= 0:
        found.append("nothing was trimmed")
    if kills and not proof.from_archive:
        found.append("the projector had nothing to read from the archive")
    return found


async def _journaled(driver: Driver, count: int, progress: Progress, killer: Killer) -> None:
    """Wait until so many events were acknowledged. Raises CampaignError if they stop coming."""
    before, deadline = driver.tally.event_count, time.monotonic() + PATIENCE_S
    while before < count:
        if time.monotonic() > deadline:
            raise CampaignError("the service answers no calls")
        progress.say(f"exactness: {before:,} events, {killer.projectors} kills of each")
        await asyncio.sleep(POLL_S)
        if driver.tally.event_count > before:
            before, deadline = driver.tally.event_count, time.monotonic() + PATIENCE_S


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
