"""`make bench-insights`, second half: full unary charging, the figures behind it, memory flat.

64 callers charge as fast as they are answered: reserve, commit with a next grant, release, each
answer checked. A projector follows; how far its figures are behind is asked for all the time. The
journal is archived every ten seconds and trimmed as soon as it may be.

The store remembers on purpose: answers to requests, closed reservations and sessions, each for 15
minutes or an hour. So its memory can only be flat once the load has run for longer than that, and
the store is aged instead of waiting: after a warm-up every key that will expire is copied with
shorter lives, as if the same load had run for AGE_S before. From then on as much expires as is
written. Payment references, which are kept for ever, and answers kept for two days come from
top-ups and one-shot charges, which this load does not make.

The figures' process is shown and not judged: DuckDB keeps what it read and wrote in memory until it
has the quarter of the machine that it may take.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import redis
import uvloop

from loadtest import processes
from loadtest.accounts import open_accounts
from loadtest.latencies import percentile
from loadtest.memory import Series, journal_bytes, used_bytes
from loadtest.report import machine
from loadtest.target import Target
from loadtest.traffic import MAKE, Callers, Sessions, connected, continued
from loadtest.usage import child_of, rss_bytes
from ocs.client import AsyncClient
from ocs.limits import TTL_SLACK_MS, WINDOW_SETTLE_MS
from ocs.store.embedded import EmbeddedValkey, private_valkey

FLAT_SHARE: Final = 0.05
_FIGURES: Final = "figures"
# A run that is shorter than this has not settled: it shows the figures and gives no verdict.
VERDICT_MIN_S: Final = 180.0
AGE_S: Final = (WINDOW_SETTLE_MS + TTL_SLACK_MS) / 1000
CALLERS: Final = 16
WAVES: Final = 4
_WAVE: Final = 250
_CONNECTIONS: Final = 4
_SAMPLE_S: Final = 1.0
_LAG_SAMPLE_S: Final = 0.1
_TIMEOUT_S: Final = 30.0
_MIB: Final = 2**20
_AT_ONCE: Final = 500
_SETTINGS: Final = {"OCS_ARCHIVE_INTERVAL_S": "10", "OCS_JOURNAL_MEMORY_MAX": str(24 * _MIB)}
# Ids have no `~`, so a copy is nobody's key. KEYS: of the load. ARGV: how long it ran, and is to
# have run, ms. What is left of a key's life is shorter by so many runs.
_AGE: Final = """
local ran, age, made = tonumber(ARGV[1]), tonumber(ARGV[2]), 0
for _, key in ipairs(KEYS) do
  local left, shift = redis.call('PTTL', key), ran
  while left > shift and shift <= age do
    made = made + 1
    local copy = key .. '~' .. string.format('%.0f', shift)
    redis.call('COPY', key, copy)
    redis.call('PEXPIRE', copy, left - shift)
    shift = shift + ran
  end
end
return made
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. age_s: how long the load is to have run before, as far as is kept."""

    account_count: int
    warm_s: float
    age_s: float
    seconds: float


@dataclass(slots=True)
class Steady:
    """What was seen of one run."""

    calls: int = 0
    seconds: float = 0.0
    aged_count: int = 0
    lags_s: list[float] = field(default_factory=list)
    series: dict[str, Series] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The figures for a terminal."""
        rate = self.calls / self.seconds
        ordered = sorted(self.lags_s)
        median, high, worst = (percentile(ordered, each) for each in (50, 99, 100))
        lag = f"median {median:.2f} s, p99 {high:.2f} s, worst {worst:.2f} s (aim: p99 1 s)"
        return [
            f"unary at full rate: {rate:,.0f} calls/s, {self.calls:,} calls, all answered rightly",
            f"lag from charge to view: {lag}",
            f"store aged by {self.aged_count:,} copies of keys that expire",
            "MiB, median of thirds; growth per minute of the last two thirds",
            *(
                f"  {name:<16}{'  '.join(f'{one / _MIB:9.1f}' for one in series.thirds())}"
                f"  {series.settled().slope() / _MIB:+9.2f}"
                for name, series in self.series.items()
            ),
        ]

    def unflat(self) -> list[str]:
        """What grew from the middle third to the last one."""
        return [
            name
            for name, series in self.series.items()
            if name != _FIGURES and not series.flat(FLAT_SHARE)
        ]


class Load:
    """Callers who never stop until they are told."""

    def __init__(self, callers: Callers, account_ids: list[str]) -> None:
        self.call_count = 0
        self._callers = callers
        self._sessions = Sessions(account_ids)

    async def run(self, seconds: float) -> None:
        """Charge for a time, then end what is open. Raises WrongAnswerError."""
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(WAVES):
                group.create_task(self._waves(until))

    async def _waves(self, until: float) -> None:
        while time.monotonic() < until:
            sessions = self._sessions.open(_WAVE)
            for method, make in MAKE.items():
                wires = [make(session) for session in sessions]
                answers = await self._callers.send(method, wires)
                sessions = continued(method, sessions, answers)
                self.call_count += len(wires)


