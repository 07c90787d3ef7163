"""The composition root: settings -> store -> ledger -> service -> server and jobs.

The only place that wires. Order of a start: store, scripts, checks, server, readiness; of a stop:
readiness, drain, jobs, ledger, store.
"""

import asyncio
import gc
import signal
import sys
import time
import zoneinfo
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import uvloop

from ocs.archiving import ArchiveTerms, Archiving
from ocs.book.document import read_tariff
from ocs.book.file import SHIPPED, UnreadableError, tariff_text
from ocs.domain.answer import Reason
from ocs.domain.periods import check_time_zone
from ocs.domain.tariff import Tariff
from ocs.jobs.archive import ArchivePace
from ocs.jobs.book import BookKeeper, TariffExistsError
from ocs.jobs.expire import ExpireJob
from ocs.jobs.readiness import watch_readiness
from ocs.ports import BookError, StoreUnavailableError
from ocs.rpc.account import AccountServicer
from ocs.rpc.bundles import BundleServicer
from ocs.rpc.charging import ChargingServicer
from ocs.rpc.credential_file import CredentialFile
from ocs.rpc.credentials import CredentialsError
from ocs.rpc.event_context import decode_context, encode_context
from ocs.rpc.identity import OpenGate
from ocs.rpc.method import RpcService
from ocs.rpc.server import ListenError, RpcOptions, RpcServer, check_exposure
from ocs.rpc.spending_cap import SpendingCapServicer
from ocs.rpc.tariff import TariffServicer
from ocs.rpc.tls import ServerTls, TlsFiles
from ocs.service.accounts import Accounts
from ocs.service.books import Books
from ocs.service.bundles import Bundles
from ocs.service.charge_corrections import ChargeCorrections
from ocs.service.charging import Charging
from ocs.service.corrections import Corrections
from ocs.service.directory import Directory
from ocs.service.journal_room import JournalRoom
from ocs.service.keeping import Keeping
from ocs.service.lines import Lines
from ocs.service.mutations import Mutations
from ocs.service.queries import Queries
from ocs.service.refunds import Refunds
from ocs.service.tariffs import Tariffs
from ocs.settings import Settings, SettingsError, load_settings
from ocs.store.connect import StoreUnfitError, check_store, make_pool, wait_loaded
from ocs.store.due_index import ValkeyDueIndex
from ocs.store.embedded import EmbeddedOptions, EmbeddedStoreError, EmbeddedValkey
from ocs.store.event_log import ValkeyEventLog
from ocs.store.fitness import Demands
from ocs.store.ledger import ValkeyLedger
from ocs.store.lookups import ValkeyLookups
from ocs.store.pipeline import counts_of
from ocs.store.reader import ValkeyReader
from ocs.store.tariffs import ValkeyTariffs
from ocs.telemetry.export import ExportError, open_exports
from ocs.telemetry.logging import configure_logging
from ocs.telemetry.metrics import Metrics

# Objects that may be new before the collector looks among them for cycles; some 10 MB at most.
_GARBAGE_MIN = 50_000
_STORE_LOOK_S = 0.5
_STORE_RETRY_S = 1.0
_START_ERRORS = (
    CredentialsError,
    EmbeddedStoreError,
    ExportError,
    ListenError,
    SettingsError,
    StoreUnfitError,
)


