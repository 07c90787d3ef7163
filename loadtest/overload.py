"""`make overload`: what is left of the peak when several times as many calls come.

The service has one core and a bound on the calls it works on; its store and this driver have the
other cores. In each round the peak is found by as many callers as the bound, each sending as soon
as it is answered; then calls come at a multiple of that rate, whatever the service does. Goodput is
what was answered OK within the time. Everything else must be RESOURCE_EXHAUSTED, or must never have
left the caller, which waits for a place on its connection as grpc's own clients do. The two are
measured one after the other, in turns, since the machine may be shared: their ratio is the figure.

Twice: with calls, most of whose excess never leaves the caller (a core cannot even refuse so many,
decision 0034), and with items on charge streams, whose excess is all offered and all refused.
"""

import argparse
import itertools
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from loadtest import processes, report
from loadtest.accounts import open_accounts
from loadtest.flood import NOT_SENT, OK, RESOURCE_EXHAUSTED, Flood, Tally, flood
from loadtest.stream_flood import StreamFlood, stream_flood
from loadtest.usage import process_cpu_s
from ocs.store.embedded import private_valkey
from ocs.upkeep import run_audit
from ocs.v1 import charging_service_pb2 as pb

PATH: Final = "/ocs.v1.ChargingService/Debit"
TIMEOUT_S: Final = 2.0
AIM: Final = 0.8
BELOW_AIM: Final = 3
_OPENING_EVENTS: Final = 7  # an account, three credits, three caps
_ACCOUNTS: Final = 200
_DRIVER_NICE: Final = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. in_flight: the service's bound. times: of the peak, how much comes."""

    in_flight: int
    times: float
    seconds: float
    round_count: int
    connection_count: int


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of both. cpu: share of its core that the service used under overload."""

    peak: Tally
    over: Tally
    cpu: float

    @property
    def ratio(self) -> float:
        """Goodput under overload against the peak."""
        return self.over.goodput / self.peak.goodput

    @property
    def other_count(self) -> int:
        """Calls that ended in any other way than they may."""
        right = (OK, RESOURCE_EXHAUSTED, NOT_SENT)
        tallies = (self.peak, self.over)
        return sum(t.by_status.total() - sum(t.by_status[s] for s in right) for t in tallies)

    @property
    def charged_count(self) -> int:
        """Calls that were answered OK, in time or not."""
        return self.peak.by_status[OK] + self.over.by_status[OK]


def maker(account_ids: list[str]) -> Callable[[], bytes]:
    """Make debits of one message each, round the accounts, each under an id of its own."""
    prefix, numbers = secrets.token_hex(6), itertools.count()

    def make() -> bytes:
        number = next(numbers)
        request = pb.DebitRequest(
            request_id=f"{prefix}-{number}",
            account_id=account_ids[number % len(account_ids)],
            service_id="sms",
            used_units=1,
            basis=pb.DEBIT_BASIS_AUTHORIZE,
        )
        request.request_time.GetCurrentTime()
        return request.SerializeToString()

    return make


async def measure(plan: Plan, address: str, pid: int) -> dict[str, list[Round]]:
    """Open accounts, warm up, run the rounds."""
    # One after the other: what is opened must not be shed.
    account_ids = await open_accounts(address, _ACCOUNTS, makers=1)
    make = maker(account_ids)
    shown, quiet = Console(stderr=True), not sys.stderr.isatty()
    count, found = plan.connection_count, {}
    async with (
        flood(address, PATH, connection_count=count, timeout_s=TIMEOUT_S) as calls,
        stream_flood(address, connection_count=count, timeout_s=TIMEOUT_S) as streams,
    ):
        drivers: tuple[tuple[str, Flood | StreamFlood], ...] = (
            ("calls", calls),
            ("items on streams", streams),
        )
        for name, driver in drivers:
            # The first one warms everything up.
            numbers = track(range(plan.round_count + 1), name, console=shown, disable=quiet)
            found[name] = [await _round(plan, driver, make, pid) for _ in numbers]
    return found


async def _round(
    plan: Plan, calls: Flood | StreamFlood, make: Callable[[], bytes], pid: int
) -> Round:
    peak = await calls.callers(plan.in_flight, plan.seconds, make)
    cpu_s, began_s = process_cpu_s(pid), calls.clock()
    over = await calls.arrivals(plan.times * peak.goodput, plan.seconds, make)
    return Round(peak, over, (process_cpu_s(pid) - cpu_s) / (calls.clock() - began_s))


@contextmanager
def only_on(cores: set[int]) -> Iterator[None]:
    """What is started in this block runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def table(what: str, rounds: list[Round]) -> Table:
    """The rounds, a line each."""
    shown = Table(
        "peak/s", "offered/s", "goodput/s", "ratio", "OK", "RESOURCE_EXHAUSTED", "not sent",
        "other", "service's core", title=what,
    )  # fmt: skip
    for each in rounds:
        over = each.over
        offered = over.sent / (over.until_s - over.began_s)
        counts = (over.by_status[status] for status in (OK, RESOURCE_EXHAUSTED, NOT_SENT))
        shown.add_row(
            f"{each.peak.goodput:,.0f}",
            f"{offered:,.0f}",
            f"{over.goodput:,.0f}",
            f"{each.ratio:.2f}",
            *(f"{count:,}" for count in counts),
            f"{each.other_count:,}",
            f"{each.cpu:.0%}",
        )
    return shown


def run(plan: Plan) -> int:
    """Start everything in a directory of its own, measure, audit; return the exit status."""
    first, *others = sorted(os.sched_getaffinity(0))
    rest = set(others) or {first}
    settings = {"OCS_CALLS_IN_FLIGHT_MAX": str(plan.in_flight)}
    with tempfile.TemporaryDirectory() as name, only_on(rest):
        directory = Path(name)
        with private_valkey(directory, "always") as store:
            with ExitStack() as stack:
                with only_on({first}):
                    service = processes.service(store.url, directory / "log", settings)
                    server, address = stack.enter_context(service)
                # The driver shares its cores with the store: what it offers is what is left over.
                os.nice(_DRIVER_NICE)
                found = uvloop.run(measure(plan, address, server.pid))
            archive_dir = directory / "archive"
            audited = run_audit(store_url=store.url, data_dir=None, archive_dir=archive_dir)
    ratios = {}
    for what, (_, *rounds) in found.items():
        Console(width=120).print(table(what, rounds))
        ratios[what] = median(each.ratio for each in rounds)
    every = [each for rounds in found.values() for each in rounds]
    other_count = sum(each.other_count for each in every)
    charged = sum(each.charged_count for each in every)
    journaled = audited.event_count - _ACCOUNTS * _OPENING_EVENTS
    print(", ".join(f"{name} {value}" for name, value in report.machine().items()))
    print(f"in flight {plan.in_flight}, connections {plan.connection_count}, {plan.times:g} times")
    print(f"audit: {audited.difference_count} differences; {charged:,} OK, {journaled:,} journaled")
    said = ", ".join(f"{ratio:.2f} of {what}" for what, ratio in ratios.items())
    print(f"overload: median ratio {said} (aim {AIM}), {other_count} answers of another kind")
    if audited.difference_count or other_count or charged != journaled:
        return 1
    return 0 if min(ratios.values()) >= AIM else BELOW_AIM


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--times", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each half of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    return run(
        Plan(
            options.in_flight,
            options.times,
            options.seconds,
            options.rounds,
            options.connections,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