def age(store: "redis.Redis", before: Iterable[object], ran_s: float, age_s: float) -> int:
    """Have the store remember what the load would have left; return how many keys were made.

    before: the keys that were there before the load. ran_s: for how long it ran.
    """
    made, script = 0, store.register_script(_AGE)
    names = iter(set(store.scan_iter(count=10_000)).difference(before))
    while some := list(islice(names, _AT_ONCE)):
        found: Any = script(keys=some, args=[round(ran_s * 1000), round(age_s * 1000)])
        made += int(found)
    # A log that is being rewritten takes a core.
    while store.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.1)
    return made


async def _watch_lag(address: str, lags_s: list[float]) -> None:
    async with AsyncClient(address, timeout_s=_TIMEOUT_S) as client:
        while True:
            asked_s = time.time()
            as_of = (await client.get_position()).as_of.as_of_time
            if as_of is not None:
                lags_s.append(asked_s - as_of.timestamp())
            await asyncio.sleep(_LAG_SAMPLE_S)


def _memory(store: "redis.Redis", pids: dict[str, int]) -> dict[str, int]:
    found = {"store": used_bytes(store), "journal in it": journal_bytes(store)}
    return found | {name: rss_bytes(pid) for name, pid in pids.items()}


async def _watch_memory(
    store: "redis.Redis", pids: dict[str, int], series: dict[str, Series]
) -> None:
    while True:
        found = await asyncio.to_thread(_memory, store, pids)
        for name, value in found.items():
            series.setdefault(name, Series.empty(name)).add(value)
        await asyncio.sleep(_SAMPLE_S)


async def measure(
    plan: Plan,
    store: "redis.Redis",
    service: tuple[processes.Server, str],
    figures: tuple[processes.Server, str],
) -> Steady:
    """Open the accounts, warm up, age the store, measure."""
    found = Steady()
    account_ids = await open_accounts(service[1], plan.account_count)
    before = set(store.scan_iter(count=10_000))
    async with connected(service[1], caller_count=CALLERS, connection_count=_CONNECTIONS) as calls:
        load = Load(calls, account_ids)
        began = time.monotonic()
        await load.run(plan.warm_s)
        warmed_s = time.monotonic() - began
        print(f"steady: warm after {warmed_s:.0f} s, {load.call_count:,} calls", file=sys.stderr)
        found.aged_count = await asyncio.to_thread(age, store, before, warmed_s, plan.age_s)
        print(f"steady: aged by {found.aged_count:,} keys; now measured", file=sys.stderr)
        archiver = child_of(service[0].pid, "archiver")
        pids = {"service": service[0].pid, "archiver": archiver, _FIGURES: figures[0].pid}
        watches = (
            asyncio.create_task(_watch_lag(figures[1], found.lags_s)),
            asyncio.create_task(_watch_memory(store, pids, found.series)),
        )
        began, called = time.monotonic(), load.call_count
        try:
            await load.run(plan.seconds)
        finally:
            for watch in watches:
                watch.cancel()
        found.calls, found.seconds = load.call_count - called, time.monotonic() - began
        for watch in watches:
            with suppress(asyncio.CancelledError):
                await watch
    return found


def _measured(plan: Plan, directory: Path, store: EmbeddedValkey) -> tuple[Steady, bool]:
    """Run it; whether the books are right, too."""
    with (
        redis.Redis(unix_socket_path=str(store.socket_path)) as asking,
        processes.service(store.url, directory / "service.log", _SETTINGS) as service,
        processes.figures(store.url, directory / "figures.log", _SETTINGS) as figures,
    ):
        found = uvloop.run(measure(plan, asking, service, figures))
        where = Target(
            service[1], directory, store_url=store.url, archive_dir=directory / "archive"
        )
        right, event_count = where.audit()
        return found, right and event_count >= found.calls


def main() -> int:
    """Run it from the command line; the exit status is 1 if memory grows or the books differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--warm-s", type=float, default=120.0)
    parser.add_argument("--age-s", type=float, default=AGE_S)
    parser.add_argument("--accounts", type=int, default=1_000)
    options = parser.parse_args()
    plan = Plan(options.accounts, options.warm_s, options.age_s, options.minutes * 60)
    with (
        tempfile.TemporaryDirectory() as directory,
        private_valkey(Path(directory) / "store", "always") as store,
    ):
        found, right = _measured(plan, Path(directory), store)
    print("\n".join(found.lines()))
    unflat = found.unflat() if plan.seconds >= VERDICT_MIN_S else []
    verdict = f"NOT flat: {', '.join(unflat)}" if unflat else "flat"
    print(f"memory: {verdict if plan.seconds >= VERDICT_MIN_S else 'no verdict, too short'}")
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    return 0 if right and not unflat else 1


if __name__ == "__main__":
    sys.exit(main())
