"""The process of the figures beside a service: it shares its settings, not its addresses."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from ocs.store.embedded import private_valkey


def test_the_addresses_of_the_service_that_started_it_are_left_to_that(tmp_path: Path) -> None:
    own = {name: text for name, text in os.environ.items() if not name.startswith("OCS_")}
    with (
        private_valkey(tmp_path / "store", "memory") as store,
        socket.create_server(("127.0.0.1", 0)) as taken,
    ):
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        # Standard input has ended: it serves, then ends by itself, in good order.
        ended = subprocess.run(
            [sys.executable, "-m", "ocs", "insights", "--tied"],
            env={
                **own,
                "OCS_STORE_URL": store.url,
                "OCS_DATA_DIR": str(tmp_path),
                "OCS_INSIGHTS_LISTEN": "127.0.0.1:0",
                "OCS_DASHBOARD_LISTEN": "127.0.0.1:0",
                "OCS_METRICS_LISTEN": address,
                "OCS_PROBE_LISTEN": address,
                "OCS_DRAIN_PROBE_S": "0",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert "cannot listen" not in ended.stderr
    assert "Fatal" not in ended.stderr
