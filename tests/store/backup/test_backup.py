"""A backup taken under load and restored elsewhere: whole, proved, nothing acknowledged missing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey, private_valkey
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2
from tests.security.test_store_user import HASH, PASSWORD, documented
from tests.store.backup.support import contents, ocs
from tests.support.live import Live, connect, serving

CALLERS = 12
BEFORE_COUNT = 300


@pytest.fixture
async def live(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving(store) as service:
        yield service


class Load:
    """Gateways that charge without a pause; what was acknowledged, in order."""

    def __init__(self, live: Live, account_ids: list[str]) -> None:
        self.acknowledged: list[tuple[str, str]] = []
        self._live = live
        self._account_ids = account_ids
        self._stop = asyncio.Event()
        self._tasks = [asyncio.create_task(self._charge(i)) for i in range(CALLERS)]

    async def _charge(self, number: int) -> None:
        live, turn = self._live, number
        while not self._stop.is_set():
            turn += 1
            account_id = self._account_ids[turn % len(self._account_ids)]
            hold = live.reserve(account_id, 2, session_id=f"s{number}", sequence_number=turn)
            name = (await self._acknowledged(account_id, hold)).reservation
            requests: list[Any] = [live.debit(account_id), live.top_up(account_id, micros=1)]
            if name:
                requests.append(live.commit(name, 1) if turn % 3 else live.release(name))
            for request in requests:
                await self._acknowledged(account_id, request)

    async def _acknowledged(self, account_id: str, request: Any) -> Any:
        answer = await self._live.call(request)
        self.acknowledged.append((account_id, request.request_id))
        return answer

    async def until(self, count: int) -> None:
        """Wait until so many calls are acknowledged."""
        while len(self.acknowledged) < count:
            assert not any(task.done() for task in self._tasks)
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)


async def open_accounts(live: Live) -> list[str]:
    """Accounts of every kind of key: lines, groups, caps, lookups, payments, refunds."""
    opened = []
    for _ in range(8):
        account = await live.open(micros=9_000_000, messages=100_000)
        line = live.add_subscriber(account, "line", group_ids=["family"])
        line.identities.add(msisdn=live.new_msisdn())
        await live.call(line)
        for holder in ({}, {"subscriber_id": "line"}, {"group_id": "family"}):
            cap = types_pb2_holder(holder)
            await live.call(live.set_cap(account, limit_micros=8_000_000, holder=cap))
        await live.call(live.reserve(account, 3, subscriber_id="line"))
        debit = await live.call(live.debit(account, 2, subscriber_id="line"))
        seq = debit.receipt.account_seq
        await live.call(live.refund(f"tenants/main/accounts/{account}/events/{seq}"))
        opened.append(account)
    return opened


def types_pb2_holder(holder: dict[str, str]) -> types_pb2.CapHolder:
    return types_pb2.CapHolder(**holder)


async def is_there(live: Live, account_id: str, request_id: str) -> bool:
    asked = charging.GetRequestRequest(account_id=account_id, asked_request_id=request_id)
    found = await live.call(asked)
    return bool(found.receipt.account_seq)


@pytest.mark.parametrize("into", ["directory", "server"])
async def test_a_backup_under_load_has_all_that_was_acknowledged_and_proves_itself(
    live: Live, store: EmbeddedValkey, tmp_path: Path, into: str
) -> None:
    load = Load(live, await open_accounts(live))
    await load.until(BEFORE_COUNT)
    before = list(load.acknowledged)
    file = tmp_path / "books.ocs"

    backup = asyncio.create_task(
        asyncio.to_thread(ocs, "backup", str(file), "--store-url", store.url)
    )
    status, made, said = await backup
    during = len(load.acknowledged) - len(before)
    await load.stop()

    assert (status, said) == (0, "")
    assert made["snapshot_bytes"] > 10_000
    assert during > 0, "the load did not go on beside the backup"

    if into == "directory":
        where = tmp_path / "elsewhere"
        there = ("--data-dir", str(where))
        status, restored, said = await asyncio.to_thread(ocs, "restore", str(file), *there)
        target = EmbeddedValkey.start(EmbeddedOptions(where / "store"))
    else:
        target = private_valkey(tmp_path / "elsewhere", "always")
        rules = documented().split(" ")
        with connect(target) as owner:
            owner.execute_command("ACL", "SETUSER", "ocs", "reset", "on", f"#{HASH}", *rules)
        url = target.url.replace("unix://", "unix://ocs@") + f"?password={PASSWORD}"
        there = ("--store-url", url)
        status, restored, said = await asyncio.to_thread(ocs, "restore", str(file), *there)
    with target:
        assert (status, said) == (0, "")
        assert restored["audit"]["ok"]
        assert restored["audit"]["account_count"] == 8
        assert restored["audit"]["event_count"] >= len(before)
        async with serving(target) as again:
            for account_id, request_id in before:
                assert await is_there(again, account_id, request_id)
            # It goes on: a resend is answered from its record, a new call is charged.
            account = before[0][0]
            assert not (await again.call(live.debit(account))).receipt.replayed
            listed = await again.call(accounts.ListAccountsRequest(page_size=50))
            assert len(listed.accounts) == 8


async def test_what_is_restored_is_what_was_there_to_the_key(
    live: Live, store: EmbeddedValkey, tmp_path: Path
) -> None:
    await open_accounts(live)
    was = contents(store.url)
    file = tmp_path / "books.ocs"
    assert (await asyncio.to_thread(ocs, "backup", str(file), "--store-url", store.url))[0] == 0

    where = tmp_path / "elsewhere"
    there = ("--data-dir", str(where))
    assert (await asyncio.to_thread(ocs, "restore", str(file), *there))[0] == 0
    with EmbeddedValkey.start(EmbeddedOptions(where / "store")) as target:
        assert contents(target.url) == was
    with private_valkey(tmp_path / "other", "always") as target:
        there = ("--store-url", target.url)
        assert (await asyncio.to_thread(ocs, "restore", str(file), *there))[0] == 0
        copied = contents(target.url)
        # A copied hash or stream may be packed otherwise; its figures are compared.
        assert copied.keys() == was.keys()
        assert {n: e for n, (_, e) in copied.items()} == {n: e for n, (_, e) in was.items()}
        with connect(target) as one, connect(store) as other:
            for name in was:
                assert value(one, name) == value(other, name), name


def value(client: Any, name: bytes) -> object:
    match client.type(name):
        case b"hash":
            return client.hgetall(name)
        case b"set":
            return client.smembers(name)
        case b"zset":
            return client.zrange(name, 0, -1, withscores=True)
        case b"stream":
            return client.xrange(name), client.xinfo_stream(name)["last-generated-id"]
        case _:
            return client.get(name)
