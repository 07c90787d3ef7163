"""`make kill CYCLES=n`: kill -9 of the store, the service and both, under load.

Durability `always`. Callers go on, resending whatever is ambiguous with its request_id. In the end
every acknowledged call must be in the journal exactly once with the figures its caller was told,
every ambiguous one must be resolved, and the audit must find the books right.

Many cycles are split into rounds, each with books of its own that are checked in full: with one
set of books every restart would load, and every audit fold, the journal of all cycles before it.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from ocs.client.attempts import NO_RETRY
from tests.campaigns.support.driver import Driver
from tests.campaigns.support.report import Progress, Result, quantile
from tests.campaigns.support.service import CampaignError, ServiceProcess

CLIENTS: Final = 32
ACCOUNTS: Final = 40
TARGETS: Final = ("store", "service", "both")
# Calls that must be answered after a kill before the next one.
ANSWERED_BETWEEN: Final = 200
RECOVERY_TIMEOUT_S: Final = 60.0
AUDIT_EVERY: Final = 10
ROUND_CYCLES_MAX: Final = 100
POLL_S: Final = 0.002


# Seconds from each kill to the first answer after it, by what was killed.
Recoveries = dict[str, list[float]]


class Killer:
    """Kills, starts again, and measures how long it took until a call was answered."""

    def __init__(
        self, service: ServiceProcess, driver: Driver, seed: int, recoveries_s: Recoveries
    ) -> None:
        self.recoveries_s = recoveries_s
        self.second_kills = 0
        self._service = service
        self._driver = driver
        self._rng = random.Random(seed)

    async def cycle(self, number: int) -> None:
        """One kill under load, up to the answers after it."""
        target = TARGETS[number % len(TARGETS)]
        await asyncio.sleep(self._rng.uniform(0.1, 0.8))
        await asyncio.to_thread(self._kill, target)
        killed_ns = time.monotonic_ns()
        if target != "store":
            await asyncio.to_thread(self._start)
        # Answers to what was sent before it may still be on their way.
        await self._wait(lambda: self._driver.newest_answered_ns > killed_ns)
        self.recoveries_s.setdefault(target, []).append((time.monotonic_ns() - killed_ns) / 1e9)
        answered = self._driver.answered_count
        await self._wait(lambda: self._driver.answered_count > answered + ANSWERED_BETWEEN)

    def _kill(self, target: str) -> None:
        if target != "service" and not self._service.kill_store():
            raise CampaignError("there is no store to kill")
        if target != "store":
            self._service.kill_service()

    def _start(self) -> None:
        """Start the service; now and then it dies once more on the way."""
        if self._rng.random() < 0.2:
            self.second_kills += 1
            self._service.launch()
            time.sleep(self._rng.uniform(0.0, 1.0))
            self._service.kill_service()
        self._service.start()

    async def _wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + RECOVERY_TIMEOUT_S
        while not holds():
            if time.monotonic() > deadline:
                raise CampaignError(f"no call was answered for {RECOVERY_TIMEOUT_S:.0f} s")
            if not self._service.is_alive:
                raise CampaignError("the service ended by itself")
            await asyncio.sleep(POLL_S)


async def run_kill(
    directory: Path,
    cycles: int,
    seed: int,
    *,
    clients: int = CLIENTS,
    account_count: int = ACCOUNTS,
    progress: Progress | None = None,
    recoveries_s: Recoveries | None = None,
) -> Result:
    """Run one round in a directory. recoveries_s: takes the times, beside those that it has."""
    recoveries_s = {} if recoveries_s is None else recoveries_s
    progress = progress or Progress(shown=False)
    service = ServiceProcess(directory)
    driver = Driver(account_count, seed)
    killer = Killer(service, driver, seed, recoveries_s)
    violations: list[str] = []
    started = time.monotonic()
    address = await asyncio.to_thread(service.start)
    try:
        await driver.open(address)
        stop = asyncio.Event()
        load = asyncio.create_task(
            driver.drive(address, clients=clients, stop=stop, retry=NO_RETRY)
        )
        try:
            for number in range(cycles):
                await killer.cycle(number)
                progress.say(f"kill: {number + 1} of {cycles} cycles, {len(driver.calls):,} calls")
                if (number + 1) % AUDIT_EVERY == 0:
                    violations += await asyncio.to_thread(service.audit)
        finally:
            stop.set()
            await load
        seconds = time.monotonic() - started
        return await _conclude(service, driver, killer, violations, (cycles, seed, seconds))
    finally:
        await asyncio.to_thread(service.stop)


async def _conclude(
    service: ServiceProcess,
    driver: Driver,
    killer: Killer,
    violations: list[str],
    run: tuple[int, int, float],
) -> Result:
    cycles, seed, seconds = run
    resent, found = await driver.resend_some(service.address)
    books = await driver.check(service.address)
    audit = await asyncio.to_thread(service.audit)
    ambiguous, had_run = driver.ambiguous()
    figures: dict[str, object] = {
        "cycles": cycles,
        "killed again while starting": killer.second_kills,
        "seconds": seconds,
        "calls acknowledged": sum(call.answered for call in driver.calls),
        "ambiguous for a while": ambiguous,
        "of these had run": had_run,
        "unresolved": sum(not call.answered for call in driver.calls),
        "lost": sum(len(one.lost) for one in books),
        "doubled": sum(len(one.doubled) for one in books),
        "resent in the end": resent,
        "recovery, median": _told(killer.recoveries_s),
        "audit": "differs" if audit or violations else "ok",
    }
    for one in books:
        found += one.violations
    return Result("kill", seed, figures, violations + audit + driver.faults() + found)


def _told(recoveries_s: Recoveries) -> dict[str, str]:
    return {
        target: f"{quantile(times, 0.5):.2f} s, worst {max(times):.2f} s"
        for target, times in recoveries_s.items()
    }


def merged(results: Sequence[Result], recoveries_s: Recoveries) -> Result:
    """The rounds as one campaign: counts added up, violations of all."""
    whole = Result("kill", results[0].seed)
    for name, first in results[0].figures.items():
        values: list[Any] = [result.figures[name] for result in results]
        if name == "audit":
            whole.figures[name] = "ok" if set(values) == {"ok"} else "differs"
        else:
            whole.figures[name] = sum(values) if isinstance(first, int | float) else first
    whole.figures["recovery, median"] = _told(recoveries_s)
    whole.figures["rounds"] = len(results)
    whole.violations = [text for result in results for text in result.violations]
    return whole


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    progress = Progress()
    recoveries_s: Recoveries = {}
    results: list[Result] = []
    left = options.cycles
    while left > 0:
        cycles = min(left, ROUND_CYCLES_MAX)
        left -= cycles
        seed = options.seed + len(results)
        with tempfile.TemporaryDirectory() as directory:
            running = run_kill(
                Path(directory), cycles, seed, progress=progress, recoveries_s=recoveries_s
            )
            results.append(uvloop.run(running))
        if left:
            progress.end()
            print(results[-1], flush=True)
    progress.end()
    return merged(results, recoveries_s).conclude()


if __name__ == "__main__":
    sys.exit(main())
