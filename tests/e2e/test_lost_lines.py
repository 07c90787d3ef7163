"""A log that cannot be written costs its lines, which are counted, and no call."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from ocs.client import Client
from ocs.store.embedded import private_valkey
from tests.store.embedded.support import wait_until

pytestmark = [
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is full is Linux's"),
    pytest.mark.xdist_group("services"),
]
LISTENING = re.compile(r"listening on ([0-9.:]+)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lost_lines(port: int) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    (value,) = re.findall(r"^ocs_log_lost_lines_total (\S+)$", text, re.MULTILINE)
    return float(value)


def test_lines_that_a_full_disk_did_not_take_are_counted(tmp_path: Path) -> None:
    port = free_port()
    with private_valkey(tmp_path, "always") as store, Path("/dev/full").open("wb") as full:
        variables = {
            "OCS_STORE_URL": store.url,
            "OCS_LISTEN": "127.0.0.1:0",
            "OCS_LOG_STREAM": "stdout",
            "OCS_METRICS_LISTEN": f"127.0.0.1:{port}",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "ocs", "serve"],
            env={**os.environ, **variables},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        ) as service:
            try:
                assert service.stderr is not None
                found = next(filter(None, map(LISTENING.search, service.stderr)))
                with Client(found.group(1)) as client:
                    created = client.create_account("a1", currency="EUR", plan="prepaid")
                assert created.account.account_id == "a1"
                assert wait_until(lambda: lost_lines(port) > 0)
            finally:
                service.terminate()
                service.wait(30)
