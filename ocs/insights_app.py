"""`ocs insights`: the projector and the service that tells its figures, in a process of their own.

Wires like ocs.app. It reads the store and writes nothing there, so charging goes on without it.
"""

import asyncio
import signal
import sys
import zoneinfo
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog
import uvloop

from ocs.app import (
    START_ERRORS,
    credential_file,
    metric_exports,
    now_ms,
    rpc_options,
    say,
    spared_collections,
    start,
    steady_ms,
    who_may_call,
)
from ocs.archive.reader import SegmentArchive
from ocs.book.document import read_tariff
from ocs.companion import end_with_parent
from ocs.dashboard.server import AddressError
from ocs.dashboard_app import make_dashboard
from ocs.insights.answers import DuckDbInsights
from ocs.insights.projector import Projector
from ocs.insights.tables import FormatError, Tables
from ocs.rpc.context_columns import context_columns
from ocs.rpc.insights import InsightsServicer
from ocs.rpc.server import RpcServer, check_exposure
from ocs.service.insights import InsightsUse
from ocs.service.watch_now import NowWatch
from ocs.service.whole_journal import WholeJournal
from ocs.settings import Settings, SettingsError, load_settings
from ocs.store.connect import make_pool, wait_loaded
from ocs.store.embedded import EmbeddedStoreError, EmbeddedValkey
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline, counts_of
from ocs.store.tariffs import ValkeyTariffs
from ocs.telemetry.logging import configure_logging
from ocs.telemetry.metrics import InsightsCounts, Metrics

# Not ready without a look at the journal for so long, or while the figures are so old.
_STEP_AGE_MAX_MS: Final = 5_000
_LAG_MAX_MS: Final = 60_000
_READY_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class RunningInsights:
    """Figures that are served."""

    address: str
    dashboard_url: str
    server: RpcServer
    projector: Projector
    insights: DuckDbInsights
    # Ends by an error alone.
    following: asyncio.Task[None]


@asynccontextmanager
async def running_insights(
    settings: Settings, store_url: str, lost_lines: Callable[[], int] = lambda: 0
) -> AsyncIterator[RunningInsights]:
    """Follow the journal and serve on an event loop until the block ends; then drain.

    lost_lines: how many lines the log lost, for the metrics. Raises FormatError, ListenError,
    StoreUnfitError; in the block whatever ends the projector.
    """
    zoneinfo.reset_tzpath(())
    tables = await asyncio.to_thread(Tables.open, settings.insights_file)
    metrics = Metrics()
    credentials = credential_file(settings, metrics)
    exports = metric_exports(settings, metrics)
    # What is read of the tariffs goes by the ledger; the journal has a connection of its own.
    ledger = ValkeyLedger(make_pool(store_url, 4), connections=4, now_ms=now_ms)
    follower = make_pool(store_url, 1)
    pipeline = Pipeline(follower)
    projector = _projector(settings, tables, pipeline, ledger)
    metrics.watch_insights(partial(_counts, projector))
    metrics.watch_store(lambda: counts_of([*ledger.pipelines, pipeline]))
    metrics.watch_lost_lines(lost_lines)
    insights = DuckDbInsights(tables, projector)
    watch = NowWatch(insights)
    host, port = settings.insights_address
    options = replace(rpc_options(settings, metrics, credentials), host=host, port=port)
    use = InsightsUse(
        insights, settings.reporting_time_zone, every_tenant=settings.credentials_path is None
    )
    server = RpcServer(options, [InsightsServicer(use, watch).service()], metrics)
    dashboard = make_dashboard(settings, insights, ledger, credentials, metrics)
    tasks: list[asyncio.Task[None]] = []
    try:
        await wait_loaded(pipeline, say)
        await server.start()
        dashboard.start()
        following = asyncio.create_task(projector.run())
        tasks = [
            following,
            asyncio.create_task(watch.run()),
            asyncio.create_task(_watch_readiness(server, projector)),
        ]
        if credentials is not None:
            tasks.append(asyncio.create_task(credentials.watch()))
        yield RunningInsights(server.address, dashboard.url, server, projector, insights, following)
    finally:
        await dashboard.stop()
        await server.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for part in (projector, insights, tables):
            part.close()
        await pipeline.close()
        await follower.disconnect()
        await ledger.close()
        for export in exports:
            await asyncio.to_thread(export.stop)


