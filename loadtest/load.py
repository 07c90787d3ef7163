"""`make load`: gateways and top-up systems in locust, with a report, a plot and an audit.

Starts a service with an embedded store of its own, unless OCS_ADDRESS names one, and opens the
accounts. Exits with 0 only if every answer was right and the books are.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import uvloop

from loadtest import plots
from loadtest.latencies import Timeline, resends, share_of, table
from loadtest.target import Target, TargetError, new_directory, target
from loadtest.workload.mix import Mix, add_options, mix_of

# So few that each kind of user has one.
USERS_MIN: Final = 5
_ROOT: Final = Path(__file__).resolve().parent.parent
_LOCUSTFILE: Final = Path(__file__).parent / "locust" / "locustfile.py"
_STOP_S: Final = 15
_TAIL: Final = 15


@dataclass(frozen=True, slots=True)
class Plan:
    """How much load. pause_s: of a user after each call. web_port: of locust's page, or None."""

    users: int
    seconds: int
    pause_s: float
    web_port: int | None


def command(plan: Plan, mix: Mix, where: Target) -> list[str]:
    """Locust's command line."""
    numbers = {
        "--users": plan.users,
        "--spawn-rate": plan.users,
        "--stop-timeout": _STOP_S,
        "--accounts": mix.account_count,
        "--zipf": mix.zipf,
        "--top-up-share": mix.top_up_share,
        "--resend-share": mix.resend_share,
        "--seed": mix.seed,
        "--pause": plan.pause_s,
    }
    given = [sys.executable, "-m", "locust", "--locustfile", str(_LOCUSTFILE)]
    given += ["--host", where.address, "--account-prefix", where.prefix]
    given += [word for name, value in numbers.items() for word in (name, str(value))]
    given += ["--html", str(where.directory / "report.html")]
    given += ["--timeline", str(where.directory / "timeline.json")]
    if plan.web_port is not None:
        return [*given, "--web-host", "127.0.0.1", "--web-port", str(plan.web_port)]
    return [*given, "--headless", "--only-summary", "--run-time", f"{plan.seconds}s"]


def drive(plan: Plan, mix: Mix, where: Target) -> tuple[Timeline, bool]:
    """Run locust; what was answered, and whether locust itself came to a good end.

    Raises TargetError if it left nothing behind.
    """
    log_path = where.directory / "locust.log"
    with log_path.open("wb") as log, _outlive_ctrl_c():
        done = subprocess.run(  # noqa: S603 - this environment's locust
            command(plan, mix, where),
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=None if plan.web_port is not None else log,
            check=False,
        )
    written = where.directory / "timeline.json"
    if not written.is_file():
        tail = "\n".join(log_path.read_text("utf-8", "replace").splitlines()[-_TAIL:])
        raise TargetError(f"locust ended with {done.returncode} and no timeline:\n{tail}")
    return Timeline.read(written), done.returncode == 0


@contextmanager
def _outlive_ctrl_c() -> Iterator[None]:
    """Ctrl-C ends the load; the audit comes after it."""

    def ignore(_: int, __: FrameType | None) -> None:
        """Not SIG_IGN, which locust would inherit."""

    before = signal.signal(signal.SIGINT, ignore)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def judge(timeline: Timeline, event_count: int) -> list[str]:
    """What is wrong with a run, the audit apart."""
    wrong = []
    if timeline.failures:
        wrong.append(f"{timeline.failures} unexpected failures")
    expected = ("Reserve", "Commit", "TopUp")
    unheard = [method for method in expected if not timeline.outcomes.get(method)]
    wrong += [f"no {method} was answered" for method in unheard]
    if event_count < timeline.calls - resends(timeline):
        wrong.append(f"{timeline.calls} answers, but only {event_count} events in the journal")
    return wrong


def run(plan: Plan, mix: Mix, out: Path | None) -> int:
    """Load, report, audit; return the exit status."""
    directory = new_directory(out)
    with target(directory) as where:
        print(f"service at {where.address}, {mix.account_count} accounts", flush=True)
        uvloop.run(where.open_accounts(mix.account_count))
        if plan.web_port is not None:
            print(f"locust: http://127.0.0.1:{plan.web_port}, Ctrl-C for the audit", flush=True)
        else:
            print(f"locust: {plan.users} users, {plan.seconds} s", flush=True)
        timeline, ended_well = drive(plan, mix, where)
        title = f"{plan.users} users" if plan.web_port is None else "locust"
        plots.rate_and_latency(timeline, title, directory / "rate_latency.png")
        print(table(timeline))
        print(f"top-ups: {share_of('TopUp', timeline):.1%} of the calls")
        audited, event_count = where.audit()
        wrong = judge(timeline, event_count)
        if not ended_well:
            wrong.append(f"locust did not end well; see {directory / 'locust.log'}")
        print(f"report.html, rate_latency.png, timeline.json: {directory}")
        for what in wrong:
            print(f"load: {what}")
        if wrong or not audited:
            # Leaves the block by an exception, so the service's data is kept for a look at it.
            raise SystemExit(1)
    return 0


def main() -> int:
    """Run the load from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--pause", type=float, default=0.0, help="of a user after each call, s")
    parser.add_argument("--web-port", type=int, help="serve locust's page there instead")
    add_options(parser)
    parser.add_argument("--out", type=Path, help="directory; default one below build/load")
    options = parser.parse_args()
    if options.users < USERS_MIN:
        parser.error(f"--users must be at least {USERS_MIN}, so that there are both kinds")
    plan = Plan(options.users, options.seconds, options.pause, options.web_port)
    try:
        return run(plan, mix_of(options), options.out)
    except (TargetError, ValueError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
