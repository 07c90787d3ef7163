"""`make bench`: server CPU per call and per item of a stream against a bare echo, and the store's.

Three processes beside this one: the service as `ocs serve` runs it, its store (`always`), and a
bare grpc.aio server that answers with the same bytes. The same callers drive both servers, in
short turns; each figure is the median of the rounds. Every answer is checked: granted, new.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import redis
import uvloop

from loadtest import processes, report
from loadtest.accounts import open_accounts
from loadtest.traffic import (
    CHECK,
    MAKE,
    Answers,
    Callers,
    Session,
    Sessions,
    connected,
    continued,
    unpacked,
)
from loadtest.usage import StoreUsage, process_cpu_s
from ocs.store.embedded import EmbeddedValkey, private_valkey

MEASURED: Final = ("Reserve", "Commit")
_PERCENTILES: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    connection_count: between callers and server. slice_count: calls before the other server's turn.
    batch_size: items of a batch on a stream.
    """

    call_count: int
    round_count: int
    caller_count: int
    connection_count: int
    account_count: int
    store_connections: int
    slice_count: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run of calls. Those of the store are 0 for the echo.

    cpu_us: server CPU per call. store_cpu_us: the store's main thread per call, reads and writes
    of its socket included. script_us: within the script. calls_per_read: how many calls the store
    found each time it read; the mean batch, but for batches above 16 KiB, which it reads in parts.
    """

    cpu_us: float
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    store_cpu_us: float = 0.0
    script_us: float = 0.0
    calls_per_read: float = 0.0


@dataclass(slots=True)
class Tally:
    """What the slices of one round add up to. The store's share is 0 for the echo."""

    calls: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    store_cpu_s: float = 0.0
    script_calls: int = 0
    script_s: float = 0.0
    reads: int = 0

    def figures(self) -> Figures:
        """The figures per call."""
        cuts = quantiles(self.latencies_s, n=_PERCENTILES, method="inclusive")
        calls, scripts = self.calls, self.script_calls
        per_call = (self.cpu_s / calls * 1e6, calls / self.seconds, cuts[49] * 1e3, cuts[98] * 1e3)
        # The echo has none; a job of the service may have run one meanwhile.
        if scripts * 2 < calls:
            return Figures(*per_call)
        assert scripts >= calls, "some answers did not come from the store"
        return Figures(
            *per_call,
            self.store_cpu_s / calls * 1e6,
            self.script_s / scripts * 1e6,
            scripts / self.reads,
        )


class Bench:
    """The servers, and the callers of each."""

    def __init__(
        self,
        plan: Plan,
        store: "redis.Redis",
        service: tuple[processes.Server, Callers],
        sessions: Sessions,
    ) -> None:
        self._plan = plan
        self._store = store
        self._service = service
        self._sessions = sessions

    async def round(
        self, echo: tuple[processes.Server, Callers] | None, call_count: int
    ) -> dict[str, Figures]:
        """Measure each method on the echo and on the service, in slices, by turns.

        The slices are shorter than the moods of a shared machine, so that both get their part of
        each.
        """
        tallies: dict[str, Tally] = defaultdict(Tally)
        for run in (self._run, self._run_stream):
            sessions = self._sessions.open(call_count)
            for method in MEASURED:
                name = f"{method} stream" if run == self._run_stream else method
                following: list[Session] = []
                for first in range(0, call_count, self._plan.slice_count):
                    part = sessions[first : first + self._plan.slice_count]
                    if echo is not None:
                        await run(echo, method, part, tallies[f"{name} echo"])
                    answers = await run(self._service, method, part, tallies[name])
                    following += continued(method, part, answers)
                sessions = following
            await self._release(sessions)
        return {name: tally.figures() for name, tally in tallies.items()}

    async def prepare(self) -> dict[str, bytes]:
        """Make one session's calls, and one batch's; returns a reply of each for the echo."""
        replies = {}
        sessions = self._sessions.open(1)
        for method in MEASURED:
            answers = await self._service[1].send(method, [MAKE[method](sessions[0])])
            sessions = continued(method, sessions, answers)
            replies[method] = answers.replies[0]
        await self._release(sessions)
        sessions = self._sessions.open(self._plan.batch_size)
        for method in MEASURED:
            wires = [MAKE[method](session) for session in sessions]
            answers = await self._service[1].stream("ChargeStream", method, [wires])
            sessions = continued(method, sessions, unpacked(method, sessions, answers))
            replies[f"{method}Stream"] = answers.replies[0]
        await self._release(sessions)
        return replies

    async def _release(self, sessions: Sequence[Session]) -> None:
        """Give all back, so that every round finds accounts without holds."""
        answers = await self._service[1].send("Release", [MAKE["Release"](s) for s in sessions])
        continued("Release", sessions, answers)

    async def _run(
        self,
        target: tuple[processes.Server, Callers],
        method: str,
        sessions: Sequence[Session],
        tally: Tally,
    ) -> Answers:
        """Send a slice, check its answers, count what it used."""
        wires = [MAKE[method](session) for session in sessions]
        answers = await self._count(target, target[1].send(method, wires), len(wires), tally)
        for reply in answers.replies:
            CHECK[method](reply)
        return answers

    async def _run_stream(
        self,
        target: tuple[processes.Server, Callers],
        method: str,
        sessions: Sequence[Session],
        tally: Tally,
    ) -> Answers:
        """As _run, in batches."""
        wires = [MAKE[method](session) for session in sessions]
        size, ours = self._plan.batch_size, target is self._service
        batches = [wires[first : first + size] for first in range(0, len(wires), size)]
        path = "ChargeStream" if ours else f"{method}Stream"
        sending = target[1].stream(path, method, batches)
        answers = await self._count(target, sending, len(wires), tally)
        return unpacked(method, sessions, answers) if ours else answers

    async def _count(
        self,
        target: tuple[processes.Server, Callers],
        sending: Awaitable[Answers],
        call_count: int,
        tally: Tally,
    ) -> Answers:
        """Wait for a slice; count what it used."""
        server, _ = target
        store_before = StoreUsage.read(self._store)
        before_s = process_cpu_s(server.pid)
        answers = await sending
        tally.cpu_s += process_cpu_s(server.pid) - before_s
        store = StoreUsage.read(self._store)
        tally.calls += call_count
        tally.seconds += answers.seconds
        tally.latencies_s += answers.latencies_s
        tally.store_cpu_s += store.cpu_s - store_before.cpu_s
        tally.script_calls += store.script_calls - store_before.script_calls
        tally.script_s += store.script_s - store_before.script_s
        tally.reads += store.reads - store_before.reads
        return answers


