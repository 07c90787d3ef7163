"""`python -m ocs.demo`: see the package."""

import argparse
import asyncio
import sys
from pathlib import Path

from ocs.demo.conductor import Conductor, DemoOptions
from ocs.demo.people import HOUSEHOLDS_MAX, HOUSEHOLDS_MIN
from ocs.demo.screen import open_screen

_ACCOUNTS_DEFAULT = 120


def _parse() -> DemoOptions:
    parser = argparse.ArgumentParser(prog="python -m ocs.demo", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path(".demo"), help="where it lives")
    parser.add_argument(
        "--seconds", type=_positive, default=None, help="of traffic; default: until Ctrl-C"
    )
    parser.add_argument(
        "--accounts",
        type=_account_count,
        default=_ACCOUNTS_DEFAULT,
        help=f"{HOUSEHOLDS_MIN} .. {HOUSEHOLDS_MAX}; default {_ACCOUNTS_DEFAULT}",
    )
    given = parser.parse_args()
    return DemoOptions(given.data_dir, given.accounts, given.seconds)


def _positive(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return seconds


def _account_count(text: str) -> int:
    count = int(text)
    if not HOUSEHOLDS_MIN <= count <= HOUSEHOLDS_MAX:
        raise argparse.ArgumentTypeError(f"must be {HOUSEHOLDS_MIN} .. {HOUSEHOLDS_MAX}")
    return count


async def _run(options: DemoOptions) -> int:
    return await Conductor(options, open_screen()).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(_parse())))
