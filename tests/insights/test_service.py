"""A charge of a real service, and what the figures say of it a moment later."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ocs.client import (
    AsyncClient,
    Basis,
    InvalidArgumentError,
    Period,
    PermissionDeniedError,
    Unit,
)
from ocs.client.insights import Dimension, Money, Step
from ocs.insights_app import running_insights
from ocs.settings import load_settings
from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.insights.journals import ROOT
from tests.security.support import credential, write
from tests.support.live import connect, serving

MVNO = ROOT / "examples/mvno.yaml"
EUR = 1_000_000
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("figures")) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Site:
    """A service and its figures: callers by the name of their credential."""

    charge: dict[str, AsyncClient]
    figures: dict[str, AsyncClient]

    async def seen(
        self, question: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]
    ) -> Any:
        """Ask until the figures have come so far; a test that waits too long fails by itself."""
        async with asyncio.timeout(30):
            while True:
                found = await question()
                if wanted(found):
                    return found
                await asyncio.sleep(0.02)


@asynccontextmanager
async def site(store: EmbeddedValkey, tmp_path: Path, **people: Any) -> AsyncIterator[Site]:
    given: dict[str, Any] = {"tariff_path": MVNO}
    if people:
        given["credentials_path"] = tmp_path / "credentials"
        write(given["credentials_path"], list(people.values()))
    settings = load_settings(
        insights_listen="127.0.0.1:0",
        dashboard_listen="127.0.0.1:0",
        data_dir=tmp_path,
        reporting_time_zone="Europe/Berlin",
        drain_probe_s=0.0,
        **given,
    )
    with connect(store) as client:
        client.flushall()
    async with (
        serving(store, data_dir=tmp_path, **given) as live,
        running_insights(settings, store.url) as insights,
    ):
        tokens = {name: one.token for name, one in people.items()} or {"anyone": None}

        def clients(address: str) -> dict[str, AsyncClient]:
            return {
                name: AsyncClient(address, token=token, timeout_s=20.0)
                for name, token in tokens.items()
            }

        made = Site(clients(live.address), clients(insights.address))
        try:
            yield made
        finally:
            for client in (*made.charge.values(), *made.figures.values()):
                await client.close()


async def spend(client: AsyncClient, account_id: str, segment: str = "gold") -> str:
    """Two minutes to Europe, an hour more that money ends in, a reservation open, a refusal."""
    await client.create_account(account_id, currency="EUR", plan="prepaid", segment=segment)
    await client.top_up(
        account_id, payment_reference=f"p-{account_id}", micros=2 * EUR, currency="EUR"
    )
    await client.set_spending_cap(account_id, "daily", period=Period.DAY, limit_micros=475_000)
    call: dict[str, Any] = {
        "account_id": account_id, "service_id": "voice", "other_party": "33612345678"
    }  # fmt: skip
    charged = await client.debit(used_units=120, basis=Basis.USED, **call)
    assert charged.charge is not None
    held = await client.reserve(requested_units=1, account_id=account_id, service_id="sms")
    assert held.grant.granted
    refused = await client.debit(used_units=600, basis=Basis.AUTHORIZE, **call)
    assert not refused.charged
    return charged.charge.event


def whole(result: Any) -> bool:
    return any(row.charge_count for row in result.rows)


async def test_revenue_cost_and_margin_of_a_segment(store: EmbeddedValkey, tmp_path: Path) -> None:
    async with site(store, tmp_path) as here:
        charge, figures = here.charge["anyone"], here.figures["anyone"]
        event = await spend(charge, "a1")
        await spend(charge, "b1", segment="silver")
        ask: Any = lambda: figures.get_revenue(  # noqa: E731 - asked again and again
            SINCE,
            group_by=[Dimension.SEGMENT, Dimension.SERVICE],
            filters={Dimension.SEGMENT: ["gold"]},
        )
        found = await here.seen(ask, whole)
        rows = {(row.keys["segment"], row.keys["service"]): row for row in found.rows}
        voice = rows["gold", "voice"]
        assert {segment for segment, _ in rows} == {"gold"}
        assert (voice.currency, voice.revenue_micros, voice.charge_count) == ("EUR", 380_000, 1)
        assert voice.costs == (Money("EUR", 60_000),)
        assert (voice.margin_micros, voice.uncosted_units) == (320_000, 0)
        assert rows["gold", ""].topped_up_micros == 2 * EUR
        assert found.as_of.time_zone == "Europe/Berlin"
        assert found.as_of.as_of_time is not None

        await charge.refund(event)
        back = await here.seen(ask, lambda one: any(row.refunded_micros for row in one.rows))
        voice = next(row for row in back.rows if row.keys["service"] == "voice")
        assert (voice.revenue_micros, voice.refunded_micros) == (0, 380_000)
        assert voice.margin_micros == -60_000

        usage = await figures.get_usage(SINCE, group_by=[Dimension.SERVICE])
        assert [(row.keys["service"], row.unit, row.used_units) for row in usage.rows] == [
            ("voice", Unit.SECONDS, 240)
        ]
        refusals = await figures.list_refusals(SINCE, group_by=[Dimension.SERVICE])
        assert [(row.outcome, row.count) for row in refusals.rows] == [("CREDIT_LIMIT_REACHED", 2)]


async def test_steps_are_those_of_the_reporting_time_zone(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    async with site(store, tmp_path) as here:
        await spend(here.charge["anyone"], "a1")
        figures = here.figures["anyone"]
        now = datetime.now(UTC)
        whole_range = await here.seen(lambda: figures.get_revenue(now - timedelta(days=3)), whole)
        for step in Step:
            span = timedelta(hours=3) if step is Step.MINUTE else timedelta(days=3)
            found = await figures.get_revenue(now - span, step=step)
            assert sum(row.revenue_micros for row in found.rows) == sum(
                row.revenue_micros for row in whole_range.rows
            )
            for row in found.rows:
                assert row.start_time is not None
                assert row.start_time.second == 0
                # Berlin's days begin at 22 or 23 o'clock UTC.
                assert step is not Step.DAY or row.start_time.hour in {22, 23}


async def test_what_is_there_now(store: EmbeddedValkey, tmp_path: Path) -> None:
    async with site(store, tmp_path) as here:
        await spend(here.charge["anyone"], "a1")
        figures = here.figures["anyone"]
        position = await here.seen(
            figures.get_position, lambda one: one.open_reservation_count == 1
        )
        account = await here.charge["anyone"].get_account("a1")
        (main,) = account.account.buckets
        (row,) = position.unused
        assert (row.segment, row.unit, row.balance) == ("gold", Unit.MICROS, main.balance)
        assert position.held == (Money("EUR", main.reserved),)

        (limit,) = (await figures.list_limits_page()).limits
        assert (limit.account_id, limit.cap_id, limit.spent) == ("a1", "daily", 380_000)
        assert limit.share_permille == 800
        assert limit.reset_time is not None
        assert timedelta() < limit.reset_time - datetime.now(UTC) <= timedelta(days=1)
        assert not (await figures.list_limits_page(share_permille_min=801)).limits
        assert (await figures.list_limits_page(account_id="a1")).limits == (limit,)
        assert not (await figures.list_limits_page(account_id="a")).limits

        first = await figures.list_timeline_page("a1", page_size=2)
        rest = await figures.list_timeline_page("a1", page_token=first.next_page_token)
        events = [*first.events, *rest.events]
        assert [event.account_seq for event in events] == list(range(len(events), 0, -1))
        journal = await here.charge["anyone"].list_charging_events_page("a1")
        assert [event.event for event in events] == [event.event for event in journal.events]
        charged = next(event for event in events if event.charged_micros)
        assert charged.costs == (Money("EUR", 60_000),)

        async with asyncio.timeout(20):
            snapshots = figures.watch_now()
            now = await anext(snapshots)
            later = await anext(snapshots)
            await snapshots.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert sum(one.micros for one in now.revenue) == 380_000
        assert now.open_reservation_count == 1
        times = [one.as_of.as_of_time for one in (now, later)]
        assert times[0] is not None
        assert times[1] is not None
        assert times[0] < times[1]


async def test_nobody_sees_another_tenant(store: EmbeddedValkey, tmp_path: Path) -> None:
    people = {
        "one": credential("one", tenant="first"),
        "two": credential("two", tenant="second"),
        "reader": credential("reader", "reader", tenant="first"),
        "gateway": credential("gateway", "gateway", tenant="first"),
    }
    async with site(store, tmp_path, **people) as here:
        await spend(here.charge["one"], "shared")
        await here.seen(lambda: here.figures["one"].get_revenue(SINCE), whole)
        two = here.figures["two"]
        assert not (await two.get_revenue(SINCE)).rows
        assert not (await two.get_usage(SINCE)).rows
        assert not (await two.list_refusals(SINCE)).rows
        assert not (await two.get_position()).unused
        assert not (await two.list_limits_page(share_permille_min=0)).limits
        assert not (await two.list_timeline_page("shared")).events
        for table in ("events", "buckets", "minutes", "wholesale", "unreadable"):
            found = await two.run_query(f"SELECT count(*) FROM {table}")
            assert found.rows == (("0",),), table
        own = await here.figures["one"].run_query("SELECT count(*) FROM events")
        assert own.rows != (("0",),)
        with pytest.raises(InvalidArgumentError):
            await two.get_revenue(SINCE, group_by=[Dimension.TENANT])
        assert (await here.figures["reader"].get_revenue(SINCE)).rows
        with pytest.raises(PermissionDeniedError):
            await here.figures["reader"].run_query("SELECT 1")
        with pytest.raises(PermissionDeniedError):
            await here.figures["gateway"].get_revenue(SINCE)
        with pytest.raises(PermissionDeniedError):
            await anext(here.figures["gateway"].watch_now())


REFUSED_SQL = [
    "SELECT * FROM main.events",
    "SELECT * FROM memory.main.events",
    "SELECT * FROM temp.events",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_database_list()",
    "SELECT * FROM query('SELECT * FROM main.events')",
    "SELECT * FROM query_table('events')",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('since_ms')",
    "SELECT (SELECT count(*) FROM main.events)",
    "SELECT 1 WHERE EXISTS (FROM main.events)",
    "WITH one AS (SELECT * FROM main.events) SELECT * FROM one",
    "SELECT * FROM events UNION ALL SELECT * FROM main.events",
    "SELECT * FROM events JOIN main.accounts USING (account)",
    "SELECT * FROM projection",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM fresh",
    "SHOW TABLES",
    "DESCRIBE events",
    "FROM (SHOW TABLES)",
    "SELECT 1; SELECT 2",
    "DELETE FROM events",
    "INSERT INTO events SELECT * FROM events",
    "CREATE TABLE x AS SELECT 1",
    "DROP TABLE events",
    "ATTACH '/tmp/x.db'",
    "COPY events TO '/tmp/x.csv'",
    "EXPORT DATABASE '/tmp/x'",
    "SET memory_limit = '1TB'",
    "PRAGMA database_list",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "CHECKPOINT",
    "BEGIN",
    "not sql at all",
    "SELECT * FROM nowhere",
    "SELECT nothing FROM events",
    "SELECT 1/",
    ";",
    "SELECT nextval('s')",
]
TAKEN_SQL = [
    "SELECT 1",
    "FROM events",
    "SELECT account, sum(micros) FROM payments JOIN events USING (tenant, account, seq) GROUP BY 1",
    "WITH mine AS (SELECT * FROM events WHERE kind = 'DEBIT') SELECT count(*) FROM mine",
    "SELECT * FROM range(3) r(n) LEFT JOIN buckets ON n = seq",
    "SELECT minute_ms, sum(charged_micros) OVER (ORDER BY minute_ms) FROM minutes",
    "SELECT 'a' UNION ALL SELECT bucket FROM buckets",
    "VALUES (1), (2)",
    "SELECT (SELECT max(seq) FROM events e WHERE e.account = a.account) FROM accounts a",
]


async def test_sql_reads_the_tables_of_the_figures_and_nothing_else(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    one = credential("one", tenant="first")
    async with site(store, tmp_path, one=one) as here:
        await spend(here.charge["one"], "a1")
        figures = here.figures["one"]
        await here.seen(lambda: figures.get_revenue(SINCE), whole)
        for sql in TAKEN_SQL:
            assert (await figures.run_query(sql)).columns, sql
        for sql in REFUSED_SQL:
            with pytest.raises(InvalidArgumentError) as refused:
                await figures.run_query(sql)
            assert refused.value.reason == "SQL_REFUSED", sql
            (violation,) = refused.value.field_violations
            assert violation.field == "sql"
            assert str(tmp_path) not in violation.description
        found = await figures.run_query("SELECT range, NULL, true FROM range(20000)")
        assert (len(found.rows), found.truncated) == (10_000, True)
        assert found.rows[7] == ("7", None, "true")
        # And all of it is still there.
        assert (await figures.run_query("SELECT count(*) FROM events")).rows != (("0",),)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"start_time": SINCE, "end_time": SINCE}, "range.end_time"),
        ({"start_time": SINCE, "end_time": SINCE - timedelta(days=1)}, "range.end_time"),
        ({"start_time": SINCE, "end_time": SINCE + timedelta(days=401)}, "range.end_time"),
        ({"start_time": datetime(1999, 1, 1, tzinfo=UTC)}, "range.start_time"),
        (
            {"start_time": SINCE, "end_time": SINCE + timedelta(days=2), "step": Step.MINUTE},
            "range.step",
        ),
        (
            {"start_time": SINCE, "group_by": [Dimension.PLAN, Dimension.PLAN]},
            "range.group_by",
        ),
        ({"start_time": SINCE, "filters": {Dimension.PLAN: []}}, "range.filters[0].values"),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(
    store: EmbeddedValkey, tmp_path: Path, arguments: Any, field: str
) -> None:
    async with site(store, tmp_path) as here:
        for ask in ("get_revenue", "get_usage", "list_refusals"):
            with pytest.raises(InvalidArgumentError) as refused:
                await getattr(here.figures["anyone"], ask)(**arguments)
            assert field in {one.field for one in refused.value.field_violations}
