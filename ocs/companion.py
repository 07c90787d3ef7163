"""A process beside this one: started again when it dies, ended with this one, never waited for."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

# Between two starts: doubled while it dies at once, so that a fault does not eat a processor.
_PAUSE_MIN_S: Final = 0.5
_PAUSE_MAX_S: Final = 30.0
_WELL_AFTER_S: Final = 60.0
_STOP_S: Final = 20.0


@asynccontextmanager
async def companion(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[None]:
    """Keep `python -m ocs ARGUMENTS` running beside the block.

    It reads standard input, whose end tells it that this process is gone.
    """
    task = asyncio.create_task(_keep_running(arguments, environment))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _keep_running(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    log = structlog.get_logger()
    loop = asyncio.get_running_loop()
    pause_s = _PAUSE_MIN_S
    while True:
        started = loop.time()
        # Not by the event loop: uvloop forks, which gRPC's threads do not like; this one does not.
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - as above; our own program
            [sys.executable, "-m", "ocs", *arguments],
            stdin=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        try:
            status = await asyncio.to_thread(process.wait)
        except asyncio.CancelledError:
            process.terminate()
            await asyncio.to_thread(_wait_end, process)
            raise
        if loop.time() - started > _WELL_AFTER_S:
            pause_s = _PAUSE_MIN_S
        log.warning("companion ended", command=arguments[0], status=status, pause_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_MAX_S)


def _wait_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
