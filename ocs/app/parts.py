"""The parts of a service, each made from the settings or from what it stands on."""

import time
from pathlib import Path

from ocs.archiving import ArchiveTerms, Archiving
from ocs.book.document import read_tariff
from ocs.book.file import SHIPPED, UnreadableError, tariff_text
from ocs.clocks import now_ms
from ocs.domain.tariff import Tariff
from ocs.jobs.vitals import VitalsJob
from ocs.ports import BookError, Clock
from ocs.rpc.account import AccountServicer
from ocs.rpc.bundles import BundleServicer
from ocs.rpc.charging import ChargingServicer
from ocs.rpc.credential_file import CredentialFile
from ocs.rpc.event_context import decode_context, encode_context
from ocs.rpc.identity import OpenGate
from ocs.rpc.method import RpcService
from ocs.rpc.server import RpcOptions
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
from ocs.service.explanations import Explanations
from ocs.service.journal_room import JournalRoom
from ocs.service.keeping import Keeping
from ocs.service.lines import Lines
from ocs.service.mutations import Mutations
from ocs.service.queries import Queries
from ocs.service.refunds import Refunds
from ocs.service.tariffs import Tariffs
from ocs.settings import Settings, SettingsError
from ocs.store.event_log import ValkeyEventLog
from ocs.store.fitness import Demands
from ocs.store.ledger import ValkeyLedger
from ocs.store.lookups import ValkeyLookups
from ocs.store.reader import ValkeyReader
from ocs.store.tariffs import ValkeyTariffs
from ocs.store.vitals import ValkeyVitals
from ocs.telemetry.export import OtlpExport, PrometheusExport
from ocs.telemetry.metrics import Metrics
from ocs.telemetry.vitals import VitalSigns


def load_text(path: Path | None) -> tuple[bytes, Tariff]:
    """Read and check a tariff file, or the one that is shipped. Raises SettingsError."""
    try:
        text = tariff_text(path)
        return text, read_tariff(text)
    except UnreadableError as error:
        raise SettingsError(f"tariff file: {error}") from None
    except BookError as error:
        raise SettingsError(f"tariff file:\n{error.told(path or SHIPPED)}") from None


def demands(settings: Settings) -> Demands:
    """What a store must be, as the settings say."""
    return Demands(settings.durability, settings.cves_accepted)


def metric_exports(settings: Settings, metrics: Metrics) -> list[PrometheusExport | OtlpExport]:
    """Where the metrics go; raises ExportError."""
    made: list[PrometheusExport | OtlpExport] = []
    if settings.metrics_address is not None:
        made.append(PrometheusExport(metrics, *settings.metrics_address))
    if settings.otlp_url is not None:
        made.append(OtlpExport(metrics, settings.otlp_url, settings.otlp_interval_s))
    return made


def credential_file(settings: Settings, metrics: Metrics) -> CredentialFile | None:
    """The credentials, None = whoever is on this machine may call. Raises CredentialsError."""
    if settings.credentials_path is None:
        return None
    return CredentialFile(
        settings.credentials_path,
        lambda used: metrics.count_reload("credentials", used=used),
    )


def rpc_options(
    settings: Settings, metrics: Metrics, credentials: CredentialFile | None
) -> RpcOptions:
    """What the gRPC server is told."""
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


def archiving_of(settings: Settings, metrics: Metrics) -> Archiving:
    """The archive, and what brings the journal into it."""
    archiver = {
        "OCS_DATA_DIR": str(settings.data_dir),
        "OCS_ARCHIVE_DIR": str(settings.archive_path),
        "OCS_ARCHIVE_INTERVAL_S": str(settings.archive_interval_s),
        "OCS_ARCHIVE_SEGMENT_BYTES": str(settings.archive_segment_bytes),
        "OCS_LOG_LEVEL": settings.log_level,
        "OCS_LOG_STREAM": settings.log_stream,
    }
    if settings.journal_memory_max is not None:
        archiver["OCS_JOURNAL_MEMORY_MAX"] = str(settings.journal_memory_max)
    terms = ArchiveTerms(settings.archive_path, settings.journal_memory_max, archiver)
    return Archiving(terms, metrics)


def bundles(ledger: ValkeyLedger, books: Books, room: JournalRoom) -> Bundles:
    """The bundles' use cases, which a job needs as well."""
    return Bundles(ledger, Mutations(ledger, encode_context), books, now_ms, room)


def services(
    ledger: ValkeyLedger, books: Books, clock: Clock, archiving: Archiving
) -> list[RpcService]:
    """All services over a ledger; clock: the service's."""
    directory = Directory(ValkeyLookups(ledger))
    charging = Charging(ledger, directory, books, encode_context, clock, room=archiving.room)
    mutations = Mutations(ledger, encode_context)
    events = ValkeyEventLog(ledger, archiving.archive)
    refunds = Refunds(mutations, events)
    corrections = ChargeCorrections(ledger, mutations, events, decode_context)
    accounts = Accounts(ledger, directory, events, books, mutations)
    queries = Queries(ledger, ValkeyReader(ledger), directory, books)
    lines = Lines(ledger, ValkeyReader(ledger), directory, mutations)
    keep, correct = Keeping(mutations, books), Corrections(mutations)
    tariffs = Tariffs(ValkeyTariffs(ledger), read_tariff)
    explained = Explanations(mutations, events, books, tariffs, decode_context)
    return [
        ChargingServicer(charging, refunds, corrections, queries, explained).service(),
        AccountServicer(accounts, lines, keep, correct, queries).service(),
        SpendingCapServicer(accounts).service(),
        BundleServicer(bundles(ledger, books, archiving.room)).service(),
        TariffServicer(tariffs).service(),
    ]


def vitals(ledger: ValkeyLedger, metrics: Metrics) -> VitalsJob:
    """What tells how this process answers."""
    signs = VitalSigns(metrics)
    board = ValkeyVitals(ledger.pipelines[0])
    return VitalsJob(board, lambda: signs.measure(time.monotonic()), now_ms)
