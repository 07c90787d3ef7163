"""Callers of a service whose journal is mostly in the archive, and of one whose journal is full."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from ocs.app import archiving_of
from ocs.settings import load_settings
from ocs.store import keys
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.telemetry.metrics import Metrics
from ocs.upkeep import audit_store
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from tests.archive.support import Archiver, archiver, kept, segments
from tests.security.support import until
from tests.support.live import Live, serving, serving_at
from tests.support.stages import now_ms

EVENTS = 60


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("live")) as server:
        yield server


@pytest.fixture
async def live(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving_at(store, now_ms) as service:
        yield service


@pytest.fixture
async def one(store: EmbeddedValkey) -> AsyncIterator[Archiver]:
    async with archiver(store.url, store.data_dir / "archive") as process:
        yield process


async def used(live: Live) -> str:
    """An account that paid for many messages, one event each."""
    account = await live.open(micros=90_000_000)
    for _ in range(EVENTS):
        await live.call(live.debit(account, 1))
    return account


def stream_of(store_client: Any, account: str) -> list[Any]:
    return kept(store_client, keys.partition_of("main", account))


async def listed(live: Live, account: str, **fields: Any) -> list[int]:
    """The numbers of an account's events, page by page."""
    seqs: list[int] = []
    token = ""
    while True:
        request = accounts.ListChargingEventsRequest(
            account_id=account, page_size=7, page_token=token, **fields
        )
        page = await live.call(request)
        seqs += [event.account_seq for event in page.events]
        token = page.next_page_token
        if not token:
            return seqs


async def test_pages_of_events_cross_into_the_archive(live: Live, one: Archiver) -> None:
    account = await used(live)
    await one.job.step()
    assert len(stream_of(live.store, account)) < EVENTS // 2
    await live.call(live.debit(account, 1))
    count = EVENTS + 3

    assert await listed(live, account) == list(range(count, 0, -1))
    assert await listed(live, account, oldest_first=True) == list(range(1, count + 1))


async def test_a_charge_that_is_only_in_the_archive_is_refunded_once(
    live: Live, one: Archiver, store: EmbeddedValkey
) -> None:
    account = await used(live)
    await one.job.step()
    event = f"tenants/main/accounts/{account}/events/5"
    before = (await live.account(account)).buckets[0].balance

    given = await live.call(live.refund(event))
    again = await live.refused(live.refund(event))

    assert given.refunded_micros > 0
    after = (await live.account(account)).buckets[0].balance
    assert after - before == given.refunded_micros
    assert again.reason == "REFUND_EXCEEDS"
    assert (await audit_store(store.url, store.data_dir / "archive")).ok


async def test_without_its_archive_old_events_are_unavailable_and_charging_goes_on(
    live: Live, one: Archiver, store: EmbeddedValkey
) -> None:
    account = await used(live)
    await one.job.step()
    for path in segments(store.data_dir / "archive"):
        path.unlink()

    refusals = [
        await live.refused(live.refund(f"tenants/main/accounts/{account}/events/5")),
        await live.refused(accounts.ListChargingEventsRequest(account_id=account, page_size=500)),
    ]

    for refusal in refusals:
        assert (refusal.code.name, refusal.reason) == ("UNAVAILABLE", "ARCHIVE_UNREADABLE")
    await live.call(live.commit(await live.hold(account), 1))
    page = await live.call(accounts.ListChargingEventsRequest(account_id=account, page_size=2))
    assert [event.account_seq for event in page.events] == [EVENTS + 4, EVENTS + 3]


def readiness(live: Live) -> tuple[bool, str]:
    """What the service's log said last of its readiness, and why."""
    lines = [json.loads(line) for line in live.log.getvalue().splitlines()]
    told = [line for line in lines if line["event"] == "readiness"]
    return (told[-1]["ready"], told[-1]["reason"]) if told else (False, "")


def archiver_beside(store: EmbeddedValkey, **settings: Any) -> AbstractAsyncContextManager[None]:
    """The process that a service starts beside itself."""
    found = load_settings(archive_dir=store.data_dir / "archive", **settings)
    return archiving_of(found, Metrics()).archiver(store.url)


async def test_a_dead_archiver_stops_grants_and_nothing_else_until_it_is_back(
    store: EmbeddedValkey,
) -> None:
    """The archive's place cannot be written; then it can."""
    place = store.data_dir / "archive"
    place.write_text("in the way")
    settings = {"archive_interval_s": 1.0, "journal_memory_max": 2**20}
    async with serving(store, **settings) as live, archiver_beside(store, **settings):
        account = await live.open(micros=9_000_000)
        first, second = await live.hold(account), await live.hold(account)
        for number in range(1, 9):
            entry: Any = {"e": "x" * 100, "c": "y" * 200_000}
            live.store.xadd(keys.journal_key(77), entry, id=f"{number}-1")

        await until(lambda: readiness(live) == (False, "JOURNAL_FULL"), "it was never full")
        refused = [
            live.reserve(account),
            live.debit(account, 1, authorize=True),
            live.stamped(bundles.PurchaseBundleRequest(account_id=account, bundle_id="any")),
        ]
        for request in refused:
            refusal = await live.refused(request)
            assert (refusal.code.name, refusal.reason) == ("UNAVAILABLE", "JOURNAL_FULL")
        charged = await live.call(live.commit_next(first, 1, 1))
        assert charged.charge.charged_micros > 0
        assert charged.grant.granted_units == 0
        await live.call(live.commit(first, 0))
        await live.call(live.release(second))
        await live.call(live.debit(account, 1))
        await live.call(live.top_up(account, micros=1))

        place.unlink()

        await until(lambda: readiness(live) == (True, ""), "it did not recover")
        await live.call(live.release(await live.hold(account)))
        assert segments(place)
