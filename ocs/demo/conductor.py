"""The order of the demo: service, gateways, traffic, end of traffic, audit, end of the service.

The first Ctrl-C ends the traffic and goes on with the audit, the second one skips it; both leave
no process behind.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ocs.demo.board import Board
from ocs.demo.children import Child, ChildError, Children
from ocs.demo.link import STOP, Line
from ocs.demo.operators import FIRST, OPERATORS, credentials_in, operator_of
from ocs.demo.people import Persona
from ocs.demo.screen import Screen

FAULT: Final = 1
INTERRUPTED: Final = 130
_RATE_PER_S: Final = 300.0
_FRAME_S: Final = 0.25
_STOP_TRAFFIC_S: Final = 30.0
# make, a shell and the terminal may each deliver the one Ctrl-C.
_SAME_SIGNAL_S: Final = 0.7


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to run. seconds: of traffic, None = until Ctrl-C. account_count: HOUSEHOLDS_MIN up."""

    data_dir: Path
    account_count: int
    seconds: float | None


class Conductor:
    """One run of the demo."""

    def __init__(self, options: DemoOptions, screen: Screen) -> None:
        self._options = options
        self._screen = screen
        self._board = Board()
        self._stop = asyncio.Event()
        self._in_traffic = False
        self._last_signal = 0.0
        self._began = 0.0
        self._books: Child | None = None
        self._tokens: dict[str, str] = {}
        self._ready: list[Line] = []
        self._all_ready = asyncio.Event()

    async def run(self) -> int:
        """Run it from start to end; return the exit status."""
        show = asyncio.ensure_future(self._run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, show)
        try:
            return await show
        except asyncio.CancelledError:
            self._screen.close()
            self._screen.say("stopped at once: no audit was made, all processes have ended")
            return INTERRUPTED
        except ChildError as error:
            self._screen.close()
            self._screen.say(f"the demo failed: {error}", style="red")
            return FAULT

    def _signalled(self, show: asyncio.Future[int]) -> None:
        before, self._last_signal = self._last_signal, time.monotonic()
        if self._last_signal - before < _SAME_SIGNAL_S:
            return
        if self._in_traffic and not self._stop.is_set():
            self._stop.set()
        else:
            show.cancel()

    async def _run(self) -> int:
        screen, board = self._screen, self._board
        data_dir = self._options.data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        screen.say("OCS demo: an MVNO's traffic on a real charging service and a real Valkey.")
        async with Children(data_dir) as children:
            service = await children.start("service", "ocs.demo.service")
            gateways = [
                await children.start(f"gateway-{operator.tenant}", "ocs.demo.gateway")
                for operator in OPERATORS
            ]
            self._tokens = credentials_in(data_dir)
            service.tell(data_dir=str(data_dir))
            where = await service.next_line()
            self._introduce(where)
            guard = asyncio.create_task(_guard(service))
            try:
                await self._traffic(children, gateways, where["address"], guard)
                report = await self._audit(children, guard)
            finally:
                guard.cancel()
        screen.close()
        screen.say()
        for line in [*report.get("differences", ()), *board.summary()]:
            screen.say(line)
        return self._verdict(report)

    def _introduce(self, where: Line) -> None:
        options, address = self._options, where["address"]
        say = self._screen.say
        duration = "until Ctrl-C" if options.seconds is None else f"for {options.seconds:g} s"
        say(f"  service     {address}, durability {where['durability']}, data in {_shown(options)}")
        tenants = " and ".join(f"{one.tenant} ({one.currency})" for one in OPERATORS)
        say(f"  traffic     of {tenants}, over gRPC, {options.account_count} accounts,")
        say(f"              about {_RATE_PER_S:.0f} charges a second, {duration}; then the audit")
        say("  meanwhile, in another terminal:")
        token_file = _short(options.data_dir / FIRST.token_file)
        target = f"--target {address} --token-file {token_file}"
        say(f"    {_ocs()} account show {Persona.FAMILY}-001 {target}", style="cyan")
        say(f"    {_ocs()} events {Persona.RUNS_DRY}-003 --limit 20 {target}", style="cyan")
        say(f"    {_ocs()} audit --data-dir {_shown(options)}", style="cyan")
        say()

    # ------------------------------------------------------------------------------- traffic

    async def _traffic(
        self,
        children: Children,
        gateways: Sequence[Child],
        address: str,
        guard: asyncio.Task[None],
    ) -> None:
        self._began = time.monotonic()
        readers = [asyncio.create_task(self._read(gateway)) for gateway in gateways]
        for operator, gateway in zip(OPERATORS, gateways, strict=True):
            everybody = range(self._options.account_count)
            indexes = [index for index in everybody if operator_of(index) is operator]
            gateway.tell(
                address=address,
                tenant=operator.tenant,
                token=self._tokens[operator.tenant],
                indexes=indexes,
                rate_per_s=_RATE_PER_S * len(indexes) / len(everybody),
                changes_prices=operator is FIRST,
            )
        frames = asyncio.create_task(self._show_frames())
        self._in_traffic = True
        try:
            await _first_of(self._time_is_up(children), guard, *readers)
            self._stop.set()
            for gateway in gateways:
                gateway.tell(order=STOP)
            async with asyncio.timeout(_STOP_TRAFFIC_S):
                await asyncio.gather(*readers)
        except TimeoutError:
            raise ChildError("the gateways do not come to an end") from None
        finally:
            self._in_traffic = False
            for task in (frames, *readers):
                task.cancel()
        self._show("traffic has ended")

    async def _time_is_up(self, children: Children) -> None:
        await _first_of(self._all_ready.wait(), self._stop.wait())
        # Early, so that the audit need not wait for a process to start.
        self._books = await children.start("audit", "ocs.demo.books")
        try:
            async with asyncio.timeout(self._options.seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    async def _read(self, gateway: Child) -> None:
        async for line in gateway.lines():
            match line["kind"]:
                case "report":
                    self._board.take(gateway.name, line)
                case "ready":
                    self._is_ready(line)
                case "done":
                    return
        raise await gateway.ended()

    def _is_ready(self, line: Line) -> None:
        self._ready.append(line)
        if len(self._ready) < len(OPERATORS):
            return
        self._all_ready.set()
        total = sum(ready["accounts"] for ready in self._ready)
        continued = sum(ready["continued"] for ready in self._ready)
        if continued:
            self._screen.say(f"continued: {continued} accounts")
        if total > continued:
            self._screen.say(f"opened: {total - continued} accounts")

    async def _show_frames(self) -> None:
        while True:
            ending = self._stop.is_set()
            self._show("ending the sessions under way" if ending else "traffic")
            await asyncio.sleep(_FRAME_S)

    def _show(self, state: str) -> None:
        self._screen.show(self._board, time.monotonic() - self._began, state)

    # --------------------------------------------------------------------------------- audit

    async def _audit(self, children: Children, guard: asyncio.Task[None]) -> Line:
        books = self._books or await children.start("audit", "ocs.demo.books")
        books.tell(data_dir=str(self._options.data_dir))
        audit = asyncio.create_task(self._read_audit(books))
        try:
            await _first_of(audit, guard)
            return await audit
        finally:
            audit.cancel()

    async def _read_audit(self, books: Child) -> Line:
        async for line in books.lines():
            if "total" not in line:
                return line
            self._screen.audited(line["done"], line["total"])
        raise await books.ended()

    def _verdict(self, report: Line) -> int:
        counted = f"({report['account_count']} accounts, {report['event_count']} events)"
        differing = report["difference_count"]
        if differing:
            self._screen.say(f"audit: {differing} differences {counted}", style="bold red")
            return FAULT
        if self._board.replays_differ:
            self._screen.say("a resend was answered differently from its first send", "bold red")
        self._screen.say(f"audit: ok {counted}", style="bold green")
        return FAULT if self._board.replays_differ else 0


async def _guard(service: Child) -> None:
    """Raise when the service ends."""
    async for _ in service.lines():
        continue
    raise await service.ended()


async def _first_of(*waiting: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> None:
    """Wait until one is over and raise what it raised; end the coroutines, not the tasks."""
    own = [asyncio.ensure_future(one) for one in waiting if not isinstance(one, asyncio.Task)]
    others = [one for one in waiting if isinstance(one, asyncio.Task)]
    try:
        done, _ = await asyncio.wait([*own, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in own:
            task.cancel()
    for task in done:
        task.result()


def _ocs() -> str:
    """How to call the command line of this installation, as short as it goes."""
    script = Path(sys.executable).with_name("ocs")
    return _short(script) if os.access(script, os.X_OK) else f"{_short(sys.executable)} -m ocs"


def _shown(options: DemoOptions) -> str:
    return _short(options.data_dir)


def _short(path: str | Path) -> str:
    """A path relative to here if it is below, else as it is."""
    absolute = Path(path).absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
