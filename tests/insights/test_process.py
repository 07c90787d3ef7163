"""`ocs up` with the figures beside it: started, killed, started again, and never waited for."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from loadtest.usage import child_of
from ocs.client import Basis, Client, OcsError
from tests.insights.journals import ROOT

PATIENCE_S = 60.0


def until(what: Callable[[], Any]) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came of it")


def told(log: Path, before: str) -> str:
    """What stands behind some words in the log, last."""
    found = [line for line in log.read_text("utf-8").splitlines() if line.startswith(before)]
    return found[-1].removeprefix(before).split(",")[0] if found else ""


def test_charging_goes_on_without_the_figures_and_they_come_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "OCS_DRAIN_PROBE_S": "0", "OCS_LOG_LEVEL": "warning"}
    with log.open("wb") as output:
        service = Popen(
            [sys.executable, "-m", "ocs", "up", "--data-dir", str(tmp_path / "d"), "--port", "0"],
            cwd=ROOT, env=environment, stdin=DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        address = until(lambda: told(log, "ocs: listening on "))
        until(lambda: told(log, "ocs insights: figures at "))
        with Client(address, timeout_s=10.0) as client:
            client.create_account("a1", currency="EUR", plan="prepaid", segment="gold")
            client.top_up("a1", payment_reference="p1", micros=1_000_000, currency="EUR")
            killed = until(lambda: child_of(service.pid, "insights"))
            os.kill(killed, signal.SIGKILL)
            charged = client.debit(
                account_id="a1", service_id="sms", used_units=2, basis=Basis.USED
            )
            assert charged.charge is not None
            micros = charged.charge.charged_micros
            again = until(lambda: child_of(service.pid, "insights"))
            assert again != killed

            def collected() -> int:
                try:
                    with Client(told(log, "ocs insights: figures at "), timeout_s=5.0) as figures:
                        found = figures.run_query("SELECT sum(charged_micros) FROM events")
                except OcsError:  # on its way
                    return 0
                return int(found.rows[0][0] or 0)

            assert until(collected) == micros > 0
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(PATIENCE_S) == 0
    assert not Path(f"/proc/{again}").exists()


def test_the_figures_end_with_a_service_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        service = Popen(
            [sys.executable, "-m", "ocs", "up", "--data-dir", str(tmp_path / "d"), "--port", "0"],
            cwd=ROOT, stdin=DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    until(lambda: told(log, "ocs insights: figures at "))
    figures = child_of(service.pid, "insights")
    assert figures
    service.kill()
    service.wait()
    until(lambda: not Path(f"/proc/{figures}").exists())
