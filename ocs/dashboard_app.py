"""The dashboard over the figures: who may look, what the page may ask, what it is told."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from ocs.app import now_ms
from ocs.archive.reader import SegmentArchive
from ocs.book.document import read_tariff
from ocs.book.file import tariff_of_file
from ocs.dashboard.hub import Hub, News, Report
from ocs.dashboard.server import Dashboard
from ocs.dashboard.site import LOOPBACK_HOSTS, Admit, Visitor
from ocs.ports import Insights, InsightsBusyError
from ocs.rpc.credential_file import CredentialFile
from ocs.rpc.event_context import decode_context, encode_context
from ocs.rpc.explanations import ExplanationHandlers
from ocs.rpc.insights import InsightsServicer
from ocs.rpc.json_api import JsonApi
from ocs.rpc.method import RpcService
from ocs.rpc.page_snapshot import PageSnapshots
from ocs.rpc.roles import Role
from ocs.rpc.server import is_loopback
from ocs.service.books import Books
from ocs.service.errors import ServiceError
from ocs.service.explanations import Explanations
from ocs.service.insights import InsightsUse
from ocs.service.mutations import Mutations
from ocs.service.tariffs import Tariffs
from ocs.service.watch_now import NowWatch
from ocs.settings import Settings, SettingsError
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from ocs.store.tariffs import ValkeyTariffs
from ocs.store.vitals import ValkeyVitals
from ocs.telemetry.metrics import Metrics

# What the page asks, of which service ever.
ASKED: Final = ("GetRevenue", "GetUsage", "ListRefusals", "ExplainCharge")
_LOOKS: Final = frozenset({Role.READER, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who looks. tenant: empty for all of them."""

    api: JsonApi
    tenant: str
    actor: str
    roles: Collection[Role]

    async def ask(self, method: str, body: bytes) -> tuple[int, bytes]:
        """Answer a message."""
        tenant = self.tenant or _tenant_named(body)
        return await self.api.call(method, body, tenant=tenant, actor=self.actor, roles=self.roles)


def _tenant_named(body: bytes) -> str:
    """The tenant in the name of what is asked about, if it has one."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    name = asked.get("event", "") if isinstance(asked, dict) else ""
    parts = name.split("/") if isinstance(name, str) else []
    return parts[1] if len(parts) > 1 else ""


def make_dashboard(
    settings: Settings,
    insights: Insights,
    ledger: ValkeyLedger,
    credentials: CredentialFile | None,
    metrics: Metrics,
) -> Dashboard:
    """Wire the dashboard: on loopback open to this machine and to all tenants, else by token.

    Raises AddressError, SettingsError.
    """
    host, port = settings.dashboard_address
    here = is_loopback(host)
    zone = settings.reporting_time_zone
    figures = InsightsServicer(InsightsUse(insights, zone, every_tenant=here), NowWatch(insights))
    api = JsonApi([figures.service(), _explaining(ledger, settings.archive_path)], ASKED, metrics)
    if here:
        admit = _everyone(api)
    elif credentials is None or settings.tls_certificate_path is None:
        raise SettingsError(
            f"the dashboard at {settings.dashboard_listen} is not on loopback: it needs"
            " OCS_CREDENTIALS_PATH, OCS_TLS_CERTIFICATE_PATH and OCS_TLS_KEY_PATH"
        )
    else:
        admit = _holders(api, credentials)
    board = ValkeyVitals(ledger.pipelines[0])
    snapshots = PageSnapshots(insights, figures, board, zone, every_tenant=here)
    return Dashboard(
        Hub(_reporter(snapshots)),
        admit,
        host=host,
        port=port,
        hosts=LOOPBACK_HOSTS if here else (),
        certificate=None if here else settings.tls_certificate_path,
        key=None if here else settings.tls_key_path,
    )


def _explaining(ledger: ValkeyLedger, archive: Path) -> RpcService:
    """ExplainCharge, which asks the store for the event and for the tariff that priced it."""
    explanations = Explanations(
        Mutations(ledger, encode_context),
        ValkeyEventLog(ledger, SegmentArchive(archive)),
        Books.fixed(tariff_of_file(None)),
        Tariffs(ValkeyTariffs(ledger), read_tariff),
        decode_context,
    )
    return ExplanationHandlers(explanations).service()


def _everyone(api: JsonApi) -> Admit:
    visitor = _Visitor(api, "", "dashboard", _LOOKS)

    def admit(token: str) -> Visitor:
        del token  # whoever is on this machine may look
        return visitor

    return admit


def _holders(api: JsonApi, credentials: CredentialFile) -> Admit:
    def admit(token: str) -> Visitor | None:
        caller = credentials.gate.caller_of(token, now_ms()) if token else None
        if caller is None or _LOOKS.isdisjoint(caller.roles):
            return None
        return _Visitor(api, caller.tenant, caller.actor, caller.roles)

    return admit


def _reporter(snapshots: PageSnapshots) -> Report:
    async def report(tenant: str) -> News:
        try:
            return News("snapshot", await snapshots.of(tenant, now_ms()))
        except InsightsBusyError:
            return _unavailable("The figures take longer than usual. Trying again\u2026")
        except ServiceError as error:
            return _unavailable(f"There are no figures at the moment: {error.reason}")

    return report


def _unavailable(message: str) -> News:
    return News("unavailable", orjson.dumps({"message": message}).decode())
