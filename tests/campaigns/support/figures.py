"""`ocs insights` as a process: started, asked how far it is, and killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ocs.client import AsyncClient
from tests.campaigns.support.service import CampaignError
from tests.insights.journals import ROOT

PATIENCE_S: Final = 120.0
POLL_S: Final = 0.02
_FIGURES: Final = "ocs insights: figures at "


class FiguresProcess:
    """`ocs insights` as a process, over all its lives. Methods block; call them off the loop."""

    def __init__(self, directory: Path, store_url: str) -> None:
        self.path = directory / "figures.duckdb"
        self.address = ""
        self._log_path = directory / "figures.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OCS_")},
            "OCS_STORE_URL": store_url,
            "OCS_ARCHIVE_DIR": str(directory / "archive"),
            "OCS_INSIGHTS_PATH": str(self.path),
            "OCS_INSIGHTS_LISTEN": "127.0.0.1:0",
            "OCS_DASHBOARD_LISTEN": "127.0.0.1:0",
            "OCS_LOG_LEVEL": "warning",
            "OCS_DRAIN_PROBE_S": "0",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return once it serves."""
        log_size = self._log_path.stat().st_size if self._log_path.exists() else 0
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ocs", "insights"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            text = self._log_path.read_bytes()[log_size:].decode("utf-8", "replace")
            for line in text.splitlines(keepends=True):
                if line.startswith(_FIGURES) and line.endswith("\n"):
                    self.address = line.removeprefix(_FIGURES).split(",")[0]
                    return
            if self._process.poll() is not None:
                raise CampaignError(f"the projector ended at start:\n{text[-2000:]}")
            time.sleep(POLL_S)
        raise CampaignError("the projector did not start")

    def end(self, number: signal.Signals) -> int:
        """Send it a signal, and reap it; return its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)

    async def caught_up(self) -> None:
        """Wait until all that was charged so far is in the figures."""
        now_s, deadline = time.time(), time.monotonic() + PATIENCE_S
        async with AsyncClient(self.address, timeout_s=PATIENCE_S) as client:
            while await _as_of_s(client) <= now_s:
                if time.monotonic() > deadline:
                    raise CampaignError("the figures do not catch up")
                await asyncio.sleep(POLL_S)

    async def lags(self, going: Callable[[int], bool]) -> list[float]:
        """Watch how far the figures are behind, in seconds. going: of how many were seen so far."""
        found: list[float] = []
        async with AsyncClient(self.address, timeout_s=PATIENCE_S) as client:
            while going(len(found)):
                asked_s = time.time()
                found.append(asked_s - await _as_of_s(client))
                await asyncio.sleep(POLL_S)
        return found

    async def lags_until(self, lag_s: float, patience_s: float) -> list[float]:
        """Watch how far the figures are behind until that is less, or for so long."""
        found: list[float] = []
        deadline = time.monotonic() + patience_s
        async with AsyncClient(self.address, timeout_s=PATIENCE_S) as client:
            while time.monotonic() < deadline:
                asked_s = time.time()
                found.append(asked_s - await _as_of_s(client))
                if found[-1] < lag_s:
                    break
                await asyncio.sleep(POLL_S)
        return found


async def _as_of_s(client: AsyncClient) -> float:
    as_of = (await client.get_position()).as_of
    return as_of.as_of_time.timestamp() if as_of.as_of_time is not None else 0.0
