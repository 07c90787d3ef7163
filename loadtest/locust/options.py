"""The workload's parameters as options of locust; its page asks for them too."""

from argparse import ArgumentParser
from typing import Any

from locust import events
from locust.env import Environment

from loadtest.workload.mix import CANONICAL, Mix


@events.init_command_line_parser.add_listener
def _(parser: ArgumentParser, **_: Any) -> None:
    add: Any = parser.add_argument  # locust's parser knows is_secret and the like besides
    add("--accounts", type=int, default=CANONICAL.account_count, help="opened before the run")
    add("--account-prefix", default="", help="how their ids begin")
    add("--zipf", type=float, default=CANONICAL.zipf, help="exponent; 0 draws accounts alike")
    add("--top-up-share", type=float, default=CANONICAL.top_up_share, help="of all calls")
    add("--resend-share", type=float, default=CANONICAL.resend_share, help="of the calls")
    add("--seed", type=int, default=CANONICAL.seed)
    add("--pause", type=float, default=0.0, help="seconds that a user waits after a call, 0 .. 20")
    add("--timeline", default="", help="file for what was answered in each second")


def mix_of(environment: Environment) -> Mix:
    """The mix that is asked for."""
    options = environment.parsed_options
    assert options is not None
    return Mix(
        options.accounts,
        options.zipf,
        options.top_up_share,
        options.resend_share,
        options.seed,
    )


def prefix_of(environment: Environment) -> str:
    """How the accounts' ids begin."""
    assert environment.parsed_options is not None
    return str(environment.parsed_options.account_prefix)


def pause_s_of(environment: Environment) -> float:
    """The pause after each call."""
    assert environment.parsed_options is not None
    return float(environment.parsed_options.pause)
