"""Certificates: who may connect, whom a client believes, and a change without a restart."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from ocs.rpc.tls import ServerTls, TlsError, TlsFiles
from ocs.store.embedded import EmbeddedValkey
from ocs.v1 import account_service_pb2 as accounts
from tests.security.pki import Authority, Pair, lock, self_signed
from tests.security.support import Caller, Guarded, Known, caller, credential, guarded, write

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
URI = "URI:spiffe://mvno.example/gateway"


@dataclass(frozen=True, slots=True)
class Door:
    """A server with a certificate, and who may pass."""

    server: Guarded
    pair: Pair
    known: Known


def paths(pair: Pair) -> dict[str, Path]:
    return {"tls_certificate_path": pair.certificate, "tls_key_path": pair.key}


@asynccontextmanager
async def serving(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path, *entries: Known, mutual: bool = False
) -> AsyncIterator[Door]:
    credentials, known = tmp_path / "credentials", credential("gw")
    write(credentials, [known, *entries])
    pair = Pair(tmp_path / "server.pem", tmp_path / "server.key")
    pair.replace(ours.issue("server-1"))
    settings: dict[str, Any] = {"credentials_path": credentials, **paths(pair)}
    if mutual:
        settings["tls_client_ca_path"] = ours.pair.certificate
    async with guarded(store, **settings) as server:
        yield Door(server, pair, known)


async def code(who: Caller) -> grpc.StatusCode:
    """The status of a call that is fine but for who makes it; NOT_FOUND is a pass."""
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await who.call(accounts.GetAccountRequest(account_id="nobody"))
    return ended.value.code()


async def subject(server: Guarded, ours: Authority, client: Pair | None = None) -> str:
    """Whose certificate a new connection is shown."""
    context = ssl.create_default_context(cadata=ours.root.decode())
    context.set_alpn_protocols(["h2"])
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    _, writer = await asyncio.open_connection("localhost", server.port, ssl=context)
    shown = writer.get_extra_info("peercert")
    writer.close()
    with suppress(ssl.SSLError, ConnectionError):  # the server need not say goodbye
        await writer.wait_closed()
    names: dict[str, str] = dict(pair for group in shown["subject"] for pair in group)
    return names["commonName"]


async def test_whoever_trusts_the_authority_is_answered(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    async with (
        serving(store, ours, tmp_path) as door,
        caller(door.server, door.known, root=ours.root) as gateway,
        caller(door.server, root=ours.root) as stranger,
    ):
        assert await code(gateway) is grpc.StatusCode.NOT_FOUND
        assert await code(stranger) is grpc.StatusCode.UNAUTHENTICATED


async def test_clear_text_gets_no_answer_from_a_tls_port(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    async with serving(store, ours, tmp_path) as door, caller(door.server, door.known) as plain:
        assert await code(plain) is UNAVAILABLE
        assert b'"event":"rpc"' not in door.server.log.getvalue()


async def test_a_client_does_not_believe_another_authority(
    store: EmbeddedValkey, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    async with (
        serving(store, ours, tmp_path) as door,
        caller(door.server, door.known, root=theirs.root) as careful,
    ):
        assert await code(careful) is UNAVAILABLE


async def test_with_a_client_authority_every_client_needs_its_certificate(
    store: EmbeddedValkey, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    good, foreign = ours.issue("client"), theirs.issue("client")
    alone = self_signed(tmp_path, "alone")
    async with serving(store, ours, tmp_path, mutual=True) as door:
        for certificate, expected in (
            (good.pem, grpc.StatusCode.NOT_FOUND),
            (None, UNAVAILABLE),
            (foreign.pem, UNAVAILABLE),
            (alone.pem, UNAVAILABLE),
            (good.pem, grpc.StatusCode.NOT_FOUND),
        ):
            async with caller(
                door.server, door.known, root=ours.root, certificate=certificate
            ) as client:
                assert await code(client) is expected


@pytest.mark.parametrize("name", ["CN:gateway-1", URI])
async def test_a_certificate_stands_in_for_a_token(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path, name: str
) -> None:
    entry = credential("by-certificate", "operator", certificate=name)
    named = ours.issue("gateway-1", URI)
    async with (
        serving(store, ours, tmp_path, entry, mutual=True) as door,
        caller(door.server, root=ours.root, certificate=named.pem) as client,
    ):
        live = door.server.live()
        account_id = f"of-{name[:2]}"
        await client.call(live.create(account_id))
        page = await client.call(accounts.ListChargingEventsRequest(account_id=account_id))
        refused = await client.refused("Reserve")

    assert {event.context.actor for event in page.events} == {"by-certificate"}
    assert refused.reason == "ROLE_MISSING"


async def test_a_certificate_that_no_entry_names_is_nobodys(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    # The text of one kind of name is no name of the other.
    entry = credential("by-certificate", certificate="URI:gateway-2")
    async with (
        serving(store, ours, tmp_path, entry, mutual=True) as door,
        caller(door.server, root=ours.root, certificate=ours.issue("gateway-2").pem) as client,
    ):
        refused = await client.refused("GetAccount")

    assert (refused.code, refused.reason) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "CREDENTIAL_UNKNOWN",
    )


async def test_a_certificate_of_two_entries_is_nobodys(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    entries = [credential("a", certificate="CN:gateway-3"), credential("b", certificate=URI)]
    async with (
        serving(store, ours, tmp_path, *entries, mutual=True) as door,
        caller(door.server, root=ours.root, certificate=ours.issue("gateway-3", URI).pem) as client,
    ):
        refused = await client.refused("GetAccount")

    assert refused.reason == "CREDENTIAL_UNKNOWN"


async def test_a_token_comes_before_a_certificate(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    """A wrong token is no way to the certificate's rights."""
    entry = credential("by-certificate", certificate="CN:gateway-4")
    pem = ours.issue("gateway-4").pem
    async with serving(store, ours, tmp_path, entry, mutual=True) as door:
        wrong = credential("nobody")
        async with caller(door.server, wrong, root=ours.root, certificate=pem) as client:
            refused = await client.refused("GetAccount")

    assert refused.reason == "CREDENTIAL_UNKNOWN"


