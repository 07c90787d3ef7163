"""Servers that share a store share its books: they swap at the same moment, or grant nothing."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ocs.client import Basis, UnavailableError
from ocs.jobs import book as keeper
from ocs.store.connect import StoreUnfitError
from ocs.store.embedded import EmbeddedValkey
from ocs.store.tariffs import ValkeyTariffs
from tests.support.live import Live, serving
from tests.tariffs.support import ahead, client_of, tariff_text, until


async def version_of(live: Live, account: str, at: datetime | None = None) -> str:
    async with client_of(live) as client:
        quote = await client.quote(service_id="sms", units=1, account_id=account, event_time=at)
    return quote.tariff_version


async def test_all_servers_price_by_a_version_from_its_moment_on(store: EmbeddedValkey) -> None:
    async with serving(store) as one, serving(store) as other:
        account = await one.open(messages=1)
        async with client_of(one) as client:
            at = ahead(7)
            await client.load_tariff(tariff_text("v2"), activate_time=at)
        before = datetime.fromtimestamp(at.timestamp() - 0.001, UTC)
        for live in (one, other):

            async def known(live: Live = live) -> bool:
                return await version_of(live, account, at) == "v2"

            await until(known)
        told_early = datetime.now(UTC) < at
        prices = [await version_of(live, account, before) for live in (one, other)]

    assert told_early, "both knew of it before it priced"
    assert prices == ["default-2026-11"] * 2


async def test_a_server_that_starts_later_has_the_same_book(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        account = await live.open(messages=1)
        at = ahead(6)
        await client.load_tariff(tariff_text("v2"), activate_time=at)
    async with serving(store) as again:
        assert await version_of(again, account, at) == "v2"


async def test_a_file_of_another_version_follows_the_one_before(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    path = tmp_path / "tariff.yaml"
    path.write_bytes(tariff_text("file-1"))
    async with serving(store, tariff_path=path) as live:
        account = await live.open(messages=1)
    path.write_bytes(tariff_text("file-2"))
    async with serving(store, tariff_path=path) as live, client_of(live) as client:
        first, second = (await client.list_tariffs_page()).tariffs
        assert await version_of(live, account) == "file-1"
        assert await version_of(live, account, second.activate_time) == "file-2"
    path.write_bytes(tariff_text("file-1"))
    async with serving(store, tariff_path=path) as live, client_of(live) as client:
        assert (await client.list_tariffs_page()).tariffs == (first, second)


async def test_a_file_with_another_text_under_a_known_version_does_not_start(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    path = tmp_path / "tariff.yaml"
    path.write_bytes(tariff_text("file-1"))
    async with serving(store, tariff_path=path):
        path.write_bytes(tariff_text("file-1", "0.20"))
    with pytest.raises(StoreUnfitError, match="another text has version file-1"):
        async with serving(store, tariff_path=path):
            pass


async def test_a_server_that_cannot_confirm_its_book_grants_nothing_and_settles(
    store: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(store) as live:
        account = await live.open(messages=10)
        opened = await live.call(live.reserve(account, 2))
        stuck = asyncio.Event()

        async def hang(self: ValkeyTariffs) -> dict[str, int]:  # noqa: ARG001 - the port names it
            await stuck.wait()
            return {}

        monkeypatch.setattr(ValkeyTariffs, "revisions", hang)
        async with client_of(live) as client:

            async def refuses() -> bool:
                try:
                    await client.debit(
                        account_id=account, service_id="sms", used_units=1, basis=Basis.AUTHORIZE
                    )
                except UnavailableError as error:
                    return error.reason == "TARIFF_UNCONFIRMED"
                return False

            await until(refuses)
            settled = await live.call(live.commit(opened.reservation, 1))
            assert settled.receipt.account_seq > 0
            monkeypatch.undo()
            stuck.set()

            async def grants() -> bool:
                return not await refuses()

            await until(grants)


async def test_a_version_that_is_not_read_in_time_stops_grants(
    store: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails closed: who does not know a version does not price by the one before."""
    async with serving(store) as live, client_of(live) as client:
        account = await live.open(messages=10)
        fetch = keeper.BookKeeper._fetch
        never = asyncio.Event()

        async def slow(self: keeper.BookKeeper, ref: tuple[str, str]) -> object:
            await never.wait()
            return await fetch(self, ref)

        monkeypatch.setattr(keeper.BookKeeper, "_fetch", slow)
        await client.load_tariff(tariff_text("v2"), activate_time=ahead(6.5))

        async def refuses() -> bool:
            try:
                await client.debit(
                    account_id=account, service_id="sms", used_units=1, basis=Basis.AUTHORIZE
                )
            except UnavailableError as error:
                return error.reason == "TARIFF_UNCONFIRMED"
            return False

        await until(refuses)
        never.set()

        async def grants() -> bool:
            return not await refuses()

        await until(grants)
        assert await version_of(live, account) == "v2"


@pytest.mark.parametrize(("word", "included"), [("gross", True), ("net", False)])
async def test_events_say_whether_the_tax_is_in_the_price(
    store: EmbeddedValkey, tmp_path: Path, word: str, included: bool
) -> None:
    path = tmp_path / "tariff.yaml"
    path.write_bytes(tariff_text("taxed").replace(b"gross", word.encode()))
    async with serving(store, tariff_path=path) as live, client_of(live) as client:
        account = await live.open(messages=10)
        held = await client.reserve(account_id=account, service_id="sms", requested_units=2)
        await held.commit(1)
        events = [event async for event in client.list_charging_events(account)]

    told = {event.kind.value: event.context.tax_included for event in events}
    assert (told["RESERVE"], told["COMMIT"], told["TOP_UP"]) == (included, included, None)
