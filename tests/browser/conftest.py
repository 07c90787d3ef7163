"""A service with its dashboard in processes of their own, some traffic, and a browser."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ocs.client import Basis, Client
from ocs.client.operations import account, charging, spending_cap
from ocs.client.values import CapHolder, Period, Unit

WAIT_S = 60.0
WAIT_MS = 1000 * WAIT_S
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 900}
PEOPLE = {"ada": "gold", "bob": "gold", "cleo": "silver", "dan": "silver", "eve": "basic"}


@dataclass
class Site:
    """The dashboard of a service, and a client of that service."""

    url: str
    client: Client
    process: subprocess.Popen[bytes]

    def ask(self, method: str, **request: Any) -> Any:
        """Ask the page's own API."""
        asking = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}api/{method}?tenant=main",
            json.dumps(request).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(asking, timeout=WAIT_S) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())

    def debit(self, account_id: str, service_id: str = "sms", units: int = 1) -> int:
        """Charge an account; return the micro-units."""
        result = self.client.send(
            charging.debit(
                account_id=account_id,
                service_id=service_id,
                used_units=units,
                basis=Basis.USED,
            )
        )
        return result.charge.charged_micros

    def settled(self) -> None:
        """Wait until what was charged so far is in the figures."""
        began = time.time()
        # None while nothing was ever folded.
        until(lambda: seconds_of(self.ask("ListLimits")["as_of"].get("as_of_time")) > began)


def seconds_of(text: str | None) -> float:
    """Read a time of the API; 0 if there is none."""
    if not text:
        return 0.0
    from datetime import datetime  # noqa: PLC0415 - of this alone

    return datetime.fromisoformat(text).timestamp()


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}healthz", timeout=5) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    port, insights_port, dashboard_port = free_ports(3)
    environment = {name: text for name, text in os.environ.items() if not name.startswith("OCS_")}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ocs", "up", "--data-dir", str(directory / "data")),
                *("--port", str(port), "--insights-port", str(insights_port)),
                *("--dashboard-port", str(dashboard_port), "--durability", "memory"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{dashboard_port}/"
    try:
        until(lambda: process.poll() is None and answers(url))
        with Client(f"127.0.0.1:{port}", timeout_s=WAIT_S) as client:
            found = Site(url, client, process)
            live_a_little(found)
            found.settled()
            yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)


def live_a_little(site: Site) -> None:
    """Accounts of three segments, four services, a cap that is near and one that is met."""
    send = site.client.send
    for name, segment in PEOPLE.items():
        send(
            account.create_account(
                name,
                currency="EUR",
                plan="prepaid",
                segment=segment,
                time_zone="Europe/Berlin",
            )
        )
        send(account.top_up(name, payment_reference=name, micros=50_000_000, currency="EUR"))
        for cap, limit in (("near", 500_000), ("met", 420_000), ("far", 90_000_000)):
            send(spending_cap.set_spending_cap(name, cap, limit_micros=limit, period=Period.MONTH))
        for _ in range(6):
            site.debit(name)
        site.debit(name, "voice", 1)
        site.debit(name, "data", 1 << 20)
    refused = charging.debit(
        account_id="ada", service_id="sms", used_units=1, basis=Basis.AUTHORIZE
    )
    assert send(refused).outcome == "SPENDING_CAP_REACHED"
    # Held: the cap of money does not bind what costs next to nothing.
    send(
        account.create_account(
            "fay", currency="EUR", plan="prepaid", segment="gold", time_zone="Europe/Berlin"
        )
    )
    send(account.top_up("fay", payment_reference="fay", micros=5_000_000, currency="EUR"))
    send(account.add_subscriber("fay", "phone"))
    send(
        spending_cap.set_spending_cap(
            "fay",
            "phones",
            limit_units=1 << 30,
            unit=Unit.OCTETS,
            period=Period.MONTH,
            holder=CapHolder(subscriber_id="phone"),
        )
    )
    used = charging.debit(
        account_id="fay",
        subscriber_id="phone",
        service_id="data",
        used_units=1 << 20,
        basis=Basis.USED,
    )
    send(used)
    held = charging.reserve(
        account_id="fay",
        subscriber_id="phone",
        service_id="data",
        requested_units=1 << 28,
        session_id="fay-1",
    )
    assert send(held).granted


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no Chromium: `make test-browser` as root installs it, else apt-get does"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=LAPTOP)  # type: ignore[arg-type]  # a size is a dict
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed."""
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    opened.set_default_timeout(WAIT_MS)
    yield opened
    # A server that was ended on purpose refuses connections, and what is not there is not found.
    meant = ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "status of 404")
    assert not [fault for fault in faults if not any(word in fault for word in meant)]
