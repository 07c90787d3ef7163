"""The documented store user can do everything the service does, and nothing else."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from ocs import app
from ocs.settings import load_settings
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.journal import ValkeyJournal
from ocs.store.pipeline import Pipeline
from ocs.upkeep import audit_store
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import types_pb2
from tests.archive.support import archiver
from tests.security.support import until
from tests.support.live import Live, connect
from tests.support.stages import now_ms

OPERATIONS: Final = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
PASSWORD: Final = "correct-horse-battery-staple"  # noqa: S105 - of a server that ends with the test
HASH: Final = hashlib.sha256(PASSWORD.encode()).hexdigest()

REFUSED: Final = (
    ("CONFIG", "GET", "requirepass"), ("CONFIG", "SET", "dir", "x"), ("CONFIG", "REWRITE"),
    ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("RANDOMKEY",), ("SWAPDB", "0", "1"),
    ("SELECT", "1"), ("EVAL", "return 1", "0"), ("EVALSHA", "0" * 40, "0"),
    ("SCRIPT", "LOAD", "return 1"), ("FUNCTION", "FLUSH"), ("FUNCTION", "DELETE", "x"),
    ("FUNCTION", "LIST"), ("FUNCTION", "DUMP"), ("FUNCTION", "RESTORE", "x"),
    ("ACL", "SETUSER", "x"), ("ACL", "LIST"), ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"), ("MIGRATE", "h", "1", "k", "0", "1"), ("SAVE",), ("BGSAVE",),
    ("BGREWRITEAOF",), ("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "1"), ("MONITOR",),
    ("MODULE", "LIST"), ("SUBSCRIBE", "x"), ("PUBLISH", "x", "y"), ("WAIT", "0", "0"),
    ("DUMP", "{x}:account:main:a"), ("RENAME", "{x}:a", "{x}:b"), ("XSETID", "{x}:j", "1-1"),
    ("XDEL", "{x}:journal", "1-1"), ("EXPIRE", "{x}:account:main:a", "1"),
)  # fmt: skip
# Sent in their own time: deleting a request that was refused, say.
SELDOM: Final = {"pexpire", "del"}


def documented() -> str:
    """The rules of the user `ocs`, as an operator copies them."""
    found = re.search(r"^user ocs on #<[^>]*> (.+)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


@dataclass(frozen=True, slots=True)
class Side:
    """The server, its owner, the service's user and a service that runs as that user."""

    url: str
    owner: redis.Redis
    user: redis.Redis
    service: app.Running
    live: Live
    archive_dir: Path


@pytest.fixture(scope="module")
def guarded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("acl"), "always") as server:
        with connect(server) as owner:
            rules = documented().split(" ")
            owner.execute_command("ACL", "SETUSER", "ocs", "reset", "on", f"#{HASH}", *rules)
        yield server


@pytest.fixture(scope="module")
async def side(guarded_store: EmbeddedValkey) -> AsyncIterator[Side]:
    path = str(guarded_store.socket_path)
    url = guarded_store.url.replace("unix://", "unix://ocs@") + f"?password={PASSWORD}"
    settings = load_settings(
        listen="127.0.0.1:0",
        drain_probe_s=0.0,
        durability="everysec",
        archive_interval_s=1.0,
        archive_dir=guarded_store.data_dir / "archive",
    )
    user = redis.Redis(
        unix_socket_path=path, username="ocs", password=PASSWORD, retry=Retry(NoBackoff(), 0)
    )
    with connect(guarded_store) as owner, user:
        owner.config_resetstat()
        async with (
            app.running(settings, url) as service,
            grpc.aio.insecure_channel(service.address) as channel,
        ):
            nothing: Any = None
            live = Live(service.address, channel, owner, now_ms, nothing, lambda: 0)
            yield Side(url, owner, user, service, live, settings.archive_path)


async def use_everything(live: Live) -> str:
    """Every method of the contract once at least, refusals and replays among them."""
    account = await live.open(micros=9_000_000, messages=5)
    line = live.add_subscriber(account, "line", group_ids=["family"])
    number = live.new_msisdn()
    line.identities.add(msisdn=number)
    await live.call(line)
    identity = types_pb2.SubscriberIdentity(msisdn=number)
    await live.call(accounts.LookupSubscriberRequest(identity=identity))
    for holder in ({}, {"subscriber_id": "line"}, {"group_id": "family"}):
        await live.call(
            live.set_cap(account, limit_micros=8_000_000, holder=types_pb2.CapHolder(**holder))
        )
    await live.call(caps.ListSpendingCapsRequest(account_id=account))
    by_number = live.reserve("", 2, identity=identity, session_id="s", sequence_number=0)
    first = await live.call(by_number)
    assert first == await_replayed(await live.call(by_number))
    await live.call(live.commit_next(first.reservation, 1, 1, sequence_number=1))
    await live.call(live.commit(first.reservation, 1))
    await live.call(live.release(await live.hold(account)))
    await live.call(live.debit(account, 1))
    await live.call(live.debit(account, 10**9, authorize=True))
    await live.call(live.debit(account, 10**6))  # more than there is: uncollected
    await live.call(accounts.GetAccountRequest(account_id=account))
    page = await live.call(accounts.ListChargingEventsRequest(account_id=account))
    assert page.events
    assert (await live.refused(live.create(account, segment="x"))).reason == "ACCOUNT_EXISTS"
    assert (await live.refused(live.release("tenants/main/accounts/none/reservations/r"))).reason
    return account


