"""The workload's parameters as options of locust; its page asks for them too."""

from argparse import ArgumentParser
from typing import Any

from locust import events
from locust.env import Environment

from loadtest.workload.mix import add_options


@events.init_command_line_parser.add_listener
def _(parser: ArgumentParser, **_: Any) -> None:
    add_options(parser)
    add = parser.add_argument
    add("--account-prefix", default="", help="how their ids begin")
    add("--pause", type=float, default=0.0, help="seconds that a user waits after a call, 0 .. 20")
    add("--timeline", default="", help="file for what was answered in each second")


def prefix_of(environment: Environment) -> str:
    """How the accounts' ids begin."""
    assert environment.parsed_options is not None
    return str(environment.parsed_options.account_prefix)


def pause_s_of(environment: Environment) -> float:
    """The pause after each call."""
    assert environment.parsed_options is not None
    return float(environment.parsed_options.pause)
