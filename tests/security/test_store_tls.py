"""TLS to the store. The packaged server is built without it, so a TLS end stands before it."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ocs import app
from ocs.settings import load_settings
from ocs.store.connect import StoreUnfitError
from ocs.store.embedded import EmbeddedValkey
from ocs.upkeep import audit_store
from tests.security.pki import Authority
from tests.security.support import Guarded, caller, first_lines
from tests.support.live import connect
from tests.support.stages import now_ms

_CHUNK = 65_536


@asynccontextmanager
async def tls_end(store: EmbeddedValkey, server: ssl.SSLContext) -> AsyncIterator[str]:
    """Listen with TLS, pass everything on; gives `host:port`."""

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                writer.write(chunk)
        except (ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(store.socket_path)
        await asyncio.gather(passed(reader, far_writer), passed(far_reader, writer))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=server)
    try:
        host, port = listening.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        listening.close()


def server_context(ours: Authority, client_ca: Authority | None = None) -> ssl.SSLContext:
    pair = ours.issue("store")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca.pair.certificate)
    return context


async def grants(store: EmbeddedValkey, url: str) -> bool:
    """Whether a service on this URL charges, and its books are right."""
    settings = load_settings(
        listen="127.0.0.1:0",
        drain_probe_s=0.0,
        store_url=url,
        durability=store.durability,
        archive_dir=store.data_dir / "archive",
    )
    assert settings.store_url is not None
    async with app.running(settings, settings.store_url.get_secret_value()) as service:
        with connect(store) as owner:
            server = Guarded(service, owner, io.BytesIO())
            async with caller(server) as client:
                live = server.live()
                name = f"tls-{now_ms()}"
                await client.call(live.create(name))
                await client.call(live.top_up(name, micros=5_000_000, payment_reference=name))
                answer = await client.call(live.reserve(name))
    report = await audit_store(url, settings.archive_path)
    return answer.grant.granted_units == 1 and report.difference_count == 0


async def test_a_store_behind_tls(store: EmbeddedValkey, ours: Authority) -> None:
    async with tls_end(store, server_context(ours)) as address:
        url = f"rediss://{address}?ssl_ca_certs={ours.pair.certificate}"
        assert await grants(store, url)


async def test_a_store_that_asks_for_our_certificate(
    store: EmbeddedValkey, ours: Authority
) -> None:
    own = ours.issue("service")
    async with tls_end(store, server_context(ours, ours)) as address:
        url = f"rediss://{address}?ssl_ca_certs={ours.pair.certificate}"
        with pytest.raises(StoreUnfitError, match="does not answer"):
            await grants(store, url)
        pair = f"&ssl_certfile={own.certificate}&ssl_keyfile={own.key}"
        assert await grants(store, url + pair)


async def test_a_store_that_nobody_vouches_for_is_not_used(
    store: EmbeddedValkey, ours: Authority, theirs: Authority
) -> None:
    async with tls_end(store, server_context(ours)) as address:
        for url in (
            f"rediss://{address}?ssl_ca_certs={theirs.pair.certificate}",
            f"rediss://{address}",
            f"redis://{address}",
        ):
            with pytest.raises(StoreUnfitError, match="does not answer"):
                await grants(store, url)


@pytest.mark.xdist_group("services")
async def test_a_process_of_its_own_does_the_same(store: EmbeddedValkey, ours: Authority) -> None:
    """On uvloop, whose transports are others."""
    async with tls_end(store, server_context(ours)) as address:
        url = f"rediss://{address}?ssl_ca_certs={ours.pair.certificate}"
        said = await asyncio.to_thread(
            first_lines, "serve", until='"ready":true', listen="127.0.0.1:0", store_url=url,
            drain_probe_s=0, durability=store.durability,
        )  # fmt: skip

    assert "your store" in said
