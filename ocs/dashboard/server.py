"""Serves the site on an event loop that others share."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from ocs.dashboard.hub import Hub
from ocs.dashboard.site import Admit, Site

_CONNECTIONS_MAX: Final = 400
_STOP_S: Final = 2


class AddressError(Exception):
    """The address cannot be listened on; the text says why."""


class _Server(uvicorn.Server):
    """Leaves signals to the process, which has more than this to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Dashboard:
    """The site on a port. hosts: as Site's. certificate, key: of TLS. Raises AddressError."""

    def __init__(
        self,
        hub: Hub,
        admit: Admit,
        *,
        host: str,
        port: int,
        hosts: tuple[str, ...] = (),
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self._hub = hub
        site = Site(hub, admit, hosts)
        config = uvicorn.Config(
            site.app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            loop="none",
            limit_concurrency=_CONNECTIONS_MAX,
            timeout_graceful_shutdown=_STOP_S,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        self._server = _Server(config)
        self._scheme = "http" if certificate is None else "https"
        self._socket = _listen(host, port)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"{self._scheme}://{self.address}/"

    @property
    def address(self) -> str:
        """`host:port` as it is listened on."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Serve from now on."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._hub.run()),
            loop.create_task(self._server.serve([self._socket])),
        ]

    async def stop(self) -> None:
        """End the streams, answer what is under way, close."""
        if not self._tasks:
            self._socket.close()
            return
        self._hub.close()
        self._server.should_exit = True
        snapshots, serving = self._tasks
        snapshots.cancel()
        await asyncio.gather(snapshots, serving, return_exceptions=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # Now: who reads the address before the loop comes to serving it waits and is not refused.
        listening.listen()
    except OSError as error:
        listening.close()
        raise AddressError(
            f"the dashboard cannot listen at {host}:{port}: {error.strerror}"
        ) from None
    return listening
