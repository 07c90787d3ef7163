"""`make soak MINUTES=n`: full load for minutes with the projector dead, and memory watched.

A service charges as fast as it can while nobody follows its journal, which is archived every second
and trimmed as soon as it may be. No call may be refused or lost for want of the projector (those
that take too long at full load are counted apart, and resent). Every second the memory of the
store, of its journal, of the service and of its archiver is noted. Then the projector is started
beside the load; within a time it must be less than two seconds behind, and in the end every figure
must be exact (see exactness.py).

Memory of the store cannot be flat as a whole, for much is remembered by design: answers to requests
for 15 minutes to 48 hours, closed reservations for an hour, payment references for ever. So each
key is counted and weighed twice, after the first third and at the end, and the verdict is this:

- the journal in the store, and the service's and archiver's memory, are flat: the median of their
  last third is at most 5 % above that of the middle third, the first one being for warming up;
- what the store takes beside its keys and their tables grew by at most 5 % of all it takes: so its
  growth is that of keys, which the table shows by kind.

A run of less than three minutes has not warmed up: it shows the figures and gives no verdict.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis
import uvloop

from loadtest.memory import Census, Series, journal_bytes, take_census, used_bytes
from loadtest.usage import process_cpu_s, rss_bytes
from ocs.store.embedded import private_valkey
from tests.campaigns.support.driver import Driver
from tests.campaigns.support.figures import FiguresProcess
from tests.campaigns.support.proof import Unread, prove
from tests.campaigns.support.report import Progress, Result
from tests.campaigns.support.service import ServiceProcess
from tests.campaigns.support.trimming import Trimming
from tests.insights.journals import ROOT
from tests.support.stages import now_ms

CLIENTS: Final = 8
STREAMS: Final = 4
ACCOUNTS: Final = 120
SAMPLE_S: Final = 1.0
LAG_MAX_S: Final = 2.0
CATCH_UP_MAX_S: Final = 600.0
FLAT_SHARE: Final = 0.05
VERDICT_MIN_MINUTES: Final = 3.0
# At full load on a machine that others use, too, a call may take longer than its caller waits; it
# is sent again, and answered.
_TOO_LATE: Final = frozenset({"DEADLINE_EXCEEDED", "DEADLINE_PASSED"})
# What is journaled in a minute at full rate, about: from half of it on it is trimmed at once.
_ROOM_BYTES_PER_MINUTE: Final = 2**23
_ROOM_MAX_BYTES: Final = 2**25
_ROOM_MIN_BYTES: Final = 6 * 2**20
_MIB: Final = 2**20


@dataclass
class Watch:
    """Memory, sampled. early, late: every key, after a third of the time and at the end."""

    client: "redis.Redis"
    service: ServiceProcess
    series: dict[str, Series] = field(default_factory=dict)
    early: Census | None = None
    late: Census | None = None

    def sample(self) -> None:
        """Look once."""
        found = {
            "store": used_bytes(self.client),
            "journal in it": journal_bytes(self.client),
            "service": rss_bytes(self.service.pid),
            "archiver": rss_bytes(self.service.archiver_pid),
        }
        for name, value in found.items():
            if value:
                self.series.setdefault(name, Series.empty(name)).add(value)

    async def run(self, seconds: float, say: Callable[[str], None]) -> None:
        """Look every second for a time."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            if self.early is None and passed > seconds / 3:
                self.early = await asyncio.to_thread(take_census, self.client)
            await asyncio.to_thread(self.sample)
            say(f"{passed:.0f} of {seconds:.0f} s, {self.series['store'].values[-1] // _MIB} MiB")
            await asyncio.sleep(SAMPLE_S)
        self.late = await asyncio.to_thread(take_census, self.client)

    def table(self) -> list[str]:
        """The series, and what grew of the store, in MiB."""
        rows = ["MiB, median of thirds; growth per minute of the last two thirds"]
        for name, series in self.series.items():
            medians = "  ".join(f"{one / _MIB:9.1f}" for one in series.thirds())
            rows.append(f"  {name:<16}{medians}  {series.settled().slope() / _MIB:+9.2f}")
        assert self.early is not None
        assert self.late is not None
        rows.append("MiB in the store after a third and at the end; keys by kind")
        for kind in sorted(self.late.sizes, key=lambda one: -self.late_bytes(one)):
            if self.late_bytes(kind) * 200 > self.late.used_bytes:
                before = self.early.sizes.get(kind, 0)
                rows.append(
                    f"  {kind:<16}{before / _MIB:9.1f}  {self.late_bytes(kind) / _MIB:9.1f}"
                    f"  {self.late.counts[kind]:9,} keys"
                )
        for name, one, other in (
            ("tables of keys", self.early.tables_bytes, self.late.tables_bytes),
            ("the rest", self.early.rest_bytes, self.late.rest_bytes),
        ):
            rows.append(f"  {name:<16}{one / _MIB:9.1f}  {other / _MIB:9.1f}")
        return rows

    def late_bytes(self, kind: str) -> int:
        """What the keys of a kind take at the end."""
        assert self.late is not None
        return self.late.sizes.get(kind, 0)

    def unflat(self) -> list[str]:
        """What is not flat by the rule."""
        found = [
            f"memory of {name} grows: {[round(one / _MIB, 1) for one in series.thirds()]} MiB"
            for name, series in self.series.items()
            if name != "store" and not series.flat(FLAT_SHARE)
        ]
        assert self.early is not None
        assert self.late is not None
        grown = self.late.rest_bytes - self.early.rest_bytes
        if grown > FLAT_SHARE * self.late.used_bytes:
            found.append(f"memory of the store grew by {grown} bytes that no key explains")
        return found


