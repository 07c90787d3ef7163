"""Rows 73, 87 to 94: a store or a clock in doubt, a service under load or on its way out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.exceptions import ResponseError

from ocs.app import serving as composition
from ocs.domain.answer import Reason
from ocs.rpc.errors import FAILURES
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.ledger import reason_of
from ocs.upkeep import audit_store
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import types_pb2
from tests.rpc.support import taken_apart
from tests.support.live import Live, serving
from tests.support.seen import SEEN
from tests.support.stages import now_ms

SKEW_MS: Final = 10_000
SOON_S: Final = 10.0


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A store that a test may break; its log survives a kill."""
    with private_valkey(tmp_path, "always") as server:
        yield server


@pytest.fixture
async def shaky(own_store: EmbeddedValkey) -> AsyncIterator[Live]:
    """A service over it."""
    async with serving(own_store) as live:
        yield live
        SEEN.journaled(live.journal_kinds())


async def unavailable(live: Live, request: Any, reason: str = "STORE_UNAVAILABLE") -> None:
    refusal = await live.refused(request, timeout_s=1.0)
    assert (refusal.code.name, refusal.reason) == ("UNAVAILABLE", reason)
    assert refusal.retry_ms > 0


async def readiness(live: Live, *, ready: bool) -> None:
    """Wait until the service says so of itself."""
    stub = health_pb2_grpc.HealthStub(live.channel)
    response = health_pb2.HealthCheckResponse
    wanted = response.SERVING if ready else response.NOT_SERVING
    async with asyncio.timeout(SOON_S):
        async for status in stub.Watch(health_pb2.HealthCheckRequest()):
            if status.status == wanted:
                return


def mutations(live: Live, account: str, reservation: str) -> list[Any]:
    """One of each, on an account with a reservation."""
    return [
        live.reserve(account),
        live.debit(account),
        live.debit(account, authorize=True),
        live.commit(reservation, 1, "keep"),
        live.commit_next(reservation, 1, 1),
        live.release(reservation),
        live.top_up(account, micros=1),
        live.add_subscriber(account, live.new_id("s")),
        live.set_cap(account, limit_micros=1_000_000),
        live.create(live.new_id("a")),
    ]


@pytest.mark.parametrize("skew_ms", [SKEW_MS, -SKEW_MS])
async def test_row_73_clocks_that_disagree(
    store: EmbeddedValkey, live: Live, monkeypatch: pytest.MonkeyPatch, skew_ms: int
) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    monkeypatch.setattr(composition, "now_ms", lambda: now_ms() + skew_ms)
    async with serving(store) as askew:
        with live.unchanged():
            for request in mutations(live, account, reservation):
                await unavailable(askew, request, "CLOCK_SKEW")
        await readiness(askew, ready=False)
        # Reading is no danger.
        assert await askew.bucket(account) == (10, 4, 0)

    assert await live.bucket(account) == (10, 4, 0)


@pytest.mark.parametrize("timeout_s", [0.0, 0.000_001, 0.001, 0.004])
async def test_row_87_a_deadline_too_short_to_begin(live: Live, timeout_s: float) -> None:
    account = await live.open(messages=10)
    request = live.debit(account, 4)

    with live.unchanged(), pytest.raises(grpc.aio.AioRpcError) as caught:
        await live.call(request, timeout_s=timeout_s)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not (await live.call(request)).receipt.replayed


async def test_row_87_what_the_store_gets_to_too_late_is_not_done(live: Live) -> None:
    account = await live.open(messages=10)
    request = live.debit(account, 4)
    live.store.client_pause(400)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await live.call(request, timeout_s=0.2)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # The command is in the store's queue; it comes to its turn before this read does.
    assert await live.bucket(account) == (10, 0, 0)
    assert not (await live.call(request)).receipt.replayed


async def test_row_89_a_store_that_is_gone_and_comes_back(
    shaky: Live, own_store: EmbeddedValkey
) -> None:
    account = await shaky.open(messages=100)
    reservation = await shaky.hold(account, 4)
    before = await shaky.bucket(account)
    await readiness(shaky, ready=True)
    own_store.kill()
    assert own_store.wait_dead(SOON_S)
    requests = mutations(shaky, account, reservation)[:-1]

    await asyncio.gather(*(unavailable(shaky, request) for request in requests))
    await unavailable(shaky, accounts.GetAccountRequest(account_id=account))
    await unavailable(shaky, accounts.ListChargingEventsRequest(account_id=account))
    await readiness(shaky, ready=False)
    own_store.restart()
    await readiness(shaky, ready=True)

    assert await shaky.bucket(account) == before
    for request in requests:
        assert not (await shaky.call(request)).receipt.replayed


