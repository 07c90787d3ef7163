"""`ocs archiver`: the archiver, a process that a service starts beside itself.

Wires like ocs.app, with no server. It ends with the service, and tells it what it did by a pipe.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import Final

import uvloop

from ocs.archive.files import ArchiveFiles
from ocs.clocks import now_ms, steady_ms
from ocs.companion import end_with_parent
from ocs.jobs.archive import ArchiveJob, ArchivePace
from ocs.jobs.room import keep_measured
from ocs.output import say
from ocs.service.journal_room import JournalRoom
from ocs.settings import Settings, SettingsError, load_settings
from ocs.store.archiving import ValkeyArchiving
from ocs.store.connect import StoreUnfitError, make_pool
from ocs.store.journal import ValkeyJournal
from ocs.store.journal_memory import ValkeyJournalMemory
from ocs.store.ledger import ValkeyLedger
from ocs.telemetry.logging import configure_logging
from ocs.telemetry.metrics import ArchiveCounts

_TELL_PAUSE_S: Final = 1.0


def run_archiver(*, tell: int | None) -> int:
    """Archive until standard input ends, or a signal; return the exit status.

    tell: the descriptor that takes what was done, a line now and then; None: nobody asks.
    """
    try:
        settings = load_settings()
        stream = sys.stdout if settings.log_stream == "stdout" else sys.stderr
        configure_logging(level=settings.log_level, stream=stream.buffer)
        uvloop.run(_archive(settings, _store_url(settings), tell))
    except (SettingsError, StoreUnfitError) as error:
        say(f"ocs archiver: {error}")
        return 1
    return 0


def _store_url(settings: Settings) -> str:
    """The store of whoever started this. Raises SettingsError."""
    if settings.store_url is None:
        raise SettingsError("OCS_STORE_URL: must name the store whose journal is archived")
    return settings.store_url.get_secret_value()


async def _archive(settings: Settings, store_url: str, tell: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # That of a terminal is the service's, which then ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(stop)
    ledger = ValkeyLedger(make_pool(store_url, 1), connections=1, now_ms=now_ms)
    (pipeline,) = ledger.pipelines
    room, counts = JournalRoom(), ArchiveCounts()
    job = ArchiveJob(
        ValkeyJournal(pipeline),
        ValkeyArchiving(ledger, pipeline, now_ms),
        ArchiveFiles(settings.archive_path),
        pace=ArchivePace(settings.archive_interval_s, settings.archive_segment_bytes),
        room=room,
        counts=counts,
        steady_ms=steady_ms,
    )
    memory = ValkeyJournalMemory(pipeline)
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(job.run()),
        asyncio.create_task(keep_measured(memory, room, settings.journal_memory_max)),
    ]
    if tell is not None:
        tasks.append(asyncio.create_task(_tell(tell, counts)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ledger.close()


async def _tell(descriptor: int, counts: ArchiveCounts) -> None:
    """Tell what was done whenever that is more, until cancelled."""
    os.set_blocking(descriptor, False)
    told = b""
    while True:
        line = counts.line()
        if line != told:
            # Nobody reads at the moment, or any more: all of it is in the next line.
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(descriptor, line)
                told = line
        await asyncio.sleep(_TELL_PAUSE_S)
