"""The job renews bundles: in time, once, whoever runs it, and says so in the journal."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.upkeep import audit_store
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import charging_event_pb2 as events
from ocs.v1 import types_pb2
from tests.support.live import Live, serving

PATIENCE_S = 60
BOOK = """
version: short
currency: EUR
prices: gross
services:
  sms: {unit: count, price: "0.07"}
plans:
  prepaid: {services: [sms]}
bundles:
  brief:
    price: "1.00"
    validity: 3s
    renewals: 3
    contents:
      - {unit: count, quantity: 10, roll_over: 100}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path / "store") as server:
        yield server


@pytest.fixture
async def two(store: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[tuple[Live, Live]]:
    """Two services with their jobs, at one store."""
    book = tmp_path / "book.yaml"
    book.write_text(BOOK)
    async with (
        serving(store, tariff_path=book) as one,
        serving(store, tariff_path=book) as other,
    ):
        yield one, other


async def journal(live: Live, account_id: str) -> list[Any]:
    page = await live.call(
        accounts.ListChargingEventsRequest(account_id=account_id, page_size=500, oldest_first=True)
    )
    return list(page.events)


async def test_a_bundle_renews_as_often_as_the_book_says(
    two: tuple[Live, Live], store: EmbeddedValkey
) -> None:
    live, _ = two
    account = await live.open(micros=10_000_000)
    request = bundles.PurchaseBundleRequest(account_id=account, bundle_id="brief", renew=True)
    await live.call(live.stamped(request))

    ends = time.monotonic() + PATIENCE_S
    found: list[Any] = []
    closed: list[Any] = []
    # One bucket of each period, the first one and three more.
    while len(closed) < 4 and time.monotonic() < ends:
        await asyncio.sleep(0.1)
        found = await journal(live, account)
        closed = [one for one in found if one.kind == events.EVENT_KIND_BUCKET_CLOSED]

    renewals = [one for one in found if one.kind == events.EVENT_KIND_RENEW_BUNDLE]
    assert [one.outcome for one in renewals] == [types_pb2.OUTCOME_CHARGED] * 3
    assert {one.bundle_id for one in renewals} == {"brief"}
    assert await live.bucket(account, "main") == (6_000_000, 0, 4_000_000)
    # What nobody used goes on: 10, 20 and 30; the last 40 lapse.
    assert [[line.quantity for line in one.roll_overs] for one in closed] == [[10], [20], [30], []]
    listed = await live.call(bundles.ListBundlesRequest(account_id=account))
    assert not listed.renewals
    assert (await audit_store(store.url, store.data_dir / "archive")).ok


async def test_a_renewal_without_money_waits_for_a_top_up(two: tuple[Live, Live]) -> None:
    live, other = two
    account = await live.open(micros=1_000_000)
    request = bundles.PurchaseBundleRequest(account_id=account, bundle_id="brief", renew=True)
    await live.call(live.stamped(request))

    async def outcomes(count: int) -> list[int]:
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            found = await journal(other, account)
            seen = [one.outcome for one in found if one.kind == events.EVENT_KIND_RENEW_BUNDLE]
            if len(seen) >= count:
                return seen
            await asyncio.sleep(0.1)
        raise TimeoutError(account)

    refused = await outcomes(1)
    listed = await live.call(bundles.ListBundlesRequest(account_id=account))
    await live.call(live.top_up(account, micros=1_000_000))
    renewed = await outcomes(2)

    assert refused == [types_pb2.OUTCOME_CREDIT_LIMIT_REACHED]
    assert [(one.failed_tries, one.renewals_left) for one in listed.renewals] == [(1, 3)]
    assert renewed[1] == types_pb2.OUTCOME_CHARGED
