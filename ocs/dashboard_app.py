"""The dashboard over the figures: who may look, what the page may ask, what it is told."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from ocs.app import archiving_of, now_ms, services
from ocs.book.file import tariff_of_file
from ocs.dashboard.hub import Hub, News, Report
from ocs.dashboard.server import Dashboard
from ocs.dashboard.site import Admit, Visitor, hosts_of
from ocs.ports import Insights, InsightsBusyError
from ocs.rpc.credential_file import CredentialFile
from ocs.rpc.insights import InsightsServicer
from ocs.rpc.json_api import JsonApi
from ocs.rpc.page_snapshot import PageSnapshots
from ocs.rpc.roles import Role
from ocs.rpc.server import is_loopback
from ocs.service.books import Books
from ocs.service.errors import ServiceError
from ocs.service.insights import InsightsUse
from ocs.service.watch_now import NowWatch
from ocs.settings import Settings, SettingsError
from ocs.store.ledger import ValkeyLedger
from ocs.store.vitals import ValkeyVitals
from ocs.telemetry.metrics import Metrics

# What the page asks, of which service ever.
ASKED: Final = (
    "GetAccount",
    "ExplainCharge",
    "GetRevenue",
    "GetUsage",
    "ListEvents",
    "ListLimits",
    "ListTimeline",
)
_LOOKS: Final = frozenset({Role.READER, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who showed a token: sees its own tenant."""

    api: JsonApi
    tenant: str
    actor: str
    roles: Collection[Role]

    async def ask(self, method: str, body: bytes, tenant: str) -> tuple[int, bytes]:
        """Answer a message; whatever tenant the page names, it is the token's."""
        del tenant
        return await self.api.call(
            method, body, tenant=self.tenant, actor=self.actor, roles=self.roles
        )


@dataclass(frozen=True, slots=True)
class _Everyone:
    """Whoever is on this machine: sees all tenants, together or one."""

    all_tenants: JsonApi
    one_tenant: JsonApi
    tenant: str = ""

    async def ask(self, method: str, body: bytes, tenant: str) -> tuple[int, bytes]:
        """Answer a message."""
        api = self.one_tenant if tenant else self.all_tenants
        return await api.call(method, body, tenant=tenant, actor="dashboard", roles=_LOOKS)


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
    figures = {
        every: InsightsServicer(InsightsUse(insights, zone, every_tenant=every), NowWatch(insights))
        for every in (True, False)
    }
    books = Books.fixed(tariff_of_file(None))
    others = services(ledger, books, now_ms, archiving_of(settings, metrics))
    apis = {
        every: JsonApi([*others, each.service()], ASKED, metrics) for every, each in figures.items()
    }
    if here:
        everyone = _Everyone(all_tenants=apis[True], one_tenant=apis[False])
        admit: Admit = lambda _: everyone  # noqa: E731 - whoever is here may look
    elif credentials is None or settings.tls_certificate_path is None:
        raise SettingsError(
            f"the dashboard at {settings.dashboard_listen} is not on loopback: it needs"
            " OCS_CREDENTIALS_PATH, OCS_TLS_CERTIFICATE_PATH and OCS_TLS_KEY_PATH"
        )
    else:
        admit = _holders(apis[False], credentials)
    board = ValkeyVitals(ledger.pipelines[0])
    snapshots = PageSnapshots(insights, figures[False], figures[True], board, zone)
    return Dashboard(
        Hub(_reporter(snapshots)),
        admit,
        host=host,
        port=port,
        hosts=hosts_of(host) if here else (),
        certificate=None if here else settings.tls_certificate_path,
        key=None if here else settings.tls_key_path,
    )


def _holders(api: JsonApi, credentials: CredentialFile) -> Admit:
    def admit(token: str) -> Visitor | None:
        caller = credentials.gate.caller_of(token, now_ms()) if token else None
        if caller is None or _LOOKS.isdisjoint(caller.roles):
            return None
        return _Holder(api, caller.tenant, caller.actor, caller.roles)

    return admit


def _reporter(snapshots: PageSnapshots) -> Report:
    async def report(tenant: str) -> News:
        try:
            return News("snapshot", await snapshots.of(tenant, now_ms()))
        except InsightsBusyError:
            return _unavailable("The figures take longer than usual. Trying again\u2026")
        except ServiceError as error:
            return _unavailable(f"There are no figures at the moment: {error.reason}")
        except Exception:  # noqa: BLE001 - logged whole, see the next line
            # One snapshot that cannot be made must not end those of all pages for ever.
            structlog.get_logger().exception("snapshot failed")
            return _unavailable("There are no figures at the moment. Trying again\u2026")

    return report


def _unavailable(message: str) -> News:
    return News("unavailable", orjson.dumps({"message": message}).decode())
