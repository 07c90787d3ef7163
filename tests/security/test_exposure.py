"""Where a server may listen, what it says at the start, and who is told the contract."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ocs import app
from ocs.rpc.credentials import Credentials
from ocs.rpc.identity import CredentialGate
from ocs.rpc.server import ListenError, RpcOptions, check_exposure
from ocs.rpc.tls import ServerTls, TlsFiles
from ocs.settings import SettingsError, load_settings
from ocs.store.embedded import EmbeddedValkey
from tests.security.pki import Authority
from tests.security.support import (
    Caller,
    Guarded,
    bearer,
    caller,
    credential,
    first_lines,
    guarded,
    write,
)

# Split for a linter that takes it for carelessness.
EVERYWHERE = "0.0." + "0.0"
TIMEOUT_S = 120


def ocs(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    variables = {f"OCS_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "ocs", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_without_credentials_no_process_listens_beyond_loopback(tmp_path: Path) -> None:
    ended = ocs("serve", listen=f"{EVERYWHERE}:0", data_dir=tmp_path / "data")

    assert ended.returncode == 1
    assert "is not a loopback address" in ended.stderr
    assert "OCS_CREDENTIALS_PATH is unset" in ended.stderr
    assert not (tmp_path / "data").exists()  # the store was not started for it


def test_tokens_do_not_travel_in_clear_text_beyond_loopback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "credentials"
    write(path, [credential("gw")])
    listen = f"{EVERYWHERE}:0"

    settings = load_settings(listen=listen, data_dir=tmp_path / "d", credentials_path=path)
    assert app.run_serve(settings=settings) == 1

    said = capfd.readouterr().err
    assert "tokens would travel in clear text" in said
    assert "OCS_TLS_CERTIFICATE_PATH" in said


def test_a_broken_credentials_file_starts_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "secret-place"
    path.write_text("[[credential]]\nid = 'gw'\n")

    assert app.run_serve(settings=load_settings(credentials_path=path)) == 1

    said = capfd.readouterr().err
    assert said == "ocs: OCS_CREDENTIALS_PATH: credential 1: needs an id and a tenant\n"


def test_a_broken_certificate_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secret-place"
    path.write_text("no PEM")

    ended = ocs(
        "serve", listen="127.0.0.1:0", data_dir=tmp_path / "d",
        tls_certificate_path=path, tls_key_path=path, durability="memory",
    )  # fmt: skip

    assert ended.returncode == 1
    assert "OCS_TLS_CERTIFICATE_PATH, OCS_TLS_KEY_PATH: must be a PEM" in ended.stderr
    assert "secret-place" not in ended.stderr


@pytest.mark.xdist_group("services")
def test_a_process_says_at_its_start_who_may_call(tmp_path: Path, ours: Authority) -> None:
    common: dict[str, Any] = {"data_dir": tmp_path / "data", "durability": "memory"}
    common |= {"listen": "127.0.0.1:0", "drain_probe_s": 0}
    open_door = first_lines("serve", until="no credentials", **common)
    assert "whoever is on this machine may do everything" in open_door

    path, pair = tmp_path / "credentials", ours.issue("server")
    write(path, [credential("gw")])
    guarded_door = first_lines(
        "serve", until="calls need a credential", credentials_path=path,
        tls_certificate_path=pair.certificate, tls_key_path=pair.key,
        tls_client_ca_path=ours.pair.certificate, **common,
    )  # fmt: skip
    assert "calls need a credential; TLS, client certificates required" in guarded_door


def options(**fields: Any) -> RpcOptions:
    given: dict[str, Any] = {"host": EVERYWHERE, "port": 0}
    return RpcOptions(**given | fields)


def test_beyond_loopback_it_takes_credentials_and_tls() -> None:
    gate = CredentialGate(Credentials())
    tls = ServerTls(TlsFiles(Path("a"), Path("b")), lambda _: None)

    check_exposure(options(gate=gate, tls=tls))
    check_exposure(options(host="127.0.0.1"))
    for fields in ({}, {"gate": gate}, {"tls": tls}):
        with pytest.raises(ListenError):
            check_exposure(options(**fields))


@pytest.mark.parametrize(
    "names",
    [
        {"tls_key_path"},
        {"tls_certificate_path"},
        {"tls_client_ca_path"},
        {"tls_client_ca_path", "tls_key_path"},
    ],
)
def test_half_of_a_certificate_is_no_setting(names: set[str]) -> None:
    with pytest.raises(SettingsError, match="OCS_TLS_"):
        load_settings(**dict.fromkeys(names, Path("x")))


async def tells_the_contract(server: Guarded, root: bytes | None = None) -> bool:
    """Whether reflection answers a stranger."""
    async with caller(server, root=root) as stranger:
        stub = reflection_pb2_grpc.ServerReflectionStub(stranger.channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        try:
            async for answer in stub.ServerReflectionInfo(iter([asked]), timeout=10):
                return bool(answer.list_services_response.service)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
    return False


@pytest.mark.parametrize(
    ("settings", "told"),
    [({}, True), ({"reflection": "on"}, True), ({"reflection": "off"}, False)],
)
async def test_on_loopback_the_contract_is_told_unless_a_setting_forbids(
    store: EmbeddedValkey, settings: dict[str, str], *, told: bool
) -> None:
    async with guarded(store, **settings) as server:
        assert await tells_the_contract(server) is told


@pytest.mark.parametrize(
    ("settings", "told"),
    [({}, False), ({"reflection": "on"}, True), ({"reflection": "off"}, False)],
)
async def test_beyond_loopback_only_a_setting_tells_the_contract(
    store: EmbeddedValkey,
    ours: Authority,
    tmp_path: Path,
    settings: dict[str, str],
    *,
    told: bool,
) -> None:
    path, pair = tmp_path / "credentials", ours.issue("server")
    write(path, [credential("gw")])
    async with guarded(
        store,
        listen=f"{EVERYWHERE}:0",
        credentials_path=path,
        tls_certificate_path=pair.certificate,
        tls_key_path=pair.key,
        **settings,
    ) as server:
        assert await tells_the_contract(server, ours.root) is told


async def test_nothing_else_is_served(store: EmbeddedValkey) -> None:
    """Channelz and the like answer UNIMPLEMENTED."""
    async with guarded(store) as server, caller(server) as stranger:
        for path in ("/grpc.channelz.v1.Channelz/GetServers", "/ocs.v1.AdminService/Drop"):
            call: Any = stranger.channel.unary_unary(path)
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await call(b"", timeout=10)
            assert ended.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_probes_that_speak_no_tls_have_a_port_of_their_own(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    path, pair = tmp_path / "credentials", ours.issue("server")
    known = credential("gw")
    write(path, [known])
    async with guarded(
        store,
        credentials_path=path,
        tls_certificate_path=pair.certificate,
        tls_key_path=pair.key,
        probe_listen=f"{EVERYWHERE}:0",
    ) as server:
        port = server.service.server.probe_port
        assert port not in {0, server.port}
        async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            asked = health_pb2.HealthCheckRequest(service="ocs.liveness")
            answer = await health.Check(asked, timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await Caller(channel, bearer(known)).call(server.live().create("a"))
            assert ended.value.code() is grpc.StatusCode.UNIMPLEMENTED
            with pytest.raises(grpc.aio.AioRpcError):
                await health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=10)
    with pytest.raises(OSError, match="refused"):  # it ends with the service
        socket.create_connection(("127.0.0.1", port), timeout=10)
