"""The servers that are measured, each a process of its own."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

_LISTENING: Final = re.compile(rb"(?:listening on|figures at) (\S+:\d+)")
_STOP_WAIT_S: Final = 30.0


class ServerFailedError(Exception):
    """A server ended before it listened; the text is the last it said."""


class Server:
    """A started server process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_address(self, stream: IO[bytes]) -> str:
        """Read what it says until it names its address. Raises ServerFailedError."""
        said: list[bytes] = []
        for line in stream:
            said.append(line)
            found = _LISTENING.search(line)
            if found is not None:
                # A pipe that nobody reads would block the server once it is full.
                threading.Thread(target=_drain, args=(stream,), daemon=True).start()
                return found.group(1).decode().rstrip(",")
        raise ServerFailedError(b"".join(said[-5:]).decode(errors="replace"))


def _drain(stream: IO[bytes]) -> None:
    with stream:
        while stream.read(65_536):
            continue


@contextmanager
def _process(*arguments: str, **streams: object) -> Iterator["subprocess.Popen[bytes]"]:
    make: Any = subprocess.Popen
    process: subprocess.Popen[bytes] = make(
        [sys.executable, "-m", *arguments],
        **streams,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def service(
    store_url: str, log_path: Path, settings: Mapping[str, str]
) -> Iterator[tuple[Server, str]]:
    """Run `ocs serve` with its log in a file; yields the process and its address."""
    archive = {"OCS_ARCHIVE_DIR": str(log_path.parent / "archive")}
    environment = _environment({"OCS_STORE_URL": store_url, **archive, **settings})
    with (
        log_path.open("wb") as log,
        _process("ocs", "serve", env=environment, stdout=log, stderr=subprocess.PIPE) as process,
    ):
        assert process.stderr is not None
        server = Server(process)
        yield server, server.wait_address(process.stderr)


@contextmanager
def figures(
    store_url: str, log_path: Path, settings: Mapping[str, str]
) -> Iterator[tuple[Server, str]]:
    """Run `ocs insights` on the store of a `service` beside it; as that."""
    environment = _environment(
        {
            "OCS_STORE_URL": store_url,
            "OCS_ARCHIVE_DIR": str(log_path.parent / "archive"),
            "OCS_INSIGHTS_PATH": str(log_path.with_suffix(".duckdb")),
            "OCS_INSIGHTS_LISTEN": "127.0.0.1:0",
            "OCS_DASHBOARD_LISTEN": "127.0.0.1:0",
            **settings,
        }
    )
    with (
        log_path.open("wb") as log,
        _process("ocs", "insights", env=environment, stdout=log, stderr=subprocess.PIPE) as process,
    ):
        assert process.stderr is not None
        server = Server(process)
        yield server, server.wait_address(process.stderr)


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """That of this process without the service settings that it happens to have."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("OCS_")},
        "OCS_LISTEN": "127.0.0.1:0",
        "OCS_LOG_STREAM": "stdout",
        "OCS_DRAIN_PROBE_S": "0",
        **settings,
    }


@contextmanager
def service_with_store(
    data_dir: Path, log_path: Path, settings: Mapping[str, str]
) -> Iterator[tuple[Server, str]]:
    """Run the service with an embedded store in a directory; yields the process and its address.

    It ends with this process, however that ends, and no Ctrl-C at the terminal reaches it: the
    books are audited after one.
    """
    with (
        log_path.open("wb") as log,
        _process(
            "loadtest.up",
            str(data_dir),
            env=_environment(settings),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process,
    ):
        assert process.stderr is not None
        server = Server(process)
        yield server, server.wait_address(process.stderr)


@contextmanager
def echo() -> Iterator["Echo"]:
    """Start the echo server's process; it listens once it is told its replies."""
    with _process("loadtest.echo", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Echo(process)


class Echo(Server):
    """The bare server. Its process must exist before this one touches gRPC."""

    def prepare(self, replies: Mapping[str, bytes]) -> str:
        """Give it a reply per method; returns its address."""
        standard_input, output = self._process.stdin, self._process.stdout
        assert standard_input is not None
        assert output is not None
        text = json.dumps({name: reply.hex() for name, reply in replies.items()})
        standard_input.write(text.encode() + b"\n")
        standard_input.flush()
        return self.wait_address(output)