def now_ms() -> int:
    """Return the service's clock: milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return a clock that is never set, milliseconds."""
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A service that serves."""

    address: str
    durability: str
    store_url: str
    server: RpcServer
    ledger: ValkeyLedger


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
    credentials = _credential_file(settings, metrics)
    otlp = (settings.otlp_url, settings.otlp_interval_s)
    exports = open_exports(metrics, settings.metrics_address, *otlp)
    try:
        await wait_loaded(ledger.pipelines[0], _say)
        durability = await check_store(ledger.pipelines[0], _demands(settings))
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
        options = _rpc_options(settings, metrics, credentials)
        archiving = Archiving(_archive_terms(settings), metrics)
        server = RpcServer(options, _services(ledger, books, archiving), metrics)
        await server.start()
        room = archiving.room
        bundles = _bundles(ledger, books, room)
        job = ExpireJob(ledger, ValkeyDueIndex(ledger), bundles, now_ms)
        tasks = [
            asyncio.create_task(job.run()),
            asyncio.create_task(keeper.run(books)),
            asyncio.create_task(watch_readiness(server, partial(_doubt, ledger, books, room))),
        ]
        if credentials is not None:
            tasks.append(asyncio.create_task(credentials.watch()))
        try:
            async with archiving.running(ledger, store_url, now_ms, steady_ms):
                yield Running(server.address, durability, store_url, server, ledger)
        finally:
            await server.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await ledger.close()
        for export in exports:
            await asyncio.to_thread(export.stop)


def _archive_terms(settings: Settings) -> ArchiveTerms:
    pace = ArchivePace(settings.archive_interval_s, settings.archive_segment_bytes)
    return ArchiveTerms(settings.archive_path, pace, settings.journal_memory_max)


def _demands(settings: Settings) -> Demands:
    return Demands(settings.durability, settings.cves_accepted)


def _credential_file(settings: Settings, metrics: Metrics) -> CredentialFile | None:
    if settings.credentials_path is None:
        return None
    return CredentialFile(
        settings.credentials_path,
        lambda used: metrics.count_reload("credentials", used=used),
    )


def _rpc_options(
    settings: Settings, metrics: Metrics, credentials: CredentialFile | None
) -> RpcOptions:
    tls = None
    if settings.tls_certificate_path is not None and settings.tls_key_path is not None:
        files = TlsFiles(
            settings.tls_certificate_path, settings.tls_key_path, settings.tls_client_ca_path
        )
        tls = ServerTls(files, lambda used: metrics.count_reload("certificate", used=used))
    return RpcOptions(
        host=settings.host,
        port=settings.port,
        so_reuseport=settings.so_reuseport,
        calls_in_flight_max=settings.calls_in_flight_max,
        connections_max=settings.connections_max,
        drain_probe_s=settings.drain_probe_s,
        drain_grace_s=settings.drain_grace_s,
        gate=OpenGate() if credentials is None else credentials.gate,
        tls=tls,
        reflection=settings.reflection,
        probes=settings.probes,
    )


def _bundles(ledger: ValkeyLedger, books: Books, room: JournalRoom) -> Bundles:
    return Bundles(ledger, Mutations(ledger, encode_context), books, now_ms, room)


def _services(ledger: ValkeyLedger, books: Books, archiving: Archiving) -> list[RpcService]:
    directory = Directory(ValkeyLookups(ledger))
    charging = Charging(ledger, directory, books, encode_context, archiving.room)
    mutations = Mutations(ledger, encode_context)
    events = ValkeyEventLog(ledger, archiving.archive)
    refunds = Refunds(mutations, events)
    corrections = ChargeCorrections(ledger, mutations, events, decode_context)
    accounts = Accounts(ledger, directory, events, books, mutations)
    queries = Queries(ledger, ValkeyReader(ledger), directory, books)
    lines = Lines(ledger, ValkeyReader(ledger), directory, mutations)
    return [
        ChargingServicer(charging, refunds, corrections, queries).service(),
        AccountServicer(
            accounts, lines, Keeping(mutations, books), Corrections(mutations), queries
        ).service(),
        SpendingCapServicer(accounts).service(),
        BundleServicer(_bundles(ledger, books, archiving.room)).service(),
        TariffServicer(Tariffs(ValkeyTariffs(ledger), read_tariff)).service(),
    ]


async def _doubt(ledger: ValkeyLedger, books: Books, room: JournalRoom) -> Reason | None:
    """Say why nothing should be granted: store, clocks, tariff or the journal's room (P9)."""
    doubt = await ledger.doubt()
    if doubt is None and not books.confirmed:
        doubt = Reason.TARIFF_UNCONFIRMED
    if doubt is None and room.full:
        doubt = Reason.JOURNAL_FULL
    return doubt