async def test_row_89_a_store_that_comes_back_within_the_deadline(
    shaky: Live, own_store: EmbeddedValkey
) -> None:
    account = await shaky.open(messages=100)
    own_store.kill()
    assert own_store.wait_dead(SOON_S)
    call = asyncio.create_task(shaky.call(shaky.debit(account, 4)))
    await asyncio.to_thread(own_store.restart)

    await call

    assert await shaky.bucket(account) == (96, 0, 4)


@contextmanager
def read_only(live: Live) -> Iterator[None]:
    """A replica takes no writes. READONLY."""
    live.store.replicaof("127.0.0.1", 1)
    yield
    live.store.replicaof("NO", "ONE")


@contextmanager
def without_replicas(live: Live) -> Iterator[None]:
    """A primary that wants replicas it has not. NOREPLICAS."""
    live.store.config_set("min-replicas-to-write", 1)
    yield
    live.store.config_set("min-replicas-to-write", 0)


@contextmanager
def unable_to_save(live: Live) -> Iterator[None]:
    """A server whose last snapshot failed. MISCONF."""
    config = live.store.config_get("dir", "dbfilename")
    in_the_way = Path(config["dir"]) / config["dbfilename"]
    in_the_way.mkdir()
    (in_the_way / "full").touch()
    live.store.config_set("save", "3600 1")
    live.store.bgsave()
    give_up = time.monotonic() + SOON_S
    while live.store.info("persistence")["rdb_bgsave_in_progress"]:
        assert time.monotonic() < give_up
    assert live.store.info("persistence")["rdb_last_bgsave_status"] == "err"
    yield
    live.store.config_set("save", "")


@pytest.mark.parametrize("trouble", [read_only, without_replicas, unable_to_save])
async def test_row_89_a_store_that_takes_no_writes(
    shaky: Live, trouble: Callable[[Live], Any]
) -> None:
    account = await shaky.open(messages=100)
    reservation = await shaky.hold(account, 4)
    requests = mutations(shaky, account, reservation)
    with trouble(shaky), shaky.unchanged():
        for request in requests:
            await unavailable(shaky, request)
        await readiness(shaky, ready=False)
        assert await shaky.bucket(account) == (100, 4, 0)

    await readiness(shaky, ready=True)
    for request in requests:
        assert not (await shaky.call(request)).receipt.replayed


async def test_row_89_a_store_that_does_not_even_read(shaky: Live) -> None:
    account = await shaky.open(messages=100)
    identity = types_pb2.SubscriberIdentity(msisdn=shaky.new_msisdn())
    await shaky.call(shaky.add_subscriber(account, "s", identities=[identity]))
    shaky.store.config_set("replica-serve-stale-data", "no")
    shaky.store.replicaof("127.0.0.1", 1)

    # MASTERDOWN: what cannot be read is not "not found".
    await unavailable(shaky, accounts.LookupSubscriberRequest(identity=identity))
    await unavailable(shaky, accounts.GetAccountRequest(account_id=account))
    await unavailable(shaky, accounts.GetAccountRequest(account_id="nobody"))
    await unavailable(shaky, shaky.reserve("nobody"))
    await unavailable(shaky, accounts.ListChargingEventsRequest(account_id=account))

    shaky.store.replicaof("NO", "ONE")
    found = await shaky.call(accounts.LookupSubscriberRequest(identity=identity))
    assert found.account_id == account


async def test_row_89_a_store_that_is_full_still_settles(
    shaky: Live, own_store: EmbeddedValkey
) -> None:
    account = await shaky.open(messages=100)
    reservations = [await shaky.hold(account, 4) for _ in range(3)]
    shaky.store.config_set("maxmemory", "1mb")

    # No new holds and no new credit; what was held or used is settled all the same.
    for request in (
        shaky.reserve(account),
        shaky.debit(account, authorize=True),
        shaky.top_up(account, micros=1),
        shaky.set_cap(account, limit_micros=1),
        shaky.create(shaky.new_id("a")),
    ):
        await unavailable(shaky, request, "STORE_FULL")
    await shaky.call(shaky.commit(reservations[0], 3))
    await shaky.call(shaky.commit(reservations[1], 1, "keep"))
    await shaky.call(shaky.release(reservations[2]))
    await shaky.call(shaky.debit(account, 5))

    assert await shaky.bucket(account) == (91, 3, 9)
    await readiness(shaky, ready=False)
    assert (await audit_store(own_store.url, own_store.data_dir / "archive")).ok

    shaky.store.config_set("maxmemory", "100mb")
    await readiness(shaky, ready=True)
    assert await shaky.hold(account, 4)
    assert (await audit_store(own_store.url, own_store.data_dir / "archive")).ok