def await_replayed(answer: Any) -> Any:
    """The answer without what a replay adds."""
    assert answer.receipt.replayed
    answer.receipt.replayed = False
    return answer


async def expire_something(side: Side) -> None:
    """Let the job close a bucket that ends in a moment."""
    account = await side.live.open()
    spec = accounts.BucketSpec(bucket_id="brief", priority=1)
    spec.expire_time.FromMilliseconds(now_ms() + 1_000)
    await side.live.call(side.live.top_up(account, units=1, unit=4, bucket=spec))
    due = keys.due_key(keys.partition_of("main", account))
    assert side.owner.zscore(due, f"main/{account}") is not None

    def closed() -> bool:
        return side.owner.zscore(due, f"main/{account}") is None

    await until(closed, "the job did not come")


async def trim_something(side: Side) -> None:
    """Let an archiver confirm and trim what no account has."""
    unused = keys.partition_of("main", "nobody")
    async with archiver(side.url, side.archive_dir) as other:
        await other.control.settle(1000, {unused: ("1-1", "1-1")})


async def test_the_service_works_as_the_documented_user(side: Side) -> None:
    await use_everything(side.live)
    await expire_something(side)
    await trim_something(side)

    assert await side.service.ledger.doubt() is None
    await follow_journal(side)
    report = await audit_store(side.url, side.archive_dir)
    assert report.difference_count == 0
    assert report.account_count >= 2
    refused = side.owner.execute_command("ACL", "LOG")  # type: ignore[no-untyped-call]
    reasons = {(entry[b"object"], entry[b"reason"]) for entry in map(_pairs, refused)}
    assert reasons == {(b"config|get", b"command")}

    granted = {rule[1:] for rule in documented().split(" ") if rule.startswith("+")}
    stats: Any = side.owner.info("commandstats")
    used = {name.removeprefix("cmdstat_") for name in stats}
    assert granted - used <= SELDOM


async def follow_journal(side: Side) -> None:
    """What `ocs insights` does in the store."""
    pool = make_pool(side.url, 1)
    pipeline = Pipeline(pool)
    journal = ValkeyJournal(pipeline)
    assert (await journal.mark()).generation
    oldest = await journal.oldest()
    assert {run.partition for run in await journal.read(dict.fromkeys(oldest, ""))} == set(oldest)
    await pipeline.close()
    await pool.disconnect()


def _pairs(entry: Any) -> dict[bytes, Any]:
    return entry if isinstance(entry, dict) else dict(zip(entry[::2], entry[1::2], strict=True))


def test_the_durability_that_it_may_not_ask_for_is_not_promised(side: Side) -> None:
    assert side.service.durability == "everysec"


@pytest.mark.parametrize("command", REFUSED, ids=lambda command: " ".join(map(str, command[:2])))
def test_nothing_else_is_allowed(side: Side, command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        side.user.execute_command(*command)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("key", ["other", "account:main:a", "{x}", "x{y}:z"])
def test_keys_of_others_are_closed(side: Side, key: str) -> None:
    with pytest.raises(NoPermissionError):
        side.user.get(key)
    with pytest.raises(NoPermissionError):
        side.user.set(key, "1")


@pytest.mark.parametrize("command", ["'FLUSHALL'", "'KEYS', '*'", "'GET', 'other'"])
def test_a_script_of_a_thief_reaches_no_further(side: Side, command: str) -> None:
    """What FUNCTION LOAD lets in runs with the rights of its caller."""
    code = (
        "#!lua name=thief\nredis.register_function('thief', "
        f"function() return redis.call({command}) end)"
    )
    side.user.function_load(code, replace=True)
    try:
        with pytest.raises(redis.ResponseError, match=r"ACL failure in script|No permissions"):
            side.user.execute_command("FCALL", "thief", 0)  # type: ignore[no-untyped-call]
    finally:
        side.owner.function_delete("thief")
