"""The site's door and its rules, over a real socket; what the pages show is tests/browser's."""

import asyncio
import re
from collections.abc import AsyncIterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

import ocs.dashboard
from ocs.dashboard.hub import Hub, News
from ocs.dashboard.server import AddressError, Dashboard
from ocs.dashboard.site import BODY_BYTES_MAX, LOOPBACK_HOSTS, PAGES, hosts_of

STATIC = Path(ocs.dashboard.__file__).parent / "static"
JSON = {"content-type": "application/json"}


class Echo:
    """Answers with what it was asked."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    async def ask(self, method: str, body: bytes, tenant: str) -> tuple[int, bytes]:
        return 200, b'{"method":"%s","body":%s,"tenant":"%s"}' % (
            method.encode(),
            body,
            tenant.encode(),
        )


def admit(token: str) -> Echo | None:
    return {"": None, "good": Echo("main")}.get(token)


async def report(tenant: str) -> News:
    return News("snapshot", f'{{"tenant":"{tenant}"}}')


@pytest.fixture
async def open_site() -> AsyncIterator[Dashboard]:
    """Without a token, as on loopback."""
    site = Dashboard(
        Hub(report), lambda _: Echo(""), host="127.0.0.1", port=0, hosts=LOOPBACK_HOSTS
    )
    site.start()
    yield site
    await site.stop()


@pytest.fixture
async def closed_site() -> AsyncIterator[Dashboard]:
    """With a token."""
    site = Dashboard(Hub(report), admit, host="127.0.0.1", port=0)
    site.start()
    yield site
    await site.stop()


async def sent(
    site: Dashboard,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[HTTPResponse, bytes]:
    """Make a call from a thread; an event stream is read up to its first event."""

    def call() -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(site.address, timeout=10)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            read = response.readline() + response.readline()
        else:
            read = response.read()
        connection.close()
        return response, read

    return await asyncio.to_thread(call)


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_served_and_lets_nothing_in_from_elsewhere(
    open_site: Dashboard, path: str
) -> None:
    response, body = await sent(open_site, "GET", path)
    assert response.status == 200
    assert b'<main id="main"' in body
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.*"), key=str), ids=lambda path: path.name)
def test_no_file_of_the_site_asks_for_anything_elsewhere(path: Path) -> None:
    asked = re.findall(
        r"""(?:src|href|url|import|fetch)\W{1,3}(?:https?:)?//[^\s"')]+""", path.read_text("utf-8")
    )
    assert not asked


async def test_files_are_fresh_after_a_new_version(open_site: Dashboard) -> None:
    response, _ = await sent(open_site, "GET", "/static/main.js")
    assert response.status == 200
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-type"].startswith("text/javascript")
    again, _ = await sent(
        open_site, "GET", "/static/main.js", headers={"if-none-match": response.headers["etag"]}
    )
    assert again.status == 304


async def test_a_name_that_was_made_to_point_here_gets_nothing(open_site: Dashboard) -> None:
    response, _ = await sent(open_site, "GET", "/", headers={"host": "evil.example"})
    assert response.status == 400


async def test_the_api_takes_json_of_a_bounded_size_only(open_site: Dashboard) -> None:
    response, body = await sent(open_site, "POST", "/api/GetRevenue?tenant=alpine", b"{}", JSON)
    assert response.status == 200
    assert body == b'{"method":"GetRevenue","body":{},"tenant":"alpine"}'
    assert response.headers["cache-control"] == "no-store"
    response, _ = await sent(open_site, "POST", "/api/GetRevenue", b"{}")
    assert response.status == 415
    response, _ = await sent(open_site, "POST", "/api/X", b"1" * (BODY_BYTES_MAX + 1), JSON)
    assert response.status == 413
    response, _ = await sent(open_site, "GET", "/api/GetRevenue")
    assert response.status == 405


async def test_the_stream_begins_with_a_snapshot(open_site: Dashboard) -> None:
    response, body = await sent(open_site, "GET", "/live?tenant=alpine")
    assert response.status == 200
    assert body == b'event: snapshot\r\ndata: {"tenant":"alpine"}\r\n'


async def test_without_a_token_the_door_is_closed(closed_site: Dashboard) -> None:
    response, _ = await sent(closed_site, "GET", "/limits")
    assert (response.status, response.headers["location"]) == (303, "/login?next=/limits")
    for method, path in (("POST", "/api/GetRevenue"), ("GET", "/live")):
        response, _ = await sent(closed_site, method, path, b"{}", JSON)
        assert response.status == 401
    response, _ = await sent(closed_site, "POST", "/login", b"token=bad")
    assert response.status == 401
    assert "set-cookie" not in response.headers


async def test_a_token_opens_its_own_tenant_and_stays_out_of_scripts(
    closed_site: Dashboard,
) -> None:
    response, _ = await sent(closed_site, "POST", "/login", b"token=good&next=/limits")
    assert (response.status, response.headers["location"]) == (303, "/limits")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    shown = {"cookie": cookie.partition(";")[0]}
    assert (await sent(closed_site, "GET", "/", headers=shown))[0].status == 200
    # Another tenant's is not to be had by asking for it.
    _, body = await sent(closed_site, "GET", "/live?tenant=alpine", headers=shown)
    assert b'"tenant":"main"' in body


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example/", "/elsewhere", ""])
async def test_a_sign_in_leads_to_a_page_of_the_site(closed_site: Dashboard, wanted: str) -> None:
    response, _ = await sent(closed_site, "POST", "/login", f"token=good&next={wanted}".encode())
    assert response.headers["location"] == "/"


async def test_a_port_that_is_taken_is_said(open_site: Dashboard) -> None:
    port = int(open_site.address.rpartition(":")[2])
    with pytest.raises(AddressError, match="in use"):
        Dashboard(Hub(report), admit, host="127.0.0.1", port=port)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.3.2.1", "::1"])
async def test_a_site_answers_under_the_address_it_listens_at(host: str) -> None:
    site = Dashboard(Hub(report), lambda _: Echo(""), host=host, port=0, hosts=hosts_of(host))
    site.start()
    try:
        assert (await sent(site, "GET", "/"))[0].status == 200
        other = {"host": "evil.example"}
        assert (await sent(site, "GET", "/", headers=other))[0].status == 400
        assert (await sent(site, "GET", "/", headers={"host": "127.9.9.9"}))[0].status == 400
    finally:
        await site.stop()
