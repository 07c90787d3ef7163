"""The demo's gateway process: opens its share of the accounts, then charges their lines."""

import asyncio
import os
import random
import time
from typing import Any, Final

import uvloop

from ocs.client import (
    AlreadyExistsError,
    AsyncClient,
    CreateAccountResult,
    InvalidArgumentError,
    OcsError,
    Unit,
)
from ocs.client.operation import Operation
from ocs.client.operations import account, spending_cap
from ocs.client.values import Period
from ocs.demo.caller import Caller
from ocs.demo.link import Line, Link
from ocs.demo.operators import OPERATORS
from ocs.demo.people import Household, Persona, household
from ocs.demo.price_change import change_prices, open_book
from ocs.demo.traffic import Traffic

_REPORT_EVERY_S: Final = 0.25
_HELD_SWEEP_S: Final = 2.0
# Opening all accounts at once would only make each of them slow.
_OPENING_AT_ONCE_MAX: Final = 8
_TIMEOUT_S: Final = 5.0
_BOOK_LOOK_S: Final = 0.5
_BOOK_LOOKS_MAX: Final = 30


class Gateway:
    """One gateway from its order to its last report."""

    def __init__(
        self, link: Link, caller: Caller, households: list[Household], *, changes_prices: bool
    ) -> None:
        self._link = link
        self._changes_prices = changes_prices
        self._caller = caller
        self._households = households
        self._held_micros: dict[str, int] = {}
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE_MAX)
        self._continued_count = 0
        self._opened: list[Household] = []
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Open, charge until told to stop, let what is under way end, report a last time."""
        reporter = asyncio.create_task(self._report_regularly())
        sweeper = asyncio.create_task(self._watch_held())
        await open_book(self._caller)
        async with asyncio.TaskGroup() as tasks:
            traffic = Traffic(self._caller, tasks)
            if self._changes_prices:
                tasks.create_task(change_prices(self._caller))
            for one in self._households:
                tasks.create_task(self._settle_in(one, traffic, tasks))
        sweeper.cancel()
        await asyncio.gather(*map(self._read_held, self._opened))
        self._done.set()
        await reporter
        self._link.send(kind="done")

    # ------------------------------------------------------------------------------ accounts

    async def _settle_in(self, home: Household, traffic: Traffic, tasks: asyncio.TaskGroup) -> None:
        async with self._opening:
            if self._caller.stopping.is_set():
                return
            await self._open(home, traffic)
        self._opened.append(home)
        if len(self._opened) == len(self._households):
            self._link.send(
                kind="ready", accounts=len(self._opened), continued=self._continued_count
            )
        for line in home.lines:
            tasks.create_task(traffic.live(line))

    async def _open(self, home: Household, traffic: Traffic) -> None:
        """Open an account with its lines, caps and first money; complete one that exists.

        Each step may be repeated, so an opening that was cut off is finished by the next run.
        """
        created = await self._create(home)
        self._continued_count += created.receipt.replayed
        known = set(created.account.subscriber_ids)
        new = [line for line in home.lines if line.subscriber_id not in known]
        for line in new:
            await self._caller.keep(
                account.add_subscriber(
                    line.account_id,
                    line.subscriber_id,
                    identities=(line.msisdn, line.imsi),
                    group_ids=line.group_ids,
                )
            )
        if await self._credit_once(home) and home.persona is Persona.FAMILY:
            await traffic.buy_shared_data(home.account_id, renew=True)
        for line in new:
            await traffic.activate(line, paced=False)
        # After the fees, which would use it up.
        if home.cap is not None:
            await self._caller.keep(
                spending_cap.set_spending_cap(
                    home.account_id,
                    home.cap.cap_id,
                    holder=home.cap.holder,
                    limit_micros=home.cap.limit_micros,
                    period=Period.DAY,
                )
            )

    async def _create(self, home: Household) -> CreateAccountResult:
        """Create the account, as soon as the operator's prices are in its currency.

        A service reads a new book beside its calls, which takes a moment on a busy machine.
        """
        create = account.create_account(
            home.account_id,
            currency=home.operator.currency,
            plan=home.plan,
            time_zone=home.operator.time_zone,
            segment=home.segment,
        )
        for _ in range(_BOOK_LOOKS_MAX):
            try:
                return await self._caller.keep(create)
            except InvalidArgumentError:
                await asyncio.sleep(_BOOK_LOOK_S)
        return await self._caller.keep(create)

    async def _credit_once(self, home: Household) -> bool:
        opening = account.top_up(
            home.account_id,
            payment_reference=f"opening-{home.account_id}",
            micros=home.opening_micros,
            currency=home.operator.currency,
        )
        try:
            await self._caller.keep(opening)
        except AlreadyExistsError:
            return False  # an earlier run's; a payment_reference is credited once for ever
        self._caller.tally.topped_up(home.opening_micros)
        return True

    # ------------------------------------------------------------------------------- reports

    async def _watch_held(self) -> None:
        """Ask the service, account by account, what is held."""
        while True:
            await asyncio.sleep(_HELD_SWEEP_S / len(self._households))
            for one in list(self._opened):
                await self._read_held(one)
                await asyncio.sleep(_HELD_SWEEP_S / len(self._households))

    async def _read_held(self, home: Household) -> None:
        operation: Operation[Any] = account.get_account(home.account_id)
        try:
            found = await self._caller.client.send(operation)
        except OcsError as error:
            self._caller.tally.failed(error)
            return
        self._held_micros[home.account_id] = sum(
            bucket.reserved for bucket in found.account.buckets if bucket.unit is Unit.MICROS
        )

    async def _report_regularly(self) -> None:
        while not self._done.is_set():
            self._report()
            try:
                await asyncio.wait_for(self._done.wait(), _REPORT_EVERY_S)
            except TimeoutError:
                continue
        self._report()

    def _report(self) -> None:
        caller = self._caller
        caller.tally.held(sum(self._held_micros.values()))
        self._link.send(
            kind="report",
            counts=caller.tally.counts,
            latencies_us=caller.latencies_us,
            notes=list(caller.notes),
        )
        caller.latencies_us = []
        caller.notes.clear()


async def _run(link: Link) -> None:
    order = link.receive()
    households = [household(index) for index in order["indexes"]]
    (operator,) = (one for one in OPERATORS if one.tenant == order["tenant"])
    async with AsyncClient(order["address"], token=order["token"], timeout_s=_TIMEOUT_S) as client:
        caller = Caller(client, operator, order["rate_per_s"], random.Random(time.time_ns()))
        loop = asyncio.get_running_loop()

        def stop(_: Line) -> None:
            loop.call_soon_threadsafe(caller.stopping.set)

        link.watch(stop, lambda: os._exit(1))
        changes_prices: bool = order["changes_prices"]
        await Gateway(link, caller, households, changes_prices=changes_prices).run()


if __name__ == "__main__":
    uvloop.run(_run(Link()))
