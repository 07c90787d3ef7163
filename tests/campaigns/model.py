"""`make model STEPS=n`: random commands on the scripts and on the specification, compared.

Every step compares the answer, the events and the whole stored state, and checks P1 to P4, P7 and
P8 on it. A failure prints the shrunk example and the seed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis.stateful import run_state_machine_as_test

from ocs.store.scripts import ScriptLibrary
from tests.model.machine import ChargingMachine
from tests.model.valkey_side import ValkeySide

EXAMPLE_STEPS = 60
ROUND_EXAMPLES = 200


def run_model(
    directory: Path,
    step_count: int,
    seed: int,
    on_progress: Callable[[int], None] | None = None,
    library: ScriptLibrary | None = None,
    *,
    shrink: bool = True,
) -> int:
    """Run at least so many steps; return how many. library: a mutant to run, if any."""
    lua = ValkeySide.start(directory)
    if library is not None:
        lua.load(library)
    try:
        return run_on(lua, step_count, seed, on_progress, shrink=shrink)
    finally:
        lua.stop()


def run_on(
    lua: ValkeySide,
    step_count: int,
    seed: int,
    on_progress: Callable[[int], None] | None = None,
    *,
    shrink: bool = True,
) -> int:
    """Run on a server that is there already."""
    done = 0

    def count(steps: int) -> None:
        nonlocal done
        done += steps

    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    machine = type("Machine", (ChargingMachine,), {"lua": lua, "count_steps": staticmethod(count)})
    round_number = 0
    examples = min(ROUND_EXAMPLES, 1 + step_count // EXAMPLE_STEPS)
    while done < step_count:
        run_state_machine_as_test(
            with_seed(seed * 1_000_003 + round_number)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=EXAMPLE_STEPS,
                deadline=None,
                database=None,
                derandomize=False,
                phases=phases,
                report_multiple_bugs=shrink,
                suppress_health_check=list(HealthCheck),
            ),
        )
        round_number += 1
        if on_progress is not None:
            on_progress(done)
    return done


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()

    def progress(done: int) -> None:
        rate = done / (time.monotonic() - started)
        print(f"\r{done:>9,} of {options.steps:,} steps, {rate:,.0f}/s", end="", file=sys.stderr)

    with tempfile.TemporaryDirectory() as directory:
        done = run_model(Path(directory), options.steps, options.seed, progress)
    seconds = time.monotonic() - started
    print(f"\nmodel: {done:,} steps, seed {options.seed}, {seconds:.0f} s, 0 differences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
