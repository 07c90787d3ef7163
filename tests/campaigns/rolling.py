"""`make rolling RESTARTS=n`: SIGTERM to one of two processes on a port, in turn, under load.

Callers use the SDK as it comes: UNAVAILABLE is sent again with its request_id, inside the call's
2 s. No call may fail, and in the end every acknowledged one must be in the journal exactly once.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvloop

from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey
from tests.campaigns.support.driver import Driver
from tests.campaigns.support.report import Progress, Result, quantile
from tests.campaigns.support.service import CampaignError, ServiceProcess

CLIENTS: Final = 32
ACCOUNTS: Final = 40
# Calls that must be answered between the steps of a restart.
ANSWERED_BETWEEN: Final = 200
ANSWER_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.002
SETTINGS: Final = {"OCS_SO_REUSEPORT": "true"}


class Roller:
    """Two processes, one of which serves at any time, and what their callers notice."""

    def __init__(self, services: tuple[ServiceProcess, ServiceProcess], driver: Driver) -> None:
        self.away_s: list[float] = []
        self.longest_silence_s = 0.0
        self.violations: list[str] = []
        self._services = services
        self._driver = driver
        self._answered_at = time.monotonic()

    async def restart(self, number: int) -> None:
        """Drain one process and start it anew, while the other one serves."""
        service = self._services[number % 2]
        await self.answered(ANSWERED_BETWEEN)
        began = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(service.stop))
        status = await self._while(stopping)
        if status != 0:
            self.violations.append(f"restart {number}: the process ended with {status}")
        # Every caller is on the other one now.
        await self.answered(ANSWERED_BETWEEN)
        await self._while(asyncio.create_task(asyncio.to_thread(service.start)))
        self.away_s.append(time.monotonic() - began)

    async def answered(self, count: int) -> None:
        """Wait until so many more calls are answered."""
        wanted = self._driver.answered_count + count
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while self._driver.answered_count < wanted:
            if time.monotonic() > deadline:
                raise CampaignError(f"no {count} calls were answered in {ANSWER_TIMEOUT_S:.0f} s")
            await self._look()

    async def _while(self, task: "asyncio.Task[int] | asyncio.Task[str]") -> object:
        while not task.done():
            await self._look()
        return task.result()

    async def _look(self) -> None:
        """Let time pass; keep the longest time in which no call was answered."""
        before = self._driver.answered_count
        await asyncio.sleep(POLL_S)
        now = time.monotonic()
        self.longest_silence_s = max(self.longest_silence_s, now - self._answered_at)
        if self._driver.answered_count > before:
            self._answered_at = now


async def run_rolling(
    directory: Path,
    restarts: int,
    seed: int,
    *,
    clients: int = CLIENTS,
    account_count: int = ACCOUNTS,
    progress: Progress | None = None,
) -> Result:
    """Run the campaign in a directory."""
    progress = progress or Progress(shown=False)
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(
            EmbeddedValkey.start, EmbeddedOptions(directory / "store", "always")
        )
        stack.push_async_callback(asyncio.to_thread, store.stop)
        first = _process(directory / "first", store.url)
        second = _process(directory / "second", store.url)
        for service in (first, second):
            stack.push_async_callback(asyncio.to_thread, service.stop)
        second.address = await asyncio.to_thread(first.start)
        await asyncio.to_thread(second.start)

        driver = Driver(account_count, seed)
        await driver.open(first.address)
        roller = Roller((first, second), driver)
        started = time.monotonic()
        stop = asyncio.Event()
        load = asyncio.create_task(driver.drive(first.address, clients=clients, stop=stop))
        try:
            for number in range(restarts):
                await roller.restart(number)
                done = f"{number + 1} of {restarts} restarts, {len(driver.calls):,} calls"
                progress.say(f"rolling: {done}")
        finally:
            stop.set()
            await load
        seconds = time.monotonic() - started
        return await _conclude(first, driver, roller, store.url, (restarts, seed, seconds))


def _process(directory: Path, store_url: str) -> ServiceProcess:
    directory.mkdir()
    archive = {"OCS_ARCHIVE_DIR": str(directory.parent / "archive")}
    return ServiceProcess(directory, store_url, settings={**SETTINGS, **archive})


async def _conclude(
    service: ServiceProcess,
    driver: Driver,
    roller: Roller,
    store_url: str,
    run: tuple[int, int, float],
) -> Result:
    restarts, seed, seconds = run
    failed = [call for call in driver.calls if call.lost_count or not call.answered]
    books = await driver.check(service.address)
    audit = await asyncio.to_thread(service.audit, store_url)
    figures: dict[str, object] = {
        "restarts": restarts,
        "seconds": seconds,
        "calls": len(driver.calls),
        "attempts sent again": sum(client._throttle.failed_count for client in driver.clients),
        "failed calls": len(failed),
        "lost": sum(len(one.lost) for one in books),
        "doubled": sum(len(one.doubled) for one in books),
        "longest time without an answer": f"{roller.longest_silence_s:.2f} s",
        "a process was away, median": f"{quantile(roller.away_s, 0.5):.2f} s",
        "audit": "differs" if audit else "ok",
    }
    violations = roller.violations + audit + driver.faults()
    violations += [f"{call}: failed {call.lost_count} times" for call in failed]
    for one in books:
        violations += one.violations
    return Result("rolling", seed, figures, violations)


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    progress = Progress()
    with tempfile.TemporaryDirectory() as directory:
        result = uvloop.run(
            run_rolling(Path(directory), options.restarts, options.seed, progress=progress)
        )
    progress.end()
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
