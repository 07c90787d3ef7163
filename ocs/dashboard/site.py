"""The site: pages, the figures' API, the live stream; nothing on it comes from elsewhere."""

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocs.dashboard.hub import FullError, Hub

PAGES: Final = ("/", "/segments", "/limits", "/events", "/account")
LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
BODY_BYTES_MAX: Final = 64 * 1024
_COOKIE: Final = "ocs_token"
_PING_S: Final = 15
_SEND_TIMEOUT_S: Final = 10.0
_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Visitor(Protocol):
    """Who looks."""

    @property
    def tenant(self) -> str:
        """Whose figures it may see; empty: everybody's."""

    async def ask(self, method: str, body: bytes, tenant: str) -> tuple[int, bytes]:
        """Answer a message of a method: HTTP status and JSON. Its faults are answers, too.

        tenant: the one that the page shows, if the visitor sees several; empty: all of them.
        """


# Tells who shows a token (empty: none is shown); None: the door stays closed.
Admit = Callable[[str], Visitor | None]


class _Fixed:
    """Puts the same headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, sending)


def hosts_of(host: str) -> tuple[str, ...]:
    """Names under which a site at a loopback address may be called: its own among them."""
    own = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys((*LOOPBACK_HOSTS, own)))


class Site:
    """The routes. hosts: names under which it may be called, empty: any."""

    def __init__(self, hub: Hub, admit: Admit, hosts: Sequence[str]) -> None:
        self._hub = hub
        self._admit = admit
        self._static = Path(str(files("ocs.dashboard"))) / "static"
        middleware = [Middleware(_Fixed)]
        if hosts:
            # A page from elsewhere whose name was made to point here gets no figures.
            middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)))
        self.app = Starlette(
            routes=[
                *(Route(path, self._page) for path in PAGES),
                Route("/login", self._login, methods=["GET", "POST"]),
                Route("/live", self._live),
                Route("/api/{method}", self._call, methods=["POST"]),
                Route("/healthz", self._health),
                Mount("/static", _Files(directory=self._static)),
            ],
            middleware=middleware,
        )

    async def _page(self, request: Request) -> Response:
        if self._visitor(request) is None:
            return RedirectResponse(f"/login?next={request.url.path}", 303)
        return FileResponse(self._static / "index.html", headers={"cache-control": "no-cache"})

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            return FileResponse(self._static / "login.html", headers={"cache-control": "no-store"})
        body = await _body_of(request)
        fields = parse_qs((body or b"").decode("utf-8", "replace"))
        token = fields.get("token", [""])[0].strip()
        if self._admit(token) is None:
            return FileResponse(self._static / "login.html", 401)
        wanted = fields.get("next", ["/"])[0]
        answer = RedirectResponse(wanted if _is_here(wanted) else "/", 303)
        answer.set_cookie(
            _COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer

    async def _call(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return _fault(401, "the page needs a token")
        # A form of another site cannot send this type without being asked first.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _fault(415, "the body must be application/json")
        body = await _body_of(request)
        if body is None:
            return _fault(413, f"the body must have at most {BODY_BYTES_MAX} bytes")
        status, answer = await visitor.ask(
            request.path_params["method"], body, request.query_params.get("tenant", "")
        )
        return Response(
            answer,
            status,
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    async def _live(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return _fault(401, "the page needs a token")
        try:
            news = self._hub.watch(visitor.tenant or request.query_params.get("tenant", ""))
        except FullError:
            return _fault(503, "as many pages watch as may")
        return EventSourceResponse(
            ({"event": each.event, "data": each.data} async for each in news),
            ping=_PING_S,
            send_timeout=_SEND_TIMEOUT_S,
            headers={"cache-control": "no-store"},
        )

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "serving"})

    def _visitor(self, request: Request) -> Visitor | None:
        return self._admit(request.cookies.get(_COOKIE, ""))


class _Files(StaticFiles):
    """Files that a browser asks for again, so that a new version is not mixed with an old one."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        response.headers["cache-control"] = "no-cache"
        return response


async def _body_of(request: Request) -> bytes | None:
    """Read a body; None if it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return body


def _is_here(path: str) -> bool:
    """Whether a path leads to a page of this site, and nowhere else."""
    parts = urlsplit(path)
    return not parts.scheme and not parts.netloc and parts.path in PAGES


def _fault(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status, headers={"cache-control": "no-store"})
