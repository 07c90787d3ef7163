"""A whole service behind credentials and certificates, and callers of every kind."""

import asyncio
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from ocs import app
from ocs.rpc.credentials import entry_text, hash_of, new_token
from ocs.rpc.roles import Role
from ocs.settings import load_settings
from ocs.store.embedded import EmbeddedValkey
from ocs.telemetry.logging import configure_logging
from tests.rpc.support import Refusal, taken_apart
from tests.support.answers import answer_of
from tests.support.live import Live, connect
from tests.support.methods import METHODS, method_of
from tests.support.stages import now_ms

TIMEOUT_S: Final = 10.0
# Far longer than a process takes to start on a busy machine.
START_MAX_S: Final = 120.0
ALL_ROLES: Final = tuple(role.value for role in Role)


# What a service tells that nobody asked anything.
OF_ITSELF = {"rpc", "readiness", "journal is archived by this process", "archive merged"}


@dataclass(frozen=True, slots=True)
class Known:
    """A credential and its token."""

    actor: str
    tenant: str
    token: str = field(repr=False)
    entry: str = field(repr=False)


def credential(
    actor: str,
    *roles: str,
    tenant: str = "main",
    certificate: str = "",
    expires: datetime | None = None,
) -> Known:
    """Make a credential with these roles, all of them if none is given."""
    token = "" if certificate else new_token()
    entry = entry_text(
        actor=actor,
        tenant=tenant,
        roles=roles or ALL_ROLES,
        token_sha256=hash_of(token) if token else "",
        certificate=certificate,
        expires=expires,
    )
    return Known(actor, tenant, token, entry)


def write(path: Path, known: Sequence[Known]) -> None:
    """Put a credentials file in place, as a whole."""
    written = path.with_suffix(".new")
    written.write_text("\n".join(each.entry for each in known))
    written.rename(path)


PAST: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Guarded:
    """A service that asks who calls."""

    service: app.Running
    store: Any
    log: io.BytesIO = field(repr=False)

    @property
    def address(self) -> str:
        return self.service.address

    @property
    def port(self) -> int:
        return self.service.server.port

    def live(self) -> Live:
        """Makes requests; its channel is not for calling."""
        nothing: Any = None
        return Live(self.address, nothing, self.store, now_ms, self.log, lambda: 0)

    def reloads(self) -> dict[tuple[object, object], object]:
        """Changes of files so far, by file and whether they are used."""
        readings = self.service.server._host.metrics.readings()["ocs.edge.reloads"]
        return {(labels["file"], labels["used"]): count for count, labels in readings}

    def events(self) -> list[str]:
        """What the log tells, without the lines of calls."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line["event"] for line in lines if line["event"] not in OF_ITSELF]


@asynccontextmanager
async def guarded(store: EmbeddedValkey, **settings: Any) -> AsyncIterator[Guarded]:
    """Serve as in production on a free port."""
    given: dict[str, Any] = {"listen": "127.0.0.1:0", "drain_probe_s": 0.0}
    given["durability"] = store.durability
    given["archive_dir"] = store.data_dir / "archive"
    log = io.BytesIO()
    configure_logging(level="info", stream=log)
    async with app.running(load_settings(**given | settings), store.url) as service:
        with connect(store) as client:
            yield Guarded(service, client, log)


async def send(
    channel: grpc.aio.Channel,
    method: str,
    wire: bytes,
    metadata: Sequence[tuple[str, str]] = (),
) -> Any:
    """Send bytes to a method of the contract; return the answer. Raises AioRpcError."""
    descriptor = METHODS[method]
    path = f"/{descriptor.containing_service.full_name}/{method}"
    call: Any = channel.unary_unary(path)
    return await answer_of(call(wire, timeout=TIMEOUT_S, metadata=tuple(metadata)), descriptor)


# Refused by every method once it is looked at; an empty message is a good one for some.
NO_MESSAGE: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class Caller:
    """A channel, and what is shown of oneself on it."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...] = ()

    async def call(self, request: Message) -> Any:
        """Send a request; return the answer."""
        wire = request.SerializeToString()
        return await send(self.channel, method_of(request), wire, self.metadata)

    async def refused(self, request: Message | str) -> Refusal:
        """What a request is refused with; a method's name stands for bytes that are none."""
        method, wire = (
            (request, NO_MESSAGE)
            if isinstance(request, str)
            else (method_of(request), request.SerializeToString())
        )
        try:
            answer = await send(self.channel, method, wire, self.metadata)
        except grpc.aio.AioRpcError as error:
            return taken_apart(error)
        raise AssertionError(f"{method} answered {answer}")


def bearer(known: Known) -> tuple[tuple[str, str], ...]:
    """Show a token."""
    return (("authorization", f"Bearer {known.token}"),)


@asynccontextmanager
async def caller(
    server: Guarded,
    known: Known | None = None,
    *,
    root: bytes | None = None,
    certificate: tuple[bytes, bytes] | None = None,
) -> AsyncIterator[Caller]:
    """Call in clear text, or with TLS if a root is given, over a connection of one's own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    target = f"localhost:{server.port}"
    if root is None:
        channel = grpc.aio.insecure_channel(target, options=options)
    else:
        chain, key = certificate or (None, None)
        credentials = grpc.ssl_channel_credentials(root, key, chain)
        channel = grpc.aio.secure_channel(target, credentials, options=options)
    async with channel:
        yield Caller(channel, () if known is None else bearer(known))


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that happens by itself."""
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, what
        await asyncio.sleep(0.02)


def first_lines(*arguments: str, until: str, **settings: object) -> str:
    """What a process says at its start, up to a line; it is stopped then."""
    variables = {f"OCS_{name.upper()}": str(value) for name, value in settings.items()}
    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "ocs", *arguments],
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        # One that never says it is killed: this fails, and does not wait for ever.
        watchdog = threading.Timer(START_MAX_S, process.kill)
        watchdog.start()
        for line in process.stderr:
            said.append(line)
            if until in line:
                break
        process.terminate()
        said.extend(process.stderr)
        watchdog.cancel()
    assert process.returncode == 0, said
    return "".join(said)
