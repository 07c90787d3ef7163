"""`make latency`: latency at a fixed rate of arrivals, whatever the service does.

Calls are due at the times of a Poisson process, drawn before anything is sent. Latency counts from
the time a call was due, so a service (or a driver) that stalls pays for every call it kept waiting:
nothing is omitted because it would have been sent late. Without a rate the peak is found first, by
callers that send as fast as they are answered, and half of it is taken.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from loadtest import plots
from loadtest.calls import Connections
from loadtest.latencies import Recorder, Timeline, resends, table
from loadtest.report import machine
from loadtest.target import Target, TargetError, new_directory, target
from loadtest.workload.actor import Actor, Call
from loadtest.workload.mix import Mix, add_options, mix_of
from loadtest.workload.source import Source

SESSIONS: Final = 200
# The last answer comes this long after the last arrival, or a queue has grown.
_DRAINED_S: Final = 1.0
NOT_SUSTAINED: Final = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. rate: arrivals per second; None: half of the peak."""

    rate: float | None
    seconds: float
    peak_seconds: float
    caller_count: int
    connection_count: int


class Idle:
    """Who may send next: sessions between two calls."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rng = random.Random(source.mix.seed)
        self._sessions: list[Actor] = []

    def take(self) -> tuple[Actor, Call]:
        """Take a top-up, an idle session or a new one, as the mix has it, and its next call."""
        if self._rng.random() < self._source.mix.top_up_share:
            payment = self._source.top_up()
            call = payment.next_call()
            assert call is not None, "a new actor has something to send"
            return payment, call
        while True:
            actor = self._charging()
            call = actor.next_call()
            if call is not None:
                return actor, call

    def _charging(self) -> Actor:
        sessions = self._sessions
        if len(sessions) < SESSIONS:
            return self._source.charging()
        # The one drawn changes places with the last: order does not matter, a shift would cost.
        at = self._rng.randrange(len(sessions))
        sessions[at], sessions[-1] = sessions[-1], sessions[at]
        return sessions.pop()

    def give_back(self, actor: Actor) -> None:
        """Take an actor back after its call."""
        self._sessions.append(actor)

    def all(self) -> Sequence[Actor]:
        """All that are idle; they are gone from here."""
        found, self._sessions = self._sessions, []
        return found


class Driver:
    """Sends the calls of one run and takes their replies."""

    def __init__(self, connections: Connections, idle: Idle) -> None:
        self._connections = connections
        self._idle = idle
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self.recorder = Recorder()

    async def arrivals(self, rate: float, seconds: float, rng: random.Random) -> int:
        """Send at the times of a Poisson process; return how many calls were due."""
        self._began = self._clock()
        due_s, count = rng.expovariate(rate), 0
        async with asyncio.TaskGroup() as group:  # a call that is not answered fails by itself
            while due_s < seconds:
                ahead_s = due_s - self._now_s()
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
                group.create_task(self._send(*self._idle.take(), due_s))
                count += 1
                due_s += rng.expovariate(rate)
        return count

    async def callers(self, count: int, seconds: float) -> None:
        """Let so many callers send as fast as they are answered."""
        self._began = self._clock()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._call_on(seconds))

    async def _call_on(self, seconds: float) -> None:
        while (now_s := self._now_s()) < seconds:
            await self._send(*self._idle.take(), now_s)

    async def finish(self) -> None:
        """End what is open, unmeasured, so that a run leaves no holds."""
        async with asyncio.TaskGroup() as group:
            for actor in self._idle.all():
                group.create_task(self._end(actor))

    async def _end(self, actor: Actor) -> None:
        while (call := actor.next_call()) is not None:
            answer = await self._connections.send(actor, call)
            if answer.failed:
                self.recorder.failed(self._now_s(), answer.text)
                return

    async def _send(self, actor: Actor, call: Call, due_s: float) -> None:
        answer = await self._connections.send(actor, call)
        now_s = self._now_s()
        if answer.failed:
            self.recorder.failed(now_s, answer.text)
            return
        self.recorder.answered(now_s, (now_s - due_s) * 1e3, answer.text)
        self._idle.give_back(actor)

    def _now_s(self) -> float:
        return self._clock() - self._began


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured. due_count: arrivals. peak: answers per second, if it was looked for.

    driver_share: of a core, that this process used; near 1 it is the driver that is measured.
    """

    rate: float
    seconds: float
    peak: float | None
    due_count: int
    driver_share: float
    timeline: Timeline
    ordered_ms: list[float]

    @property
    def sustained(self) -> bool:
        """Whether the service kept up with the arrivals."""
        return self.timeline.run_s <= self.seconds + _DRAINED_S