def _projector(
    settings: Settings, tables: Tables, pipeline: Pipeline, ledger: ValkeyLedger
) -> Projector:
    return Projector(
        tables,
        WholeJournal(ValkeyJournal(pipeline), SegmentArchive(settings.archive_path)),
        ValkeyTariffs(ledger),
        read_contexts=context_columns,
        read_tariff=read_tariff,
        steady_ms=steady_ms,
    )


def _counts(projector: Projector) -> InsightsCounts:
    return InsightsCounts(
        projector.event_count,
        projector.as_of.lag_ms / 1000,
        projector.unreadable_count,
        projector.rewritten_count,
    )


async def _watch_readiness(server: RpcServer, projector: Projector) -> None:
    """Ready while the journal is read, and the figures are not old."""
    log = structlog.get_logger()
    was = False
    while True:
        looked = steady_ms() - projector.step_ms < _STEP_AGE_MAX_MS
        ready = looked and projector.as_of.lag_ms < _LAG_MAX_MS
        server.set_ready(ready=ready)
        if ready is not was:
            log.info("readiness", ready=ready, lag_ms=projector.as_of.lag_ms)
            was = ready
        await asyncio.sleep(_READY_PAUSE_S)


def run_insights(
    *,
    data_dir: Path | None = None,
    listen: str | None = None,
    store_url: str | None = None,
    tied: bool = False,
    on_serving: Callable[[RunningInsights], None] | None = None,
) -> int:
    """Run the figures until a signal; return the exit status.

    data_dir: of the service whose embedded store is followed. tied: end, too, when standard input
    does: with whoever started this.
    """
    try:
        settings = load_settings(data_dir=data_dir, insights_listen=listen, store_url=store_url)
    except SettingsError as error:
        say(f"ocs insights: {error}")
        return 1
    if tied:
        # These are the addresses of the service that started it, whose settings it shares.
        settings = settings.model_copy(update={"metrics_listen": None, "probe_listen": None})
    try:
        url = _store_url(settings)
        stream = sys.stdout if settings.log_stream == "stdout" else sys.stderr
        sink = configure_logging(level=settings.log_level, stream=stream.buffer)
        credentials = credential_file(settings, Metrics())
        options = replace(
            rpc_options(settings, Metrics(), credentials), host=settings.insights_address[0]
        )
        check_exposure(options)
        serve = partial(_serve, settings, url, lost_lines=lambda: sink.lost_count)
        uvloop.run(serve(tied=tied, on_serving=on_serving))
    except FormatError as error:
        say(f"ocs insights: {settings.insights_file}: {error}")
        return 1
    except (*START_ERRORS, AddressError) as error:
        say(f"ocs insights: {error}")
        return 1
    return 0


def _store_url(settings: Settings) -> str:
    """The store of the settings, or the one that runs in their directory. Raises SettingsError."""
    if settings.store_url is not None:
        return settings.store_url.get_secret_value()
    directory = settings.data_dir / "store"
    try:
        found = EmbeddedValkey.url_of_running(directory)
    except (EmbeddedStoreError, OSError):
        found = None
    if found is None:
        raise SettingsError(f"no store runs in {settings.data_dir}: start the service first")
    return found


async def _serve(
    settings: Settings,
    store_url: str,
    *,
    lost_lines: Callable[[], int],
    tied: bool,
    on_serving: Callable[[RunningInsights], None] | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if tied:
        end_with_parent(stop)
    async with AsyncExitStack() as stack:
        service = await start(stack, running_insights(settings, store_url, lost_lines), stop)
        if service is None:
            return
        stack.enter_context(spared_collections())
        say(f"ocs insights: figures at {service.address}, kept in {settings.insights_file}")
        say(f"ocs insights: dashboard at {service.dashboard_url}")
        say(f"ocs insights: {who_may_call(settings)}")
        if on_serving is not None:
            on_serving(service)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, service.following], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if service.following.done():
            service.following.result()
        say("ocs insights: stopping")
