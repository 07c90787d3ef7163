"""`make bench`: server CPU per call against a bare echo, and the store's CPU per charge.

Three processes beside this one: the service as `ocs serve` runs it, its store (`always`), and a
bare grpc.aio server that answers with the same bytes. The same callers drive both servers, in
turns; each figure is the median of the rounds. Every answer is checked: granted, not replayed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import redis
import uvloop

from loadtest import processes, report
from loadtest.accounts import open_accounts
from loadtest.traffic import CHECK, MAKE, Answers, Callers, Session, Sessions, connected
from loadtest.usage import StoreUsage, process_cpu_s
from ocs.store.embedded import EmbeddedValkey, private_valkey

MEASURED: Final = ("Reserve", "Commit")
_PERCENTILES: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. connection_count: between callers and server."""

    call_count: int
    round_count: int
    caller_count: int
    connection_count: int
    account_count: int
    store_connections: int


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
        """Measure each method on the echo and on the service, one after the other."""
        figures = {}
        sessions = self._sessions.open(call_count)
        for method in MEASURED:
            wires = [MAKE[method](session) for session in sessions]
            if echo is not None:
                figures[f"{method} echo"], _ = await self._run(echo, method, wires)
            wires = [MAKE[method](session) for session in sessions]
            figures[method], answers = await self._run(self._service, method, wires)
            sessions = _continued(method, sessions, answers)
        await self._release(sessions)
        return figures

    async def prepare(self) -> dict[str, bytes]:
        """Make one session's calls; returns a reply of each method for the echo."""
        replies = {}
        sessions = self._sessions.open(1)
        for method in MEASURED:
            answers = await self._service[1].send(method, [MAKE[method](sessions[0])])
            sessions = _continued(method, sessions, answers)
            replies[method] = answers.replies[0]
        await self._release(sessions)
        return replies

    async def _release(self, sessions: Sequence[Session]) -> None:
        """Give all back, so that every round finds accounts without holds."""
        answers = await self._service[1].send("Release", [MAKE["Release"](s) for s in sessions])
        _continued("Release", sessions, answers)

    async def _run(
        self, target: tuple[processes.Server, Callers], method: str, wires: Sequence[bytes]
    ) -> tuple[Figures, Answers]:
        server, callers = target
        store_before = StoreUsage.read(self._store)
        before_s = process_cpu_s(server.pid)
        answers = await callers.send(method, wires)
        used_s = process_cpu_s(server.pid) - before_s
        store = StoreUsage.read(self._store)
        calls = len(wires)
        script_calls = store.script_calls - store_before.script_calls
        for reply in answers.replies:
            CHECK[method](reply)
        cuts = quantiles(answers.latencies_s, n=_PERCENTILES, method="inclusive")
        figures = Figures(
            used_s / calls * 1e6, calls / answers.seconds, cuts[49] * 1e3, cuts[98] * 1e3
        )
        if script_calls == 0:
            return figures, answers
        assert script_calls >= calls, "some answers did not come from the store"
        return Figures(
            figures.cpu_us,
            figures.calls_per_s,
            figures.p50_ms,
            figures.p99_ms,
            (store.cpu_s - store_before.cpu_s) / calls * 1e6,
            (store.script_s - store_before.script_s) / script_calls * 1e6,
            script_calls / (store.reads - store_before.reads),
        ), answers


def _continued(method: str, sessions: Sequence[Session], answers: Answers) -> list[Session]:
    """The sessions with the reservations they now have; every answer is checked on the way."""
    return [
        Session(session.account_id, session.session_id, CHECK[method](reply))
        for session, reply in zip(sessions, answers.replies, strict=True)
    ]


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


def run(plan: Plan, service_settings: Mapping[str, str] | None = None) -> dict[str, Figures]:
    """Start everything in a directory of its own, measure, stop."""
    settings = {"OCS_STORE_CONNECTIONS": str(plan.store_connections), **(service_settings or {})}
    with (
        tempfile.TemporaryDirectory() as directory,
        private_valkey(Path(directory), "always") as store,
        processes.echo() as echo,
        processes.service(store.url, Path(directory) / "log", settings) as service,
    ):
        return summarise(uvloop.run(measure(plan, store, service, echo)))


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="per run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--connections", type=int, default=4, help="callers to server")
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--store-connections", type=int, default=4)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    plan = Plan(
        options.calls,
        options.rounds,
        options.callers,
        options.connections,
        options.accounts,
        options.store_connections,
    )
    figures = run(plan)
    result = report.result(asdict(plan), {name: asdict(each) for name, each in figures.items()})
    print(json.dumps(result, indent=2) if options.json else report.text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
