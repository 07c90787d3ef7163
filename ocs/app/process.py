"""The process around a service: the embedded store, signals, exit status."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog
import uvloop

from ocs.app.parts import credential_file, rpc_options
from ocs.app.serving import Running, running
from ocs.companion import companion
from ocs.output import say
from ocs.rpc.credentials import CredentialsError
from ocs.rpc.server import ListenError, check_exposure
from ocs.settings import Settings, SettingsError, load_settings
from ocs.store.connect import StoreUnfitError
from ocs.store.embedded import EmbeddedOptions, EmbeddedStoreError, EmbeddedValkey
from ocs.telemetry.export import ExportError
from ocs.telemetry.logging import configure_logging
from ocs.telemetry.metrics import Metrics

# Objects that may be new before the collector looks among them for cycles; some 10 MB at most.
_GARBAGE_MIN = 50_000
_STORE_LOOK_S = 0.5
_STORE_RETRY_S = 1.0
RunningT = TypeVar("RunningT")


class Figures(NamedTuple):
    """Where the process of the figures listens, host:port each."""

    insights_listen: str
    dashboard_listen: str

    def environment(self, settings: Settings, store_url: str) -> dict[str, str]:
        """What that process is told."""
        told = {
            "OCS_STORE_URL": store_url,
            "OCS_DATA_DIR": str(settings.data_dir),
            "OCS_INSIGHTS_LISTEN": self.insights_listen,
            "OCS_DASHBOARD_LISTEN": self.dashboard_listen,
        }
        if settings.credentials_path is not None:
            told["OCS_CREDENTIALS_PATH"] = str(settings.credentials_path)
        return told


START_ERRORS = (
    CredentialsError,
    EmbeddedStoreError,
    ExportError,
    ListenError,
    SettingsError,
    StoreUnfitError,
)


def run_up(
    *,
    data_dir: Path,
    listen: str,
    durability: str,
    tariff: Path | None = None,
    credentials: Path | None = None,
    figures: Figures | None = None,
    on_serving: Callable[[Running], None] | None = None,
) -> int:
    """Run service and embedded store in a directory until a signal; return the exit status.

    tariff, credentials: their files, None = as the settings say. figures: where a process beside
    this one tells them; None: there is none. on_serving is called once the service listens, e.g. to
    learn the port that was free.
    """
    try:
        settings = load_settings(
            data_dir=data_dir,
            listen=listen,
            durability=durability,
            tariff_path=tariff,
            credentials_path=credentials,
        )
        return _run(settings, on_serving, figures)
    except START_ERRORS as error:
        say(f"ocs: {error}")
        return 1


def run_serve(*, settings: Settings | None = None) -> int:
    """Run the service as its settings say until a signal; return the exit status."""
    try:
        return _run(settings or load_settings())
    except START_ERRORS as error:
        say(f"ocs: {error}")
        return 1


def _run(
    settings: Settings,
    on_serving: Callable[[Running], None] | None = None,
    figures: Figures | None = None,
) -> int:
    stream = sys.stdout if settings.log_stream == "stdout" else sys.stderr
    sink = configure_logging(level=settings.log_level, stream=stream.buffer)
    serve = partial(_serve, settings, lost_lines=lambda: sink.lost_count)
    # Before a store with a large log is started for nothing; `running` makes its own.
    check_exposure(rpc_options(settings, Metrics(), credential_file(settings, Metrics())))
    if settings.store_url is not None:
        uvloop.run(serve(settings.store_url.get_secret_value(), "your store"))
        return 0
    options = EmbeddedOptions(settings.data_dir / "store", settings.durability)
    with EmbeddedValkey.start(options, say) as store:
        where = f"embedded store in {settings.data_dir}"
        uvloop.run(serve(store.url, where, store, on_serving, figures=figures))
    return 0


def who_may_call(settings: Settings) -> str:
    """What the operator has to know about the door, in one line."""
    if settings.credentials_path is None:
        return "no credentials (OCS_CREDENTIALS_PATH): whoever is on this machine may do everything"
    wire = "clear text" if settings.tls_certificate_path is None else "TLS"
    certificates = ", client certificates required" if settings.tls_client_ca_path else ""
    return f"calls need a credential; {wire}{certificates}"


async def _serve(
    settings: Settings,
    store_url: str,
    where: str,
    embedded: EmbeddedValkey | None = None,
    on_serving: Callable[[Running], None] | None = None,
    *,
    figures: Figures | None = None,
    lost_lines: Callable[[], int],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        service = await start(stack, running(settings, store_url, lost_lines), stop)
        if service is None:
            return
        stack.enter_context(spared_collections())
        say(f"ocs: listening on {service.address}, {where}, durability {service.durability}")
        say(f"ocs: {who_may_call(settings)}")
        if on_serving is not None:
            on_serving(service)
        await stack.enter_async_context(service.archiving.archiver(store_url))
        if figures is not None:
            await stack.enter_async_context(
                companion(["insights", "--tied"], figures.environment(settings, store_url))
            )
        ends: list[asyncio.Task[object]] = [asyncio.create_task(stop.wait())]
        if embedded is not None:
            ends.append(asyncio.create_task(_keep_alive(embedded)))
        done, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        for task in done:
            task.result()
        say("ocs: stopping")


async def start(
    stack: AsyncExitStack, service: AbstractAsyncContextManager[RunningT], stop: asyncio.Event
) -> RunningT | None:
    """Enter the service; None if it is to stop before, e.g. while a store takes minutes to load."""
    starting = asyncio.create_task(stack.enter_async_context(service))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait([starting])
        say("ocs: stopped before it served")
        return None
    return starting.result()


@contextmanager
def spared_collections() -> Iterator[None]:
    """Let the garbage collector pass over what was made before the block, and come seldom.

    Calls leave next to no cycles, but 64 in flight would set it off several times over
    (decision 0011: 26 us of a Reserve).
    """
    gc.collect()
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(_GARBAGE_MIN)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        # What was passed over goes at the end, too; else DuckDB's binding says that it leaks.
        gc.unfreeze()


async def _keep_alive(store: EmbeddedValkey) -> object:
    """Start the embedded store again whenever it dies; returns never. Raises EmbeddedStoreError.

    Only `always` loses nothing by that. With less, this process might remember caps and identities
    which the store no longer knows, so it ends and a new one starts from what was kept.
    """
    log = structlog.get_logger()
    while True:
        while not await asyncio.to_thread(store.wait_dead, _STORE_LOOK_S):
            continue
        if store.durability != "always":
            message = "the embedded store ended; start again to go on from what it kept"
            raise EmbeddedStoreError(message)
        log.error("embedded store ended", pid=store.pid)
        try:
            await asyncio.to_thread(store.restart, say)
        except EmbeddedStoreError:
            log.exception("embedded store does not start")
            await asyncio.sleep(_STORE_RETRY_S)
        else:
            log.warning("embedded store started again", pid=store.pid)
