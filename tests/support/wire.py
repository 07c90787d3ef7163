"""A wire that loses what comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass(slots=True)
class Proxy:
    """Passes requests on, and answers too unless it drops them. address: `host:port`."""

    target: str
    address: str = ""
    drops_replies: bool = False
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either end leaves."""
        host, _, port = self.target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._writers += [writer, far_writer]
        await asyncio.gather(
            self._pass(reader, far_writer, replies=False),
            self._pass(far_reader, writer, replies=True),
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, replies: bool
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                if not (replies and self.drops_replies):
                    writer.write(chunk)
        except ConnectionError:
            return
        finally:
            writer.close()

    def close(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def one_way_proxy(target: str) -> AsyncIterator[Proxy]:
    """Stand between a caller and a server."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    proxy.address = f"{host}:{port}"
    try:
        yield proxy
    finally:
        server.close()
        proxy.close()
        await server.wait_closed()