@dataclass(frozen=True, slots=True)
class Alone:
    """What happened while there was no projector, and when one came."""

    rate: float
    events: int
    lost: dict[str, int]
    service_s: float
    archiver_s: float
    unread: Unread
    lags_s: list[float]
    caught_up_s: float

    @property
    def refused(self) -> dict[str, int]:
        """Calls that were not served at first, by reason, but for those that took too long."""
        return {reason: count for reason, count in self.lost.items() if reason not in _TOO_LATE}

    def violations(self) -> list[str]:
        """What is not as promised."""
        found = [f"{count} calls were answered {reason}" for reason, count in self.refused.items()]
        if self.lags_s[-1] >= LAG_MAX_S:
            told = f"{self.lags_s[-1]:.0f} s behind after {self.caught_up_s:.0f} s"
            found.append(f"the projector is {told}")
        return found


async def run_soak(
    directory: Path, *, minutes: float, seed: int, progress: Progress | None = None
) -> Result:
    """Run it in a directory."""
    progress = progress or Progress(shown=False)
    say: Callable[[str], None] = lambda text: progress.say(f"soak: {text}")  # noqa: E731
    with (
        private_valkey(directory / "store") as store,
        redis.Redis(unix_socket_path=str(store.socket_path), decode_responses=True) as client,
    ):
        room = max(_ROOM_MIN_BYTES, min(_ROOM_MAX_BYTES, int(_ROOM_BYTES_PER_MINUTE * minutes)))
        settings = {
            "OCS_TARIFF_PATH": str(ROOT / "examples/mvno.yaml"),
            "OCS_DURABILITY": store.durability,
            "OCS_ARCHIVE_INTERVAL_S": "1",
            "OCS_JOURNAL_MEMORY_MAX": str(room),
        }
        service = ServiceProcess(directory, store.url, settings=settings)
        figures, watch = FiguresProcess(directory, store.url), Watch(client, service)
        driver = Driver(ACCOUNTS, seed, keeps=False)
        try:
            alone = await _under_load(driver, figures, watch, 60 * minutes, say)
        finally:
            await asyncio.to_thread(service.stop)
        await figures.caught_up()
        await asyncio.to_thread(figures.end, signal.SIGTERM)
        audit, proof = await asyncio.gather(
            asyncio.to_thread(service.audit, store.url),
            prove(directory, store.url, figures.path, [alone.unread], say),
        )
    violations = driver.faults() + audit + proof.differences + proof.missing(driver.newest_seqs)
    violations += alone.violations()
    if not proof.from_archive:
        violations.append("the projector had nothing to read from the archive")
    judged = minutes >= VERDICT_MIN_MINUTES
    unflat = watch.unflat()
    told: dict[str, object] = {
        "minutes without a projector": minutes,
        "events meanwhile": alone.events,
        "calls a second": alone.rate,
        "CPU of the service": f"{alone.service_s / alone.events * 1e6:.0f} us an event",
        "CPU of the archiver": f"{alone.archiver_s / alone.events * 1e6:.0f} us an event",
        "calls refused or lost": sum(alone.refused.values()),
        "calls late at first": sum(alone.lost.values()) - sum(alone.refused.values()),
        "under 2 s behind after": f"{alone.caught_up_s:.1f} s",
        "events in all": proof.event_count,
        "entries read from the archive": proof.from_archive,
        "figures that differ": len(proof.differences),
        "audit": "differs" if audit else "ok",
        "memory": ("not flat" if unflat else "flat") if judged else "no verdict, too short",
        "memory in full": "\n    " + "\n    ".join(watch.table()),
    }
    return Result("soak", seed, told, violations + (unflat if judged else []))


async def _under_load(
    driver: Driver,
    figures: FiguresProcess,
    watch: Watch,
    seconds: float,
    say: Callable[[str], None],
) -> Alone:
    service, trimming = watch.service, Trimming(watch.client)
    address = await asyncio.to_thread(service.start)
    await driver.open(address)
    died_ms, started = now_ms(), time.monotonic()
    stop = asyncio.Event()
    load = asyncio.create_task(driver.drive(address, clients=CLIENTS, streams=STREAMS, stop=stop))
    await watch.run(seconds, say)
    await trimming.wait_trimmed(died_ms)
    rate = driver.answered_count / (time.monotonic() - started)
    events, lost = driver.tally.event_count, dict(driver.tally.lost)
    used_s = [process_cpu_s(pid) for pid in (service.pid, service.archiver_pid)]
    unread = Unread(died_ms, trimming.trimmed())
    back = time.monotonic()
    await asyncio.to_thread(figures.start)
    lags_s = await figures.lags_until(LAG_MAX_S, CATCH_UP_MAX_S)
    caught_up_s = time.monotonic() - back
    stop.set()
    await load
    return Alone(rate, events, lost, used_s[0], used_s[1], unread, lags_s, caught_up_s)


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    progress = Progress()
    with tempfile.TemporaryDirectory() as directory:
        result = uvloop.run(
            run_soak(Path(directory), minutes=options.minutes, seed=options.seed, progress=progress)
        )
    progress.end()
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
