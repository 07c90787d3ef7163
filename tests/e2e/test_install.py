"""The image's install step, in an empty virtual environment: what it makes needs no checkout."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import pathlib, sys
import ocs.app
from ocs.store.scripts import load_scripts
assert pathlib.Path(ocs.app.__file__).is_relative_to(sys.prefix), ocs.app.__file__
ocs.app.load_text(None)
print(len(load_scripts().scripts))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment as the Dockerfile makes it, from what .dockerignore lets through."""
    source = tmp_path_factory.mktemp("source")
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    listed = ["git", "-C", str(ROOT), "ls-files", "--", *allowed]
    for name in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
        target.chmod((ROOT / name).stat().st_mode)
    step = re.search(r"^RUN (.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert step is not None
    environment = tmp_path_factory.mktemp("opt") / "ocs"
    command = step[1].replace("/opt/ocs", str(environment)).split()
    subprocess.run(command, check=True, cwd=source, timeout=600)
    return environment


def run(installed: Path, *arguments: str) -> str:
    """Run a program of the environment, away from every checkout."""
    done = subprocess.run(
        [str(installed / "bin" / arguments[0]), *arguments[1:]],
        check=True,
        capture_output=True,
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        text=True,
        timeout=120,
    )
    return done.stdout


def test_scripts_and_tariff_are_in_it(installed: Path) -> None:
    scripts = list((ROOT / "ocs/store/lua").glob("*.lua"))

    assert int(run(installed, "python", "-I", "-c", PROBE)) == len(scripts)


def test_the_command_is_in_it(installed: Path) -> None:
    assert "serve" in run(installed, "ocs", "--help")
