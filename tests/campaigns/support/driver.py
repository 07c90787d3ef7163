"""Callers that keep at it while things break: for the campaigns that kill and cut."""

import asyncio
import random
import time
from contextlib import AsyncExitStack

from ocs.client import AsyncClient
from ocs.client.attempts import RetryPolicy
from ocs.limits import WINDOW_GRANT_MS
from ocs.v1 import account_service_pb2 as accounts
from tests.campaigns.support.books import Books, same_answer
from tests.campaigns.support.calls import Call, Caller, faults_in
from tests.campaigns.support.reading import read_journal
from tests.campaigns.support.traffic import Choice, Traffic

RESENT_MAX = 500
# Well within the shortest window of a request_id: the resends take their time, too.
RESEND_WITHIN_MS = WINDOW_GRANT_MS // 2
ABREAST = 8


class Driver:
    """Random traffic from a number of callers, each with a connection of its own."""

    def __init__(self, account_count: int, seed: int) -> None:
        self.calls: list[Call] = []
        self.clients: list[AsyncClient] = []
        self.account_ids = [f"acc-{number:02}" for number in range(account_count)]
        self.answered_count = 0
        self.newest_answered_ns = 0  # when the latest call was sent that has an answer
        self._seed = seed
        self._traffic = Traffic(self.account_ids)
        self._sent: dict[str, Choice] = {}

    async def open(self, address: str) -> None:
        """Open the accounts."""
        async with AsyncClient(address, timeout_s=10.0) as client:
            caller = Caller(client, self.calls)
            await asyncio.gather(*(self._open(caller, one) for one in self.account_ids))

    async def _open(self, caller: Caller, account_id: str) -> None:
        for operation in self._traffic.opening(account_id):
            call = await caller.call(account_id, operation)
            assert not call.reason, f"{call}: {call.reason}"

    async def drive(
        self,
        address: str,
        *,
        clients: int,
        stop: asyncio.Event,
        op_count: int | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Send until told to stop or until so many calls were begun; then resolve what is open."""
        async with AsyncExitStack() as stack:
            callers = []
            for number in range(clients):
                # Pools of their own, so that one connection carries one caller's calls.
                options = [("grpc.use_local_subchannel_pool", 1), ("campaign.caller", number)]
                client = AsyncClient(address, retry=retry, options=options)
                self.clients.append(client)
                callers.append(Caller(await stack.enter_async_context(client), self.calls))
            await asyncio.gather(
                *(
                    self._drive(caller, number, stop, op_count)
                    for number, caller in enumerate(callers)
                )
            )

    async def _drive(
        self, caller: Caller, number: int, stop: asyncio.Event, op_count: int | None
    ) -> None:
        rng = random.Random(f"{self._seed}/{number}")
        limit = None if op_count is None else len(self.calls) + op_count
        while not stop.is_set() and (limit is None or len(self.calls) < limit):
            choice = self._traffic.next(rng)
            call = await caller.call(*choice)
            self._traffic.learn(call)
            if call.answered:
                self.answered_count += 1
                self.newest_answered_ns = max(self.newest_answered_ns, call.sent_ns)
            if call.request_id:
                self._sent[call.request_id] = choice

    async def check(self, address: str) -> list[Books]:
        """Compare what was acknowledged with the journal, account by account."""
        found = []
        async with AsyncClient(address, timeout_s=10.0) as client:
            for account_id in self.account_ids:
                calls = [call for call in self.calls if call.account_id == account_id]
                request = accounts.GetAccountRequest(account_id=account_id)
                reply = await client.stubs.accounts.GetAccount(request, timeout=10.0)
                journal = await read_journal(client, account_id)
                found.append(Books(calls, journal, reply.account))
        return found

    async def resend_some(self, address: str) -> tuple[int, list[str]]:
        """Resend operations answered lately; each must get its first answer again."""
        first = {call.request_id: call for call in self.calls if call.answered}
        # Later its record is gone, and a resend is refused as too old.
        since_ns = time.monotonic_ns() - RESEND_WITHIN_MS * 1_000_000
        decided = [
            rid
            for rid in self._sent
            if rid in first and not first[rid].reason and first[rid].sent_ns > since_ns
        ]
        chosen = random.Random(self._seed).sample(decided, min(RESENT_MAX, len(decided)))
        found: list[str] = []
        again: list[Call] = []
        async with AsyncClient(address, timeout_s=10.0) as client:
            caller = Caller(client, again)

            async def resend(request_ids: list[str]) -> None:
                for request_id in request_ids:
                    await caller.call(*self._sent[request_id], repeat=True)

            await asyncio.gather(*(resend(chosen[number::ABREAST]) for number in range(ABREAST)))
        for call in again:
            difference = same_answer(first[call.request_id], call)
            if difference:
                found.append(difference)
        return len(again), found

    def faults(self) -> list[str]:
        """Faults that callers saw, and calls whose outcome stayed open."""
        return faults_in(self.calls)

    def ambiguous(self) -> tuple[int, int]:
        """How many calls were ambiguous for a while, and how many of those had run."""
        open_once = [call for call in self.calls if call.ambiguous]
        return len(open_once), sum(call.replayed for call in open_once)
