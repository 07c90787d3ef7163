"""`make race OPS=n`: 64 callers on 20 hot accounts over gRPC, and a proof of what they were told.

Every account's calls are replayed in the order of its journal through the specification, which must
give each caller's exact reply and the journal's exact event; the promises (P2, P3) are checked
after every step of that. And where one answer came before another call was sent, the later call
must not be earlier in the journal: together that is a linearizability proof of the run.
"""

import argparse
import asyncio
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from ocs.client import AsyncClient
from ocs.client.operation import Operation
from ocs.v1.types_pb2 import Outcome
from tests.campaigns.support.calls import Call, Caller, faults_in, order_violations
from tests.campaigns.support.reading import read_journal, read_standing
from tests.campaigns.support.replay import replay_account
from tests.campaigns.support.report import Progress, Result
from tests.campaigns.support.service import ServiceProcess
from tests.campaigns.support.traffic import Choice, Traffic

CLIENTS = 64
CONNECTIONS = 8
ACCOUNTS = 20
REMEMBERED = 200


class Race:
    """One run: the callers and what they saw."""

    def __init__(
        self, address: str, op_count: int, seed: int, progress: Progress, account_count: int
    ) -> None:
        self.calls: list[Call] = []
        self.account_ids = [f"hot-{number:02}" for number in range(account_count)]
        self.journals: dict[str, list[bytes]] = {}
        self.seconds = 0.0
        self._address = address
        self._op_count = op_count
        self._seed = seed
        self._progress = progress
        self._traffic = Traffic(self.account_ids)
        self._sent: list[Choice] = []

    async def run(self) -> None:
        """Send everything; then read how things stand, and the journals."""
        async with AsyncExitStack() as stack:
            callers = []
            for number in range(CONNECTIONS):
                client = AsyncClient(
                    self._address, timeout_s=10.0, options=[("campaign.connection", number)]
                )
                await stack.enter_async_context(client)
                callers.append(Caller(client, self.calls))
            await asyncio.gather(
                *(self._open(callers[0], account_id) for account_id in self.account_ids)
            )
            started = time.monotonic()
            await asyncio.gather(
                *(self._race(callers[number % CONNECTIONS], number) for number in range(CLIENTS))
            )
            self.seconds = time.monotonic() - started
            for account_id in self.account_ids:
                await read_standing(callers[0], account_id)
                self.journals[account_id] = await read_journal(callers[0].client, account_id)

    async def _open(self, caller: Caller, account_id: str) -> None:
        for operation in self._traffic.opening(account_id):
            call = await caller.call(account_id, operation)
            assert not call.reason, f"{call}: {call.reason}"

    async def _race(self, caller: Caller, number: int) -> None:
        rng = random.Random(f"{self._seed}/{number}")
        while len(self.calls) < self._op_count:
            self._progress.say(f"race: {len(self.calls):,} of {self._op_count:,} calls")
            choice = self._traffic.next(rng)
            match rng.choices(("once", "twice", "again", "otherwise"), (93, 3, 2, 2))[0]:
                case "twice":
                    self._traffic.learn((await self._both(caller, choice))[0])
                case "again" if self._sent:
                    await caller.call(*rng.choice(self._sent), repeat=True)
                case "otherwise" if self._sent:
                    account_id, operation = rng.choice(self._sent)
                    await caller.call(account_id, _other_meaning(operation), repeat=True)
                case _:
                    self._traffic.learn(await caller.call(*choice))
                    if choice[1].mutates:
                        self._sent = [*self._sent[1 - REMEMBERED :], choice]

    async def _both(self, caller: Caller, choice: Choice) -> tuple[Call, Call]:
        """Send one operation twice at once, as a gateway that lost patience does."""
        return await asyncio.gather(caller.call(*choice), caller.call(*choice))

    def by_account(self) -> dict[str, list[Call]]:
        """The calls of each account."""
        found: dict[str, list[Call]] = {account_id: [] for account_id in self.account_ids}
        for call in self.calls:
            found[call.account_id].append(call)
        return found


def _other_meaning(operation: Operation[Any]) -> Operation[Any]:
    """The same request_id, and not the same request."""
    request = type(operation.request)()
    request.CopyFrom(operation.request)
    changed: Any = request
    changed.request_time.nanos += (
        1_000_000 if changed.request_time.nanos < 900_000_000 else -1_000_000
    )
    return replace(operation, request=request)


def prove(race: Race, workers: int, progress: Progress) -> tuple[int, list[str]]:
    """Replay every account; return how many answers were compared, and what was found."""
    compared, violations = 0, faults_in(race.calls)
    accounts = race.by_account()
    for calls in accounts.values():
        violations += order_violations(calls)
    jobs = [
        (account_id, calls, race.journals[account_id]) for account_id, calls in accounts.items()
    ]
    for done, (count, found) in enumerate(_replayed(jobs, workers), start=1):
        progress.say(f"race: {done} of {len(jobs)} accounts replayed")
        compared += count
        violations += found
    if not violations and compared != len(race.calls):
        violations.append(f"{len(race.calls)} calls were answered, {compared} compared")
    return compared, violations


def _replayed(
    jobs: list[tuple[str, list[Call], list[bytes]]], workers: int
) -> Iterable[tuple[int, list[str]]]:
    if workers == 0:
        yield from (replay_account(*job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(replay_account, *job) for job in jobs]):
            yield future.result()


async def hold_race(
    directory: Path,
    op_count: int,
    seed: int,
    progress: Progress,
    *,
    account_count: int = ACCOUNTS,
) -> tuple[Race, list[str]]:
    """Race in a directory; return it, and what the audit and the service's end say against it."""
    service = ServiceProcess(directory)
    address = await asyncio.to_thread(service.start)
    race = Race(address, op_count, seed, progress, account_count)
    try:
        await race.run()
        violations = await asyncio.to_thread(service.audit)
    finally:
        status = await asyncio.to_thread(service.stop)
    if status != 0:
        violations.append(f"the service ended with {status}")
    return race, violations


async def run_race(
    directory: Path, op_count: int, seed: int, *, workers: int = 0, progress: Progress | None = None
) -> Result:
    """Run the campaign in a directory. workers: processes that replay, 0 = none of their own."""
    progress = progress or Progress(shown=False)
    race, violations = await hold_race(directory, op_count, seed, progress)
    compared, found = await asyncio.to_thread(prove, race, workers, progress)
    outcomes = Counter(_outcome(call) for call in race.calls)
    return Result(
        "race",
        seed,
        {
            "calls": len(race.calls),
            "calls per second": len(race.calls) / race.seconds,
            "seconds": race.seconds,
            "answers compared": compared,
            "events": sum(map(len, race.journals.values())),
            "replayed": sum(call.replayed for call in race.calls),
            "outcomes": dict(outcomes.most_common()),
            "audit": "differs" if violations else "ok",
        },
        violations + found,
    )


def _outcome(call: Call) -> str:
    if call.reason:
        return call.reason
    message = call.message()
    decision = getattr(message, "grant", message) if call.method != "Commit" else message
    outcome: Any = getattr(decision, "outcome", 0)
    return Outcome.Name(outcome).removeprefix("OUTCOME_") if outcome else call.method


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that replay")
    options = parser.parse_args()
    progress = Progress()
    with tempfile.TemporaryDirectory() as directory:
        result = uvloop.run(
            run_race(
                Path(directory),
                options.ops,
                options.seed,
                workers=options.workers,
                progress=progress,
            )
        )
    progress.end()
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
