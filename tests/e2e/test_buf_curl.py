"""The README's `buf curl` command works as it stands there, against a live service."""

import asyncio
import json
import os
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.support.live import Live, serving
from tools.protos import script

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60
MICROS = 1_000_000
UNITS = 1_048_576


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("buf")) as server:
        yield server


@pytest.fixture
async def live(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving(store) as live:
        yield live


def command() -> str:
    """What the README tells a reader to type."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"```\n(\.venv/bin/buf curl .*?)```", text, re.DOTALL)
    assert found, "the README has no `buf curl` command"
    return found.group(1)


def command_to(address: str) -> str:
    """The same, with this installation's buf, to a service that is not on the usual port."""
    text = command()
    assert text.count("127.0.0.1:7707") == 1
    buf = shlex.quote(script("buf"))
    return text.replace(".venv/bin/buf", buf, 1).replace("127.0.0.1:7707", address)


async def run(text: str, tmp_path: Path) -> tuple[int, str, str]:
    """Type a command into a shell; return exit status, output and complaints."""
    process = await asyncio.create_subprocess_shell(
        text,
        cwd=ROOT,
        env={**os.environ, "BUF_CACHE_DIR": str(tmp_path), "NO_PROXY": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT_S):
        output, complaints = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), complaints.decode()


async def test_the_command_of_the_readme_reserves(live: Live, tmp_path: Path) -> None:
    await live.call(live.create("alice"))
    await live.call(live.top_up("alice", micros=MICROS))

    status, output, complaints = await run(command_to(live.address), tmp_path)

    assert status == 0, complaints
    answer = json.loads(output)
    assert answer["reservation"] == "tenants/main/accounts/alice/reservations/r-1"
    assert answer["grant"]["outcome"] == "OUTCOME_GRANTED"
    # JSON of protobuf carries int64 as text, so it is exact beyond 2^53 too.
    assert answer["grant"]["grantedUnits"] == str(UNITS)
    # 2.00 a GiB, half up.
    assert await live.bucket("alice", "main") == (MICROS, 1953, 0)


async def test_without_the_account_it_tells_the_reason(live: Live, tmp_path: Path) -> None:
    live.store.flushall()

    status, _, complaints = await run(command_to(live.address), tmp_path)

    assert status != 0
    assert json.loads(complaints)["code"] == "not_found", complaints


async def test_without_a_service_it_fails(tmp_path: Path) -> None:
    status, output, complaints = await run(command_to("127.0.0.1:1"), tmp_path)

    assert status != 0
    assert not output
    assert complaints