def load_text(path: Path | None) -> tuple[bytes, Tariff]:
    """Read and check a tariff file, or the one that is shipped. Raises SettingsError."""
    try:
        text = tariff_text(path)
        return text, read_tariff(text)
    except UnreadableError as error:
        raise SettingsError(f"tariff file: {error}") from None
    except BookError as error:
        raise SettingsError(f"tariff file:\n{error.told(path or SHIPPED)}") from None


def run_up(
    *,
    data_dir: Path,
    listen: str,
    durability: str,
    tariff: Path | None = None,
    on_serving: Callable[[Running], None] | None = None,
) -> int:
    """Run service and embedded store in a directory until a signal; return the exit status.

    on_serving is called once the service listens, e.g. to learn the port that was free.
    """
    try:
        settings = load_settings(
            data_dir=data_dir, listen=listen, durability=durability, tariff_path=tariff
        )
        return _run(settings, on_serving)
    except _START_ERRORS as error:
        _say(f"ocs: {error}")
        return 1


def run_serve(*, settings: Settings | None = None) -> int:
    """Run the service as its settings say until a signal; return the exit status."""
    try:
        return _run(settings or load_settings())
    except _START_ERRORS as error:
        _say(f"ocs: {error}")
        return 1


def _run(settings: Settings, on_serving: Callable[[Running], None] | None = None) -> int:
    stream = sys.stdout if settings.log_stream == "stdout" else sys.stderr
    sink = configure_logging(level=settings.log_level, stream=stream.buffer)
    serve = partial(_serve, settings, lost_lines=lambda: sink.lost_count)
    # Before a store with a large log is started for nothing; `running` makes its own.
    check_exposure(_rpc_options(settings, Metrics(), _credential_file(settings, Metrics())))
    if settings.store_url is not None:
        uvloop.run(serve(settings.store_url.get_secret_value(), "your store"))
        return 0
    options = EmbeddedOptions(settings.data_dir / "store", settings.durability)
    with EmbeddedValkey.start(options, _say) as store:
        where = f"embedded store in {settings.data_dir}"
        uvloop.run(serve(store.url, where, store, on_serving))
    return 0


def _who_may_call(settings: Settings) -> str:
    """What the operator has to know about the door, in one line."""
    if settings.credentials_path is None:
        return "no credentials (OCS_CREDENTIALS_PATH): whoever is on this machine may do everything"
    wire = "clear text" if settings.tls_certificate_path is None else "TLS"
    certificates = ", client certificates required" if settings.tls_client_ca_path else ""
    return f"calls need a credential; {wire}{certificates}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def _serve(
    settings: Settings,
    store_url: str,
    where: str,
    embedded: EmbeddedValkey | None = None,
    on_serving: Callable[[Running], None] | None = None,
    *,
    lost_lines: Callable[[], int],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        service = await _start(stack, running(settings, store_url, lost_lines), stop)
        if service is None:
            return
        _spare_collections()
        _say(f"ocs: listening on {service.address}, {where}, durability {service.durability}")
        _say(f"ocs: {_who_may_call(settings)}")
        if on_serving is not None:
            on_serving(service)
        ends: list[asyncio.Task[object]] = [asyncio.create_task(stop.wait())]
        if embedded is not None:
            ends.append(asyncio.create_task(_keep_alive(embedded)))
        done, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        for task in done:
            task.result()
        _say("ocs: stopping")


async def _start(
    stack: AsyncExitStack, service: AbstractAsyncContextManager[Running], stop: asyncio.Event
) -> Running | None:
    """Enter the service; None if it is to stop before, e.g. while a store takes minutes to load."""
    starting = asyncio.create_task(stack.enter_async_context(service))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait([starting])
        _say("ocs: stopped before it served")
        return None
    return starting.result()


def _spare_collections() -> None:
    """Let the garbage collector pass over what was made at the start, and come seldom.

    Calls leave next to no cycles, but 64 in flight would set it off several times over
    (decision 0011: 26 us of a Reserve).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_MIN)


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
            await asyncio.to_thread(store.restart, _say)
        except EmbeddedStoreError:
            log.exception("embedded store does not start")
            await asyncio.sleep(_STORE_RETRY_S)
        else:
            log.warning("embedded store started again", pid=store.pid)
