"""`make rating-model CASES=n`: random prices and sessions, by scripts, specification and an oracle.

Every answer of the scripts is compared with the specification's, and what a session cost in all
with what an oracle says that knows neither: it prices the whole session at once, in fractions.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.model.valkey_side import ValkeySide
from tests.rating.cases import check_cases


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()

    def progress(done: int) -> None:
        rate = done / (time.monotonic() - started)
        print(f"\r{done:>9,} of {options.cases:,} cases, {rate:,.0f}/s", end="", file=sys.stderr)

    with tempfile.TemporaryDirectory() as directory:
        lua = ValkeySide.start(Path(directory))
        try:
            done = check_cases(lua, lua.clear, options.seed, options.cases, progress)
        finally:
            lua.stop()
    seconds = time.monotonic() - started
    print(f"\nrating: {done:,} cases, seed {options.seed}, {seconds:.0f} s, 0 differences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
