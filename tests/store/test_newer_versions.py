"""What a newer version wrote is left alone, and said to be newer."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocs import app
from ocs.domain.charging_event import EventFormatError, decode_event
from ocs.settings import load_settings
from ocs.store import keys
from ocs.store.connect import StoreUnfitError
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.upkeep import audit_store
from tests.support.live import Live, serving


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path) as server:
        yield server


@pytest.fixture
async def live(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving(store) as service:
        yield service


async def test_a_service_records_its_layout_and_starts_again_on_it(
    live: Live, store: EmbeddedValkey
) -> None:
    assert live.store.get(keys.layout_key()) == b"1 256"
    async with serving(store) as again:
        assert await again.open(micros=1)


async def test_a_service_does_not_start_on_a_newer_layout(
    live: Live, store: EmbeddedValkey
) -> None:
    live.store.set(keys.layout_key(), "2 256")
    settings = load_settings(listen="127.0.0.1:0", durability="memory")

    with pytest.raises(StoreUnfitError) as caught:
        async with app.running(settings, store.url):
            pytest.fail("it served")

    assert str(caught.value) == (
        "the store has format 2, of a newer ocs; this one knows format 1: run the newer version"
    )


async def test_an_account_of_a_newer_format_is_not_touched(
    live: Live, store: EmbeddedValkey
) -> None:
    account = await live.open(messages=10)
    key = keys.account_key("main", account)
    state = live.store.hget(key, "state")
    live.store.hset(key, "state", b"2" + state[1:])

    with live.unchanged():
        for request in (live.reserve(account), live.debit(account), live.top_up(account, micros=1)):
            refusal = await live.refused(request)
            assert (refusal.code.name, refusal.reason) == ("INTERNAL", "STATE_CORRUPT")
    report = await audit_store(store.url, store.data_dir / "archive")
    assert [(one.term, one.stored) for one in report.differences] == [("account", "unreadable")]

    live.store.hset(key, "state", state)
    assert (await audit_store(store.url, store.data_dir / "archive")).ok
    assert await live.bucket(account) == (10, 0, 0)


async def test_an_event_of_a_newer_format_is_named_and_no_other_is_lost(
    live: Live, store: EmbeddedValkey
) -> None:
    account = await live.open(messages=10)
    key = keys.journal_key(keys.partition_of("main", account))
    entries: Any = live.store.xrange(key)
    line = entries[-1][1][b"e"].decode()
    newer = "2" + line[1:]
    live.store.xadd(key, {"e": newer, "c": b""})

    with pytest.raises(EventFormatError, match="event of version 2; this reader knows 1"):
        decode_event(newer)
    report = await audit_store(store.url, store.data_dir / "archive")
    assert [one.stored for one in report.differences] == [newer]
    assert report.event_count == len(entries) + 1
