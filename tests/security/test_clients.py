"""The SDK and the terminal: whom they believe, what they show, and where they do not show it."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ocs.cli import exits
from ocs.cli.main import app as cli
from ocs.client import (
    NO_RETRY,
    AsyncClient,
    Client,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
    UsageError,
)
from ocs.client.security import is_local
from ocs.rpc.credentials import parse_credentials
from ocs.store.embedded import EmbeddedValkey
from tests.security.pki import Authority, Pair
from tests.security.support import Guarded, Known, credential, guarded, write


@dataclass(frozen=True, slots=True)
class Door:
    server: Guarded
    ours: Authority
    client: Pair
    operator: Known
    reader: Known

    @property
    def target(self) -> str:
        return f"localhost:{self.server.port}"

    @property
    def with_tls(self) -> dict[str, Any]:
        return {
            "root_certificates": self.ours.root,
            "client_certificate": self.client.pem,
            "retry": NO_RETRY,
            "timeout_s": 10.0,
        }


@pytest.fixture(scope="module")
async def door(
    store: EmbeddedValkey, ours: Authority, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    path = tmp_path_factory.mktemp("clients") / "credentials"
    operator, reader = credential("ops", "operator"), credential("eyes", "reader")
    by_certificate = credential("by-certificate", "reader", certificate="CN:client-1")
    write(path, [operator, reader, by_certificate])
    pair = ours.issue("server")
    async with guarded(
        store,
        credentials_path=path,
        tls_certificate_path=pair.certificate,
        tls_key_path=pair.key,
        tls_client_ca_path=ours.pair.certificate,
    ) as server:
        yield Door(server, ours, ours.issue("client-1"), operator, reader)


async def test_the_asyncio_client_over_mutual_tls(door: Door) -> None:
    account_id = f"sdk-{door.server.port}"
    async with AsyncClient(door.target, token=door.operator.token, **door.with_tls) as client:
        await client.create_account(account_id, currency="EUR", plan="prepaid")
        events = [event async for event in client.list_charging_events(account_id)]
    assert [event.context.actor for event in events] == ["ops"]

    async with AsyncClient(door.target, token=door.reader.token, **door.with_tls) as client:
        assert (await client.get_account(account_id)).account.account_id == account_id
        with pytest.raises(PermissionDeniedError, match="ROLE_MISSING"):
            await client.create_account("another", currency="EUR", plan="prepaid")

    async with AsyncClient(door.target, **door.with_tls) as client:  # the certificate alone
        assert (await client.get_account(account_id)).account.account_id == account_id

    unknown = credential("nobody").token
    async with AsyncClient(door.target, token=unknown, **door.with_tls) as client:
        with pytest.raises(UnauthenticatedError) as caught:
            await client.get_account(account_id)
    assert unknown not in str(caught.value)


async def test_a_handshake_that_takes_its_time_is_waited_for(door: Door) -> None:
    """A far or busy service: the first call waits for the connection, it does not fail."""
    async with (
        slow_door(door.server.port, pause_s=0.4) as port,
        AsyncClient(f"localhost:{port}", token=door.reader.token, **door.with_tls) as client,
    ):
        assert (await client.health()).status.name == "SERVING"


@asynccontextmanager
async def slow_door(port: int, pause_s: float) -> AsyncIterator[int]:
    """A way to a port of this machine on which each connection's first answer comes late."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(pause_s)
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, onward_writer), pass_on(onward_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_the_sync_client_over_mutual_tls(door: Door) -> None:
    def ask() -> str:
        with Client(door.target, token=door.reader.token, **door.with_tls) as client:
            return client.health().status.name

    assert await asyncio.to_thread(ask)


async def test_without_its_certificate_a_client_gets_nowhere(door: Door) -> None:
    given = {**door.with_tls, "client_certificate": None}
    async with AsyncClient(door.target, token=door.reader.token, **given) as client:
        with pytest.raises(UnavailableError):
            await client.get_account("x")


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("localhost:7707", True),
        ("localhost", True),
        ("127.0.0.1:7707", True),
        ("127.8.8.8", True),
        ("[::1]:7707", True),
        ("::1", True),
        ("unix:/run/ocs.sock", True),
        ("unix-abstract:ocs", True),
        ("dns:localhost:7707", True),
        ("dns:///localhost:7707", True),
        ("ipv4:127.0.0.1:7707", True),
        ("ipv4:127.0.0.1:7707,127.0.0.2:7707", True),
        ("ipv6:[::1]:7707", True),
        ("10.0.0.1:7707", False),
        ("ocs.example:7707", False),
        ("localhost.example:7707", False),
        ("127.0.0.1.example:7707", False),
        ("[2001:db8::1]:7707", False),
        ("ipv4:127.0.0.1:7707,10.0.0.1:7707", False),
        ("dns://10.0.0.1/localhost:7707", False),
        ("xds:///localhost", False),
        ("passthrough:///localhost:7707", False),
        ("0.0.0.0:7707", False),
        ("", False),
    ],
)
def test_what_stays_on_this_machine(target: str, *, local: bool) -> None:
    assert is_local(target) is local


@pytest.mark.parametrize("target", ["ocs.example:7707", "10.0.0.1:7707", "xds:///ocs"])
def test_a_token_is_not_sent_in_clear_text_beyond_this_machine(target: str) -> None:
    token = credential("gw").token

    with pytest.raises(UsageError, match="not sent in clear text") as caught:
        Client(target, token=token)
    assert token not in str(caught.value)

    with Client(target, token=token, root_certificates=b""), Client(target):
        pass