async def measure(plan: Plan, mix: Mix, where: Target) -> Result:
    """Open accounts, warm up, find the peak if no rate is given, measure."""
    await where.open_accounts(mix.account_count)
    idle = Idle(Source(mix, where.prefix))
    async with Connections(where.address, plan.connection_count) as connections:
        warm = Driver(connections, idle)
        # The first calls of a server pay for caches, code paths and connections.
        await warm.callers(plan.caller_count, plan.peak_seconds / 2)
        peak = None
        if plan.rate is None:
            closed = Driver(connections, idle)
            await closed.callers(plan.caller_count, plan.peak_seconds)
            peak = closed.recorder.timeline().rate
            print(f"peak: {peak:.0f}/s with {plan.caller_count} callers", file=sys.stderr)
            _require_answers(closed.recorder.timeline())
        rate = plan.rate or (peak or 0.0) / 2
        driver = Driver(connections, idle)
        cpu_s = time.process_time()
        due_count = await driver.arrivals(rate, plan.seconds, random.Random(mix.seed))
        driver_share = (time.process_time() - cpu_s) / plan.seconds
        timeline, ordered_ms = driver.recorder.timeline(), driver.recorder.ordered_ms()
        end = Driver(connections, idle)
        await end.finish()
        for each in (warm, end):
            _require_answers(each.recorder.timeline(), some=False)
    return Result(rate, plan.seconds, peak, due_count, driver_share, timeline, ordered_ms)


def _require_answers(timeline: Timeline, *, some: bool = True) -> None:
    if timeline.failures or (some and not timeline.calls):
        raise TargetError("outside the measured time:\n" + table(timeline))


def write(result: Result, mix: Mix, directory: Path) -> None:
    """Draw the plots, keep the figures."""
    title = f"{result.rate:.0f} arrivals a second, {result.timeline.run_s:.0f} s"
    plots.rate_and_latency(result.timeline, title, directory / "rate_latency.png")
    plots.by_percentile(result.ordered_ms, title, directory / "percentiles.png")
    result.timeline.write(directory / "timeline.json")
    facts = {
        "rate": result.rate,
        "peak": result.peak,
        "due_count": result.due_count,
        "driver_share": round(result.driver_share, 2),
        "seed": mix.seed,
        **machine(),
    }
    (directory / "run.json").write_text(json.dumps(facts, indent=1), "utf-8")


def run(plan: Plan, mix: Mix, out: Path | None) -> int:
    """Measure, write, audit; return the exit status: 0, or NOT_SUSTAINED if only that."""
    directory = new_directory(out)
    with target(directory) as where:
        result = uvloop.run(measure(plan, mix, where))
        write(result, mix, directory)
        timeline = result.timeline
        print(table(timeline))
        kept = "sustained" if result.sustained else "NOT sustained: the figures are of a queue"
        driver = f"driver {result.driver_share:.0%} of a core"
        print(f"rate {result.rate:.0f}/s, {result.due_count} due, {kept}; {driver}")
        audited, event_count = where.audit()
        print(f"plots and figures: {directory}")
        complete = timeline.calls + timeline.failures == result.due_count
        told = event_count >= timeline.calls - resends(timeline)
        if not (complete and told):
            print("answers and arrivals, or answers and journal, do not add up")
        if not (complete and told and audited) or timeline.failures:
            # Leaves the block by an exception, so the service's data is kept for a look at it.
            raise SystemExit(1)
    return 0 if result.sustained else NOT_SUSTAINED


def main() -> int:
    """Run the driver from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, help="arrivals per second; default half of the peak")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--peak-seconds", type=float, default=8.0, help="to look for the peak")
    parser.add_argument("--callers", type=int, default=64, help="who look for the peak")
    parser.add_argument("--connections", type=int, default=4)
    add_options(parser)
    parser.add_argument("--out", type=Path, help="directory; default one below build/load")
    options = parser.parse_args()
    if options.rate is not None and not options.rate > 0:
        parser.error("--rate must be above 0")
    plan = Plan(
        options.rate,
        options.seconds,
        options.peak_seconds,
        options.callers,
        options.connections,
    )
    try:
        return run(plan, mix_of(options), options.out)
    except (TargetError, ValueError) as error:
        print(f"latency: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
