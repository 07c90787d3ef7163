"""A process beside this one: started again when it dies, ended with this one, never waited for."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import IO, Final, Protocol

import structlog

# Between two starts: doubled while it dies soon, so that a fault does not eat a processor.
_PAUSE_MIN_S: Final = 0.5
_PAUSE_MAX_S: Final = 30.0
_WELL_AFTER_S: Final = 10.0
_STOP_S: Final = 20.0
_READ_BYTES: Final = 1024


class Listener(Protocol):
    """Hears what a companion tells, on the event loop."""

    def hear(self, line: bytes) -> None:
        """It told a line."""

    def ended(self) -> None:
        """It is gone; the next one begins anew."""


@asynccontextmanager
async def companion(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    listener: Listener | None = None,
    *,
    after_s: float = 0.0,
) -> AsyncIterator[None]:
    """Keep `python -m ocs ARGUMENTS` running beside the block.

    It reads standard input, whose end tells it that this process is gone. listener: hears the lines
    that it writes to a descriptor of its own, which it gets as `--tell`. after_s: how long the
    first one waits.
    """
    task = asyncio.create_task(_keep_running(arguments, environment, listener, after_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _keep_running(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    listener: Listener | None,
    after_s: float,
) -> None:
    log = structlog.get_logger()
    loop = asyncio.get_running_loop()
    pause_s = _PAUSE_MIN_S
    await asyncio.sleep(after_s)
    while True:
        started = loop.time()
        process, lines = _start(arguments, environment, tells=listener is not None)
        ended: asyncio.Future[int] = loop.create_future()
        # Not one of the loop's threads, of which there are few: it waits as long as they live.
        attending = (process, lines, listener, ended)
        threading.Thread(target=_attend, args=attending, daemon=True).start()
        try:
            await asyncio.wait([ended])
        except asyncio.CancelledError:
            process.terminate()
            if not (await asyncio.wait([ended], timeout=_STOP_S))[0]:
                process.kill()
                await asyncio.wait([ended])
            raise
        if loop.time() - started > _WELL_AFTER_S:
            pause_s = _PAUSE_MIN_S
        log.warning("companion ended", command=arguments[0], status=ended.result(), pause_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_MAX_S)


def _start(
    arguments: Sequence[str], environment: Mapping[str, str], *, tells: bool
) -> tuple[subprocess.Popen[bytes], IO[bytes] | None]:
    """Start one; return it, and what it tells."""
    command = [sys.executable, "-m", "ocs", *arguments]
    read_end, write_end = os.pipe() if tells else (None, None)
    if write_end is not None:
        command += ["--tell", str(write_end)]
    # Not by the event loop: uvloop forks, which gRPC's threads do not like; this one does not.
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        env={**os.environ, **environment},
        pass_fds=() if write_end is None else (write_end,),
    )
    if read_end is None or write_end is None:
        return process, None
    os.close(write_end)
    return process, os.fdopen(read_end, "rb")


def _attend(
    process: subprocess.Popen[bytes],
    lines: IO[bytes] | None,
    listener: Listener | None,
    ended: "asyncio.Future[int]",
) -> None:
    """Listen to it until it ends, in a thread."""
    loop = ended.get_loop()
    if lines is not None and listener is not None:
        with lines:
            for line in lines:
                loop.call_soon_threadsafe(listener.hear, line)
        loop.call_soon_threadsafe(listener.ended)
    status = process.wait()
    if process.stdin is not None:
        process.stdin.close()
    loop.call_soon_threadsafe(ended.set_result, status)


def end_with_parent(stop: asyncio.Event) -> None:
    """Set an event when standard input ends, as it does when who started this process is gone."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        # Not sys.stdin: a thread that waits inside its buffer holds a lock which the end of the
        # interpreter needs.
        while os.read(sys.stdin.fileno(), _READ_BYTES):
            continue
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, daemon=True).start()