@pytest.mark.parametrize("token", ["", "a b", "a\n", "\xe9", "x" * 4097])
def test_a_token_that_is_none_is_not_sent(token: str) -> None:
    with pytest.raises(UsageError, match="the token must be") as caught:
        Client("localhost:1", token=token)

    assert not token or token not in str(caught.value)


def test_certificates_are_given_in_one_way(door: Door) -> None:
    import grpc  # noqa: PLC0415

    with pytest.raises(UsageError, match="only one of both"):
        Client("x:1", credentials=grpc.ssl_channel_credentials(), root_certificates=door.ours.root)


def test_no_proxy_of_the_environment_sees_a_token() -> None:
    """In a process of its own: gRPC reads the environment once."""
    with (
        socket.create_server(("127.0.0.1", 0)) as proxy,
        socket.create_server(("127.0.0.1", 0)) as service,
    ):
        proxy.settimeout(0)
        code = (
            "from ocs.client import *\n"
            f"c = Client('localhost:{service.getsockname()[1]}', token='ocs_x', retry=NO_RETRY)\n"
            "try: c.health(timeout_s=1.0)\n"
            "except OcsError: pass\n"
        )
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        subprocess.run(
            [sys.executable, "-c", code],
            env={"grpc_proxy": url, "http_proxy": url, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            timeout=60,
        )
        with pytest.raises(BlockingIOError):  # nobody came
            proxy.accept()
        service.settimeout(0)
        service.accept()[0].close()


async def run(door: Door, *arguments: str, **environment: str) -> Result:
    """Run the command beside the service."""
    shown = {
        "OCS_TARGET": door.target,
        "OCS_TLS_CA": str(door.ours.pair.certificate),
        "OCS_TLS_CLIENT_CERTIFICATE": str(door.client.certificate),
        "OCS_TLS_CLIENT_KEY": str(door.client.key),
        "COLUMNS": "200",
    }
    env = {name: value for name, value in (shown | environment).items() if value}
    return await asyncio.to_thread(CliRunner().invoke, cli, list(arguments), env=env)


async def test_the_terminal_shows_its_token_and_checks_the_certificate(
    door: Door, tmp_path: Path
) -> None:
    account_id = f"cli-{door.server.port}"
    create = ["account", "create", account_id, "--currency", "EUR", "--plan", "prepaid"]
    create += ["--timeout", "10"]
    file = tmp_path / "token"
    file.write_text(door.reader.token + "\n")

    made = await run(door, *create, OCS_TOKEN=door.operator.token)
    assert made.exit_code == exits.DONE, made.output

    of_reader = await run(door, *create, "--token-file", str(file), OCS_TOKEN=door.operator.token)
    assert of_reader.exit_code == exits.REQUEST
    assert "ROLE_MISSING" in of_reader.output
    assert "use a credential that has the role" in of_reader.output

    unknown = await run(door, *create, OCS_TOKEN=credential("x").token)
    assert unknown.exit_code == exits.REQUEST
    assert "CREDENTIAL_UNKNOWN" in unknown.output

    plain = await run(
        door, "health", OCS_TLS_CA="", OCS_TLS_CLIENT_CERTIFICATE="", OCS_TLS_CLIENT_KEY=""
    )
    assert plain.exit_code == exits.UNAVAILABLE
    assert "--tls-ca" in plain.output


async def test_the_terminal_keeps_a_token_from_the_wire_in_clear_text(door: Door) -> None:
    token = door.operator.token
    result = await run(
        door, "account", "show", "x", OCS_TARGET="ocs.example:1", OCS_TOKEN=token, OCS_TLS_CA="",
        OCS_TLS_CLIENT_CERTIFICATE="", OCS_TLS_CLIENT_KEY="",
    )  # fmt: skip

    assert result.exit_code == exits.USAGE
    assert "not sent in clear text" in result.output
    assert token not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tls-ca", "/nowhere"), "--tls-ca: cannot be read: No such file"),
        (("--token-file", "/nowhere"), "--token-file: cannot be read: No such file"),
        (("--tls-key", "/nowhere"), "--tls-certificate and --tls-key go together"),
    ],
)
def test_a_file_that_is_not_there_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(cli, ["health", *arguments])

    assert result.exit_code == exits.USAGE
    assert said in result.output


def test_a_new_token_is_shown_once_beside_its_entry() -> None:
    given = ["token", "new", "--id", "gw-1", "--role", "gateway", "--role", "reader"]
    given += ["--expires", "2027-01-01T00:00:00Z"]

    result = CliRunner().invoke(cli, given)

    assert result.exit_code == exits.DONE, result.output
    token = result.stderr.rpartition(" ")[2].strip()
    assert token not in result.stdout
    found = parse_credentials(result.stdout).by_token(token)
    assert found is not None
    assert (found.actor, found.tenant, sorted(found.roles)) == (
        "gw-1",
        "main",
        ["gateway", "reader"],
    )
    assert CliRunner().invoke(cli, given).stderr != result.stderr


def test_an_entry_for_a_certificate_has_no_token() -> None:
    given = ["token", "new", "--id", "gw-1", "--role", "gateway", "--certificate", "CN:gw-1"]

    result = CliRunner().invoke(cli, given)

    assert (result.exit_code, result.stderr) == (exits.DONE, "")
    assert parse_credentials(result.stdout).by_certificate(["CN:gw-1"]) is not None


@pytest.mark.parametrize(
    "given",
    [("--id", 'a"b', "--role", "reader"), ("--id", "a", "--role", "boss"), ("--id", "a", "--role",
     "reader", "--certificate", "gw")],
)  # fmt: skip
def test_a_credential_that_the_service_would_not_take(given: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, ["token", "new", *given])

    assert result.exit_code == exits.USAGE
    assert "credential 1: " in result.stderr
    assert result.stdout == ""