async def test_a_new_certificate_needs_no_restart(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path
) -> None:
    async with (
        serving(store, ours, tmp_path) as door,
        caller(door.server, door.known, root=ours.root) as before,
    ):
        assert await subject(door.server, ours) == "server-1"
        assert await code(before) is grpc.StatusCode.NOT_FOUND

        door.pair.replace(ours.issue("server-2"))

        assert await subject(door.server, ours) == "server-2"
        assert await code(before) is grpc.StatusCode.NOT_FOUND  # its connection goes on
        async with caller(door.server, door.known, root=ours.root) as after:
            assert await code(after) is grpc.StatusCode.NOT_FOUND
        assert door.server.reloads() == {("certificate", True): 1}
        assert door.server.events() == ["certificate reloaded"]


async def test_a_new_client_authority_needs_no_restart(
    store: EmbeddedValkey, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    good, foreign = ours.issue("client"), theirs.issue("client")
    authority = tmp_path / "client-ca"
    authority.write_bytes(ours.root)
    settings = {**paths(ours.issue("server-1")), "tls_client_ca_path": authority}
    credentials, known = tmp_path / "credentials", credential("gw")
    write(credentials, [known])
    async with guarded(store, credentials_path=credentials, **settings) as server:
        for trusted, expected in (
            (None, {good: grpc.StatusCode.NOT_FOUND, foreign: UNAVAILABLE}),
            (theirs.root, {good: UNAVAILABLE, foreign: grpc.StatusCode.NOT_FOUND}),
        ):
            if trusted is not None:
                authority.write_bytes(trusted)
            for pair, code_expected in expected.items():
                async with caller(server, known, root=ours.root, certificate=pair.pem) as client:
                    assert await code(client) is code_expected


@pytest.mark.parametrize("broken", ["key of another", "no certificate", "gone", "empty"])
async def test_a_broken_certificate_keeps_the_old_one(
    store: EmbeddedValkey, ours: Authority, tmp_path: Path, broken: str
) -> None:
    async with serving(store, ours, tmp_path) as door:
        match broken:
            case "key of another":
                door.pair.key.write_bytes(ours.issue("other").key.read_bytes())
            case "no certificate":
                door.pair.certificate.write_text("-----BEGIN CERTIFICATE-----\nnothing\n")
            case "gone":
                door.pair.certificate.unlink()
            case _:
                door.pair.certificate.write_bytes(b"")

        for _ in range(3):  # told once, not at each handshake
            assert await subject(door.server, ours) == "server-1"
        assert door.server.reloads() == {("certificate", False): 1}
        assert door.server.events() == ["certificate kept: the new one is unfit"]
        assert str(tmp_path).encode() not in door.server.log.getvalue()

        door.pair.replace(ours.issue("server-3"))
        assert await subject(door.server, ours) == "server-3"


@pytest.mark.parametrize("setting", ["certificate", "key", "client_ca"])
def test_files_that_are_unfit_at_the_start_are_named_by_their_setting(
    ours: Authority, tmp_path: Path, setting: str
) -> None:
    pair = ours.issue("server-1")
    bad = tmp_path / "secret-place"
    bad.write_text("no PEM")
    files = {"certificate": pair.certificate, "key": pair.key, "client_ca": ours.pair.certificate}

    with pytest.raises(TlsError) as caught:
        ServerTls(TlsFiles(**files | {setting: bad}), lambda _: None).credentials()

    assert f"OCS_TLS_{setting.upper()}_PATH" in str(caught.value)
    assert "secret-place" not in str(caught.value)


def test_an_encrypted_key_asks_nobody_for_its_password(ours: Authority, tmp_path: Path) -> None:
    pair = ours.issue("server-1")
    locked = lock(pair, tmp_path / "locked.key")

    with pytest.raises(TlsError, match="unencrypted"):
        ServerTls(TlsFiles(pair.certificate, locked), lambda _: None).credentials()


def test_a_file_that_is_only_touched_is_read_again(ours: Authority) -> None:
    """The stamp is of time, place and size; the content decides nothing."""
    told: list[bool] = []
    pair = ours.issue("server-1")
    tls = ServerTls(TlsFiles(pair.certificate, pair.key), told.append)
    tls.credentials()
    assert tls.fetch() is None
    stat = pair.certificate.stat()

    os.utime(pair.certificate, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))

    assert tls.fetch() is not None
    assert tls.fetch() is None
    assert told == [True]