async def test_row_89_a_service_that_starts_on_a_full_store_settles_too(
    shaky: Live, own_store: EmbeddedValkey
) -> None:
    account = await shaky.open(messages=100)
    reservation = await shaky.hold(account, 4)
    shaky.store.config_set("maxmemory", "1mb")

    async with serving(own_store) as started:
        await readiness(started, ready=False)
        await started.call(started.commit(reservation, 3))
        await unavailable(started, started.reserve(account), "STORE_FULL")

    assert await shaky.bucket(account) == (97, 0, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CLUSTERDOWN The cluster is down", Reason.STORE_UNAVAILABLE),
        ("TRYAGAIN Multiple keys request during rehashing of slot", Reason.STORE_UNAVAILABLE),
        ("MOVED 3999 127.0.0.1:6381", Reason.STORE_UNAVAILABLE),
        ("BUSY Valkey is busy running a script", Reason.STORE_UNAVAILABLE),
        ("NOAUTH Authentication required.", Reason.STORE_UNAVAILABLE),
        ("OOM command not allowed when used memory > 'maxmemory'.", Reason.STORE_FULL),
        ("STATE_CORRUPT bucket script: on @user_function:3.", Reason.STATE_CORRUPT),
        ("user_function:3: attempt to compare nil with number", Reason.STATE_CORRUPT),
        ("WRONGTYPE Operation against a key", Reason.STATE_CORRUPT),
    ],
)
def test_row_89_what_a_store_says_of_itself(text: str, reason: Reason) -> None:
    assert reason_of(ResponseError(text)) is reason
    SEEN.answered(FAILURES[reason].code.name, reason)


async def test_row_90_scripts_that_are_gone_are_loaded_again(live: Live) -> None:
    account = await live.open(messages=100)
    reservation = await live.hold(account, 4)
    for request in [*mutations(live, account, reservation)[:6], live.reserve(account)]:
        live.store.function_flush()

        assert not (await live.call(request)).receipt.replayed

    assert len(live.store.function_list()) == 1


async def test_row_90_many_calls_find_them_gone_at_once(live: Live) -> None:
    account = await live.open(messages=1000)
    live.store.function_flush()

    await asyncio.gather(*(live.call(live.debit(account)) for _ in range(100)))

    assert await live.bucket(account) == (900, 0, 100)


async def test_row_93_calls_that_run_end_and_new_ones_go_elsewhere(
    store: EmbeddedValkey, live: Live
) -> None:
    account = await live.open(messages=1000)
    wires = [live.debit(account).SerializeToString() for _ in range(52)]
    async with AsyncExitStack() as stack:
        async with serving(store) as leaving:
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(leaving.address))
            await live.send("Debit", wires.pop(), channel=channel)
            live.store.client_pause(500)
            calls = [
                asyncio.create_task(live.send("Debit", wire, channel=channel)) for wire in wires[1:]
            ]
            async with asyncio.timeout(SOON_S):
                while leaving.calls_in_flight() < len(calls):  # noqa: ASYNC110 - a count
                    await asyncio.sleep(0)
            # Leaving the block drains the server while the store keeps all of them waiting.

        ended = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await live.send("Debit", wires[0], timeout_s=1.0, channel=channel)

    assert [error for error in ended if isinstance(error, BaseException)] == []
    assert await live.bucket(account) == (949, 0, 51)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_row_94_calls_beyond_the_bound_are_shed_with_advice(
    store: EmbeddedValkey, live: Live
) -> None:
    account = await live.open(messages=1000)
    async with serving(store, calls_in_flight_max=16) as small:
        requests = [live.debit(account) for _ in range(160)]
        live.store.client_pause(300)
        calls = (asyncio.create_task(small.call(request)) for request in requests)

        ended = await asyncio.gather(*calls, return_exceptions=True)

        shed = []
        for request, result in zip(requests, ended, strict=True):
            if isinstance(result, grpc.aio.AioRpcError):
                refusal = taken_apart(result)
                small.check_private(refusal)
                assert (refusal.code.name, refusal.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
                assert refusal.retry_ms > 0
                shed.append(request)
        assert 0 < len(shed) <= 160 - 16
        taken = 160 - len(shed)
        assert await live.bucket(account) == (1000 - taken, 0, taken)
        # Nothing of them was begun.
        for request in shed:
            assert not (await small.call(request)).receipt.replayed

    assert await live.bucket(account) == (840, 0, 160)


async def test_row_94_more_calls_than_streams_on_one_connection_all_end_well(live: Live) -> None:
    account = await live.open(messages=10_000)

    ended = await asyncio.gather(
        *(live.call(live.debit(account), timeout_s=60) for _ in range(1500)),
        return_exceptions=True,
    )

    assert [error for error in ended if isinstance(error, BaseException)] == []
    assert await live.bucket(account) == (8500, 0, 1500)
