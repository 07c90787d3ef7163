"""Starts that are not like others: a log that takes long to load, a directory in use."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ocs import app
from ocs.client import Client
from ocs.settings import load_settings
from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey, private_valkey
from ocs.store.embedded_config import render_config
from ocs.store.embedded_files import EmbeddedStoreError, read_pid
from tests.campaigns.support.service import ServiceProcess
from tests.security.support import first_lines, until
from tests.store.embedded.support import log_of_reads, newest_log, wait_until
from tests.support.live import serving

# What makes a server of the usual kind give up on a log.
LONG_S = 10.0
# The server's own switch for such tests: it sleeps so long after each command that it loads.
LOAD_DELAY_US = 1_000
COMMAND_COUNT = 12_000


def lengthen(directory: Path, command_count: int) -> None:
    """Add commands to a stopped store's log that change nothing."""
    log = newest_log(directory)
    log.write_bytes(log.read_bytes() + log_of_reads("long", 1, command_count))


def load_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers that are started load slowly."""

    def slowly(*arguments: Any, **more: Any) -> str:
        return f"{render_config(*arguments, **more)}key-load-delay {LOAD_DELAY_US}\n"

    monkeypatch.setattr("ocs.store.embedded_start.render_config", slowly)


@pytest.mark.xdist_group("services")
async def test_a_log_that_loads_longer_than_10_s_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_valkey(tmp_path, "always") as store:
        async with serving(store) as live:
            account = await live.open(messages=10)
        directory, url = store.data_dir, store.url
    lengthen(directory, COMMAND_COUNT)
    load_slowly(monkeypatch)
    started: list[EmbeddedValkey] = []
    lines: list[str] = []
    said: list[str] = []
    monkeypatch.setattr("ocs.app.serving.say", said.append)
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_valkey(tmp_path, "always") as store:
        directory, url = store.data_dir, store.url
    lengthen(directory, 50 * COMMAND_COUNT)  # ten minutes: it never comes to its end here
    load_slowly(monkeypatch)
    started: list[EmbeddedValkey] = []

    def load() -> None:
        with suppress(EmbeddedStoreError):
            started.append(EmbeddedValkey.start(EmbeddedOptions(directory)))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert wait_until((directory / "valkey.sock").exists)

        said = first_lines("serve", until="is loading", store_url=url, listen="127.0.0.1:0")

        assert not started, "the store had loaded; nothing was waited for"
        assert "stopped before it served" in said
        assert "listening on" not in said
    finally:
        pid = read_pid(directory)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        thread.join()


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