async def measure(
    plan: Plan,
    store: EmbeddedValkey,
    service: tuple[processes.Server, str],
    echo: processes.Echo,
) -> list[dict[str, Figures]]:
    """Open the accounts, warm up, run the rounds."""
    server, address = service
    account_ids = await open_accounts(address, plan.account_count)
    counts = {"caller_count": plan.caller_count, "connection_count": plan.connection_count}
    rounds = []
    with redis.Redis(unix_socket_path=str(store.socket_path)) as asking:
        async with connected(address, **counts) as callers:
            bench = Bench(plan, asking, (server, callers), Sessions(account_ids))
            replies = await bench.prepare()
            # The first calls of a server pay for caches, code paths and connections.
            await bench.round(None, max(plan.caller_count, plan.call_count // 5))
            async with connected(echo.prepare(replies), **counts) as echo_callers:
                for number in range(plan.round_count):
                    rounds.append(await bench.round((echo, echo_callers), plan.call_count))
                    print(f"round {number + 1} of {plan.round_count}", file=sys.stderr)
    return rounds


def summarise(rounds: Sequence[Mapping[str, Figures]]) -> dict[str, Figures]:
    """The median of each figure over the rounds."""
    return {
        name: Figures(
            **{
                field: median(asdict(each[name])[field] for each in rounds)
                for field in asdict(rounds[0][name])
            }
        )
        for name in rounds[0]
    }


def against_echo(rounds: Sequence[Mapping[str, Figures]], method: str) -> float:
    """The echo's CPU per call by the service's: the median of the rounds' own ratios."""
    return median(each[f"{method} echo"].cpu_us / each[method].cpu_us for each in rounds)


def run(plan: Plan, service_settings: Mapping[str, str] | None = None) -> list[dict[str, Figures]]:
    """Start everything in a directory of its own, measure, stop. Returns what each round gave."""
    settings = {"OCS_STORE_CONNECTIONS": str(plan.store_connections), **(service_settings or {})}
    with (
        tempfile.TemporaryDirectory() as directory,
        private_valkey(Path(directory), "always") as store,
        processes.echo() as echo,
        processes.service(store.url, Path(directory) / "log", settings) as service,
    ):
        return uvloop.run(measure(plan, store, service, echo))


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="per run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--connections", type=int, default=4, help="callers to server")
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--store-connections", type=int, default=4)
    parser.add_argument("--slice", type=int, default=1_000, help="calls before the other's turn")
    parser.add_argument("--batch", type=int, default=100, help="items of a batch on a stream")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    plan = Plan(
        options.calls,
        options.rounds,
        options.callers,
        options.connections,
        options.accounts,
        options.store_connections,
        options.slice,
        options.batch,
    )
    rounds = run(plan)
    result = report.result(
        asdict(plan),
        {name: asdict(each) for name, each in summarise(rounds).items()},
        unary_vs_echo=against_echo(rounds, "Reserve"),
        commit_vs_echo=against_echo(rounds, "Commit"),
        stream_vs_unary=median(
            each["Reserve"].cpu_us / each["Reserve stream"].cpu_us for each in rounds
        ),
    )
    print(json.dumps(result, indent=2) if options.json else report.text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
