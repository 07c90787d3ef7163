"""A service on an event loop: store, scripts, checks, server, readiness, in this order.

Of a stop: readiness, drain, jobs, ledger, store.
"""

import asyncio
import zoneinfo
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ocs.app.parts import (
    archiving_of,
    bundles,
    credential_file,
    demands,
    load_text,
    metric_exports,
    rpc_options,
    services,
    vitals,
)
from ocs.archiving import Archiving
from ocs.book.document import read_tariff
from ocs.clocks import now_ms, steady_ms
from ocs.domain.answer import Reason
from ocs.domain.periods import check_time_zone
from ocs.jobs.book import BookKeeper, TariffExistsError
from ocs.jobs.expire import ExpireJob
from ocs.jobs.readiness import watch_readiness
from ocs.output import say
from ocs.ports import StoreUnavailableError
from ocs.rpc.server import RpcServer
from ocs.service.books import Books
from ocs.service.journal_room import JournalRoom
from ocs.settings import Settings
from ocs.store.connect import StoreUnfitError, check_store, make_pool, wait_loaded
from ocs.store.due_index import ValkeyDueIndex
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import counts_of
from ocs.store.tariffs import ValkeyTariffs
from ocs.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Running:
    """A service that serves."""

    address: str
    durability: str
    store_url: str
    server: RpcServer
    ledger: ValkeyLedger
    archiving: Archiving


@asynccontextmanager
async def running(
    settings: Settings, store_url: str, lost_lines: Callable[[], int] = lambda: 0
) -> AsyncIterator[Running]:
    """Serve on an event loop until the block ends; then drain.

    lost_lines: how many lines the log lost, for the metrics.
    """
    # Only the pinned wheel decides where a day ends, so that all nodes agree.
    zoneinfo.reset_tzpath(())
    check_time_zone("UTC")
    given = load_text(settings.tariff_path)
    pool = make_pool(store_url, settings.store_connections)
    ledger = ValkeyLedger(pool, connections=settings.store_connections, now_ms=now_ms)
    metrics = Metrics()
    metrics.watch_store(lambda: counts_of(ledger.pipelines))
    metrics.watch_lost_lines(lost_lines)
    credentials = credential_file(settings, metrics)
    outlets = metric_exports(settings, metrics)
    try:
        await wait_loaded(ledger.pipelines[0], say)
        durability = await check_store(ledger.pipelines[0], demands(settings))
        loaded = await ledger.load(ledger.pipelines[0])
        # A full one takes no library, but may have it, and settles what is held.
        if loaded not in {None, Reason.STORE_FULL}:
            message = f"the store does not take the scripts: {loaded}"
            raise StoreUnfitError(message)
        keeper = BookKeeper(ValkeyTariffs(ledger), read_tariff, now_ms, steady_ms)
        try:
            books = await keeper.open(*given)
        except (StoreUnavailableError, TariffExistsError) as error:
            raise StoreUnfitError(f"the tariff book: {error}") from None
        options = rpc_options(settings, metrics, credentials)
        archiving = archiving_of(settings, metrics)
        server = RpcServer(options, services(ledger, books, now_ms, archiving), metrics)
        await server.start()
        renewals = bundles(ledger, books, archiving.room)
        job = ExpireJob(ledger, ValkeyDueIndex(ledger), renewals, now_ms)
        doubt = partial(_doubt, ledger, books, archiving.room)
        tasks = [
            asyncio.create_task(job.run()),
            asyncio.create_task(keeper.run(books)),
            asyncio.create_task(vitals(ledger, metrics).run()),
            asyncio.create_task(watch_readiness(server, doubt)),
        ]
        if credentials is not None:
            tasks.append(asyncio.create_task(credentials.watch()))
        try:
            async with archiving.measuring(store_url):
                yield Running(server.address, durability, store_url, server, ledger, archiving)
        finally:
            await server.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await ledger.close()
        for outlet in outlets:
            await asyncio.to_thread(outlet.stop)


async def _doubt(ledger: ValkeyLedger, books: Books, room: JournalRoom) -> Reason | None:
    """Say why nothing should be granted: store, clocks, tariff or the journal's room (P9)."""
    doubt = await ledger.doubt()
    if doubt is None and not books.confirmed:
        doubt = Reason.TARIFF_UNCONFIRMED
    if doubt is None and room.full:
        doubt = Reason.JOURNAL_FULL
    return doubt
