"""The archiver beside a service: started, killed, started again, and never waited for."""

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocs.client import Basis, Client
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.telemetry.metrics import ArchiveCounts, ArchiveCountsHeard
from tests.archive.support import segments
from tests.campaigns.support.service import ServiceProcess
from tests.insights.test_process import until

pytestmark = pytest.mark.xdist_group("services")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path / "store", "memory") as server:
        yield server


@pytest.fixture
def metrics_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def service(
    tmp_path: Path, store: EmbeddedValkey, metrics_address: str
) -> Iterator[ServiceProcess]:
    settings = {
        "OCS_DURABILITY": "memory",
        "OCS_ARCHIVE_INTERVAL_S": "1",
        "OCS_METRICS_LISTEN": metrics_address,
    }
    process = ServiceProcess(tmp_path, store.url, settings=settings)
    process.start()
    yield process
    process.stop()


def figure(address: str, name: str) -> float:
    """A metric of the service, without attributes."""
    with urllib.request.urlopen(f"http://{address}/metrics") as reply:
        lines = reply.read().decode().splitlines()
    (found,) = [line.split() for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
    return float(found[-1])


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_charging_goes_on_without_the_archiver_and_it_comes_back(
    service: ServiceProcess, metrics_address: str, tmp_path: Path
) -> None:
    with Client(service.address, timeout_s=10.0) as client:
        client.create_account("a1", currency="EUR", plan="prepaid")
        client.top_up("a1", payment_reference="p1", micros=1_000_000, currency="EUR")
        killed = service.kill_archiver()
        charged = client.debit(account_id="a1", service_id="sms", used_units=1, basis=Basis.USED)
        assert charged.charge is not None
    assert figure(metrics_address, "ocs_archive_active") == 0

    again = until(lambda: service.archiver_pid)
    assert again != killed
    until(lambda: figure(metrics_address, "ocs_archive_events_total") == 3)
    assert figure(metrics_address, "ocs_archive_active") == 1
    assert segments(tmp_path / "archive")
    assert service.stop() == 0
    assert gone(again)


def test_the_archiver_ends_with_a_service_that_is_killed(service: ServiceProcess) -> None:
    archiver = until(lambda: service.archiver_pid)
    service.kill_service()
    until(lambda: gone(archiver))


def test_what_several_archivers_did_is_added_up() -> None:
    counts, one, other = ArchiveCounts(), ArchiveCounts(), ArchiveCounts()
    heard = ArchiveCountsHeard(counts)
    one.entries, one.segments, one.trimmed, one.failures = 5, 2, 1, 1
    heard.hear(one.line())
    one.entries, one.archived_to_ms = 8, 1_000
    heard.hear(one.line())
    assert counts.line() == b"8 2 1 1 1000\n"

    heard.ended()
    assert counts.archived_to_ms is None
    other.entries, other.segments = 3, 1
    heard.hear(other.line())

    assert counts.line() == b"11 3 1 1 -\n"
