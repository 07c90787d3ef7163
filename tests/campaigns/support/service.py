"""The service under test as a process of its own: `ocs up` or `ocs serve`, to start, kill, stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from loadtest.usage import child_of
from ocs.store.embedded_files import read_pid
from ocs.store.embedded_orphan import is_server_of

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.01
_LISTENING = "ocs: listening on "
_ROOT = Path(__file__).resolve().parents[3]


class CampaignError(Exception):
    """The campaign cannot go on: something it needs did not start, stop or answer."""


class ServiceProcess:
    """One service in one directory, over all its lives. Methods block; call them off the loop."""

    def __init__(
        self,
        directory: Path,
        store_url: str | None = None,
        durability: str = "always",
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Prepare `ocs up` in directory/data, or `ocs serve` over a store at store_url.

        settings: further variables of its environment.
        """
        self.directory = directory
        self.data_dir = directory / "data"
        self.log_path = directory / "service.log"
        self.address = ""
        self._store_url = store_url
        self._durability = durability
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start it, at its earlier port if it had one; return the address it listens at."""
        log_size = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.launch()
        self.address = self._wait_listening(log_size)
        return self.address

    def launch(self) -> None:
        """Start it, and do not wait for it."""
        port = self.address.rpartition(":")[2] or "0"
        if self._store_url is None:
            command = ["up", "--data-dir", str(self.data_dir), "--port", port]
            command += ["--durability", self._durability]
            extra = {}
        else:
            command = ["serve"]
            extra = {
                "OCS_STORE_URL": self._store_url,
                "OCS_LISTEN": f"127.0.0.1:{port}",
                "OCS_ARCHIVE_DIR": str(self.directory / "archive"),
            }
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ocs", *command],
                cwd=_ROOT,
                env={**_environment(), **extra, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _wait_listening(self, log_size: int) -> str:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with self.log_path.open("rb") as log:
                log.seek(log_size)
                text = log.read().decode("utf-8", "replace")
            for line in text.splitlines(keepends=True):
                if line.startswith(_LISTENING) and line.endswith("\n"):
                    return line.removeprefix(_LISTENING).split(",")[0].strip()
            if self._process.poll() is not None:
                raise CampaignError(f"the service ended at start:\n{text[-2000:]}")
            time.sleep(POLL_S)
        self.kill_service()
        raise CampaignError(f"the service did not start in {START_TIMEOUT_S:.0f} s")

    @property
    def store_pid(self) -> int | None:
        """The embedded store's process, if one runs."""
        directory = self.data_dir / "store"
        pid = read_pid(directory)
        return pid if pid is not None and is_server_of(pid, directory) else None

    @property
    def pid(self) -> int:
        """The service's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def archiver_pid(self) -> int:
        """The archiver's process, which the service starts; 0 if none runs."""
        return child_of(self.pid, "archiver")

    def kill_archiver(self) -> int:
        """SIGKILL the archiver, once there is one; return what its process was."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (pid := self.archiver_pid):
            if time.monotonic() > deadline:
                raise CampaignError("the service starts no archiver")
            time.sleep(POLL_S)
        os.kill(pid, signal.SIGKILL)
        return pid

    @property
    def is_alive(self) -> bool:
        """Whether the service's process has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill_store(self) -> bool:
        """SIGKILL the embedded store; False if none runs."""
        pid = self.store_pid
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def kill_service(self) -> None:
        """SIGKILL the service, and reap it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_ended(self) -> int:
        """Wait for the service to end by itself; return its exit status."""
        assert self._process is not None
        return self._process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """End it as an operator does; return the exit status, -9 if it had to be killed."""
        process = self._process
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill_service()
            return process.returncode

    def audit(self, store_url: str | None = None) -> list[str]:
        """Run `ocs audit` on it; return what differs, empty if the books are right."""
        where = ["--data-dir", str(self.data_dir)]
        if store_url:
            where = ["--store-url", store_url, "--archive", str(self.directory / "archive")]
        done = subprocess.run(
            [sys.executable, "-m", "ocs", "audit", "--json", *where],
            cwd=_ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            report = json.loads(done.stdout)
        except json.JSONDecodeError:
            return [f"audit: exit {done.returncode}: {done.stderr[-1000:]}"]
        differences = [f"audit: {difference}" for difference in report["differences"]]
        if not differences and (done.returncode != 0 or not report["ok"]):
            differences = [f"audit: exit {done.returncode}, ok {report['ok']}"]
        if report["account_count"] == 0:
            differences.append("audit: saw no account")
        return differences


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCS_")}
    # A service is started hundreds of times; each would compile every module anew.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"OCS_LOG_LEVEL": "warning", "OCS_DRAIN_PROBE_S": "0"}
