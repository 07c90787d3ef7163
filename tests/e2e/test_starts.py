"""Starts that are not like others: a log that takes long to load, a directory in use."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocs import app
from ocs.client import Client
from ocs.settings import load_settings
from ocs.store import embedded_start
from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey, private_valkey
from ocs.store.embedded_config import render_config
from tests.campaigns.support.service import ServiceProcess
from tests.security.support import first_lines, until
from tests.store.embedded.support import connect, wait_until
from tests.support.live import serving

# What makes a server of the usual kind give up on a log.
LONG_S = 10.0
KEYS_COUNT = 11_000
# The server's own aid for tests of loading: so long per key, and an eye on its clients meanwhile.
SLOW = """
key-load-delay 1000
loading-process-events-interval-bytes 1024
"""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on servers take at least 11 s to load what `fill` wrote."""

    def set_in() -> None:
        monkeypatch.setattr(
            embedded_start, "render_config", lambda **options: render_config(**options) + SLOW
        )

    return set_in


def fill(store: EmbeddedValkey) -> None:
    """Write keys, and have them in the log's base, which is loaded key by key."""
    client = connect(store)
    pipe = client.pipeline(transaction=False)
    for number in range(KEYS_COUNT):
        pipe.set(f"{{x}}:filler:{number}", "x" * 20)
    pipe.execute()
    client.bgrewriteaof()
    assert wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0)
    assert client.info("persistence")["aof_last_bgrewrite_status"] == "ok"


@pytest.mark.xdist_group("services")
async def test_a_log_that_loads_longer_than_10_s_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: Callable[[], None]
) -> None:
    with private_valkey(tmp_path, "always") as store:
        async with serving(store) as live:
            account = await live.open(messages=10)
        fill(store)
        directory, url = store.data_dir, store.url
    slow()
    started: list[EmbeddedValkey] = []
    lines: list[str] = []
    said: list[str] = []
    monkeypatch.setattr(app, "_say", said.append)
    options = EmbeddedOptions(directory)
    thread = threading.Thread(
        target=lambda: started.append(EmbeddedValkey.start(options, lines.append))
    )

    began = time.monotonic()
    thread.start()
    await until((directory / "valkey.sock").exists, "there is no socket")
    settings = load_settings(listen="127.0.0.1:0")
    async with app.running(settings, url):
        took_s = time.monotonic() - began
        await asyncio.to_thread(thread.join)
        (store,) = started
        with store:
            async with serving(store) as live:
                assert await live.bucket(account) == (10, 0, 0)

    assert took_s > LONG_S
    assert [line for line in lines if line.startswith("loading the log: ")]
    assert [line for line in said if line.startswith("the store is loading its data: ")]


@pytest.mark.xdist_group("services")
def test_a_service_that_waits_for_its_store_stops_when_it_is_told_to(
    tmp_path: Path, slow: Callable[[], None]
) -> None:
    with private_valkey(tmp_path, "always") as store:
        fill(store)
        directory, url = store.data_dir, store.url
    slow()
    started: list[EmbeddedValkey] = []
    options = EmbeddedOptions(directory)
    thread = threading.Thread(target=lambda: started.append(EmbeddedValkey.start(options)))
    thread.start()
    try:
        assert wait_until((directory / "valkey.sock").exists)

        said = first_lines("serve", until="is loading", store_url=url, listen="127.0.0.1:0")

        assert not started, "the store had loaded; nothing was waited for"
        assert "stopped before it served" in said
        assert "listening on" not in said
    finally:
        thread.join()
        started[0].stop()


@pytest.mark.xdist_group("services")
def test_a_second_service_on_a_directory_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = ServiceProcess(tmp_path, durability="memory")
    address = first.start()
    try:
        second = subprocess.run(
            [sys.executable, "-m", "ocs", "up", "--data-dir", first.data_dir, "--port", "0"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

        assert second.returncode == 1
        (said,) = second.stderr.splitlines()
        assert said.startswith(f"ocs: data_dir {first.data_dir / 'store'} is in use by process ")
        assert said.endswith(": one service per directory")
        with Client(address) as client:
            created = client.create_account(account_id="a", currency="EUR", plan="prepaid")
        assert created.account.account_id == "a"
    finally:
        first.stop()
