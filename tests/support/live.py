"""A whole service on a real store in this process, and gRPC that can also send what is wrong."""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import grpc
import redis
from google.protobuf.message import Message
from redis.backoff import NoBackoff
from redis.retry import Retry

from ocs import app
from ocs.app.parts import services
from ocs.archiving import ArchiveTerms, Archiving
from ocs.book.file import tariff_of_file
from ocs.domain.tariff import Tariff
from ocs.rpc.errors import FAILURES
from ocs.rpc.server import RpcOptions, RpcServer
from ocs.service.books import Books
from ocs.settings import load_settings
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey
from ocs.store.ledger import ValkeyLedger
from ocs.telemetry.logging import configure_logging
from ocs.telemetry.metrics import Metrics
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as caps
from tests.rpc.support import Refusal, taken_apart
from tests.support.answers import answer_of
from tests.support.methods import METHODS, method_of
from tests.support.seen import SEEN, UNCHANGED
from tests.support.stages import now_ms

TENANT: Final = "main"
TIMEOUT_S: Final = 10.0
CONNECTIONS: Final = 4
# What background work writes whenever it likes; no money in it.
BACKGROUND: Final = (b":probe", b":lease", b":archive", b":archiver", b":vitals")
# Whatever a status says, it says none of this.
_INSIDE: Final = ("traceback", "error", "exception", "valkey", "redis", "lua", ".py", "sock")

Clock = Callable[[], int]


@dataclass(slots=True)
class Live:
    """A service that serves, the store behind it, and its log."""

    address: str
    channel: grpc.aio.Channel
    # redis-py says str of what are bytes here.
    store: Any
    clock: Clock
    log: io.BytesIO = field(repr=False)
    calls_in_flight: Callable[[], int]
    inside: tuple[str, ...] = _INSIDE
    _ids: "Iterator[int]" = field(default_factory=lambda: count(1))

    # Calls.

    async def send(
        self, method: str, wire: bytes, *, timeout_s: float = TIMEOUT_S, channel: Any = None
    ) -> Any:
        """Send bytes, which need not be a message; return the answer."""
        descriptor = METHODS[method]
        path = f"/{descriptor.containing_service.full_name}/{method}"
        call: Any = (channel or self.channel).unary_unary(path)
        return await answer_of(call(wire, timeout=timeout_s), descriptor)

    async def call(self, request: Message, *, timeout_s: float = TIMEOUT_S) -> Any:
        """Send a request; return the answer. Raises AioRpcError."""
        wire = request.SerializeToString()
        return await self.send(method_of(request), wire, timeout_s=timeout_s)

    async def refused(
        self, request: Message | tuple[str, bytes], *, timeout_s: float = TIMEOUT_S
    ) -> Refusal:
        """Send what must fail; return its status, which tells nothing of the inside."""
        method, wire = (
            request
            if isinstance(request, tuple)
            else (method_of(request), request.SerializeToString())
        )
        try:
            answer = await self.send(method, wire, timeout_s=timeout_s)
        except grpc.aio.AioRpcError as error:
            refusal = taken_apart(error)
        else:
            raise AssertionError(f"{method} answered {answer}")
        self.check_private(refusal)
        return refusal

    def check_private(self, refusal: Refusal) -> None:
        """No exception text, path or secret in any part of a status."""
        assert refusal.message == FAILURES[refusal.reason].message
        assert set(refusal.metadata) <= {"account_seq", "correlation_id"}
        told = " ".join([*refusal.violations, *refusal.violations.values()]).lower()
        assert not [word for word in self.inside if word in told], told

    # Requests, each with an id of its own.

    def new_id(self, prefix: str = "r") -> str:
        """An id that no test of this process uses twice."""
        return f"{prefix}{next(self._ids)}"

    def new_msisdn(self) -> str:
        """A number that no test of this process uses twice."""
        return f"49{next(self._ids):011d}"

    def stamped(self, request: Any) -> Any:
        """Give a mutation what it must have, as far as it has not."""
        if not request.request_id:
            request.request_id = self.new_id()
        if not request.HasField("request_time"):
            request.request_time.FromMilliseconds(self.clock())
        return request

    def reserve(self, account_id: str, units: int = 1, **fields: Any) -> Any:
        """Ask for messages, unless fields say otherwise."""
        given: dict[str, Any] = {"account_id": account_id, "service_id": "sms"}
        given["requested_units"] = units
        return self.stamped(charging.ReserveRequest(**given | fields))

    def commit(self, reservation: str, units: int, rest: str = "close", **fields: Any) -> Any:
        """Report use."""
        request = charging.CommitRequest(reservation=reservation, **fields)
        request.used.add(units=units)
        if rest != "next_grant":
            getattr(request, rest).SetInParent()
        return self.stamped(request)

    def commit_next(self, reservation: str, units: int, next_units: int, **fields: Any) -> Any:
        """Report use and ask for a next grant."""
        wanted = charging.NextGrant(requested_units=next_units)
        return self.commit(reservation, units, "next_grant", next_grant=wanted, **fields)

    def release(self, reservation: str) -> Any:
        """Give back."""
        return self.stamped(charging.ReleaseRequest(reservation=reservation))

    def debit(
        self, account_id: str, units: int = 1, *, authorize: bool = False, **fields: Any
    ) -> Any:
        """Charge messages at once, unless fields say otherwise."""
        basis = charging.DEBIT_BASIS_AUTHORIZE if authorize else charging.DEBIT_BASIS_USED
        given: dict[str, Any] = {"account_id": account_id, "service_id": "sms", "basis": basis}
        given["used_units"] = units
        return self.stamped(charging.DebitRequest(**given | fields))

    def batch(self, *requests: Any, **fields: Any) -> Any:
        """A batch of a stream. One sent as a call of its own is a stream of one batch."""
        batch = charging.ChargeStreamRequest(**fields)
        for request in requests:
            choice = request.DESCRIPTOR.name.removesuffix("Request").lower()
            getattr(batch.items.add(), choice).CopyFrom(request)
        return batch

    def create(self, account_id: str, **fields: Any) -> Any:
        """Open a prepaid account."""
        given = {"account_id": account_id, "currency": "EUR", "plan": "prepaid"}
        return self.stamped(accounts.CreateAccountRequest(**given | fields))

    def top_up(
        self,
        account_id: str,
        *,
        micros: int = 0,
        units: int = 0,
        unit: int = 0,
        **fields: Any,
    ) -> Any:
        """Credit money or units."""
        given: dict[str, Any] = {"account_id": account_id, "payment_reference": self.new_id("p")}
        if micros:
            given["money"] = accounts.MoneyCredit(micros=micros, currency="EUR")
        if units:
            given["units"] = accounts.UnitCredit(units=units, unit=unit)  # type: ignore[arg-type]
        return self.stamped(accounts.TopUpRequest(**given | fields))

    def add_subscriber(self, account_id: str, subscriber_id: str, **fields: Any) -> Any:
        """Add a line."""
        given = {"account_id": account_id, "subscriber_id": subscriber_id}
        return self.stamped(accounts.AddSubscriberRequest(**given | fields))

    def remove_subscriber(self, account_id: str, subscriber_id: str) -> Any:
        """Remove a line."""
        request = accounts.RemoveSubscriberRequest(
            account_id=account_id, subscriber_id=subscriber_id
        )
        return self.stamped(request)

    def update_subscriber(self, account_id: str, subscriber_id: str, **fields: Any) -> Any:
        """Give a line other groups, unless fields say otherwise."""
        given: dict[str, Any] = {"account_id": account_id, "subscriber_id": subscriber_id}
        given["update_mask"] = {"paths": ["group_ids"]}
        return self.stamped(accounts.UpdateSubscriberRequest(**given | fields))

    def set_cap(self, account_id: str, **cap: Any) -> Any:
        """Set a daily cap, unless fields say otherwise."""
        given = {"cap_id": "cap", "period": "CAP_PERIOD_DAY"}
        request = caps.SetSpendingCapRequest(account_id=account_id)
        request.cap.MergeFrom(caps.SpendingCap(**given | cap))
        return self.stamped(request)

    def delete_cap(self, account_id: str, **fields: Any) -> Any:
        """Delete the cap that set_cap sets, unless fields say otherwise."""
        given = {"account_id": account_id, "cap_id": "cap"}
        return self.stamped(caps.DeleteSpendingCapRequest(**given | fields))

    def keep(self, verb: str, account_id: str, **fields: Any) -> Any:
        """Suspend, Resume, Close or Update."""
        request = getattr(accounts, f"{verb}AccountRequest")
        return self.stamped(request(account_id=account_id, **fields))

    def withdraw(self, account_id: str, quantity: int, **fields: Any) -> Any:
        """Take money out, unless fields say otherwise."""
        given: dict[str, Any] = {"account_id": account_id, "bucket_id": "main", "unit": 1}
        given["quantity"] = quantity
        return self.stamped(accounts.WithdrawBalanceRequest(**given | fields))

    def refund(self, event: str, **fields: Any) -> Any:
        """Give a charge back."""
        return self.stamped(charging.RefundRequest(**{"event": event} | fields))

    def adjust(self, account_id: str, quantity: int, **fields: Any) -> Any:
        """Set the money right, unless fields say otherwise."""
        given: dict[str, Any] = {"account_id": account_id, "bucket_id": "main", "unit": 1}
        given |= {"quantity": quantity, "reason": "mistake", "decided_by": "clerk"}
        return self.stamped(accounts.AdjustBucketRequest(**given | fields))

    def reverse(self, account_id: str, payment_reference: str, **fields: Any) -> Any:
        """Take a credit back."""
        given = {"account_id": account_id, "payment_reference": payment_reference}
        return self.stamped(accounts.ReverseTopUpRequest(**given | fields))

    # Accounts with something in them.

    async def open(self, *, micros: int = 0, messages: int = 0, **terms: Any) -> str:
        """Open an account with money and a bucket `messages`; return its id."""
        account_id = self.new_id("a")
        await self.call(self.create(account_id, **terms))
        if micros:
            await self.call(self.top_up(account_id, micros=micros))
        if messages:
            spec = accounts.BucketSpec(bucket_id="messages", priority=1)
            await self.call(self.top_up(account_id, units=messages, unit=4, bucket=spec))
        return account_id

    async def hold(self, account_id: str, units: int = 1, **fields: Any) -> str:
        """Reserve, which must be granted; return the reservation's name."""
        answer = await self.call(self.reserve(account_id, units, **fields))
        assert answer.grant.granted_units == units, answer
        name: str = answer.reservation
        return name

    async def account(self, account_id: str) -> Any:
        """Read an account."""
        return (await self.call(accounts.GetAccountRequest(account_id=account_id))).account

    async def bucket(self, account_id: str, bucket_id: str = "messages") -> tuple[int, int, int]:
        """Return a bucket's balance, reserved and spent."""
        buckets = (await self.account(account_id)).buckets
        found = next(bucket for bucket in buckets if bucket.bucket_id == bucket_id)
        return found.balance, found.reserved, found.spent

    async def caps(self, account_id: str) -> Any:
        """Read the account's own caps by id."""
        answer = await self.call(caps.ListSpendingCapsRequest(account_id=account_id))
        return {cap.cap_id: cap for cap in answer.caps}

    # The store.

    def dump(self) -> dict[bytes, object]:
        """Everything the store holds that decides anything.

        Left out: what background work writes, the count of replays, and claims that are pending,
        which lapse by themselves.
        """
        found: dict[bytes, object] = {}
        for key in self.store.scan_iter(count=1000):
            if key.endswith(BACKGROUND):
                continue
            kind = self.store.type(key)
            if b"}:account:" in key and kind == b"hash":
                fields = self.store.hgetall(key)
                found[key] = {name: fields[name] for name in fields if name != b"replays"}
            elif b"}:lookup:" in key and kind == b"string":
                entry = self.store.get(key) or b""
                if not entry.startswith(b"pending"):
                    found[key] = entry
            else:
                found[key] = self.store.dump(key)
        return found

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing in the store changes, and nothing is added, in this block."""
        before = self.dump()
        yield
        after = self.dump()
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert not changed, sorted(changed)
        SEEN.left(UNCHANGED)

    def journal_length(self) -> int:
        """How many events all journals have together."""
        return sum(self.store.xlen(key) for key in self._journals())

    def journal_kinds(self) -> list[str]:
        """The kind of every event in the journals."""
        entries = (entry for key in self._journals() for _, entry in self.store.xrange(key))
        return [entry[b"e"].split(b" ", 2)[1].decode() for entry in entries]

    def _journals(self) -> list[bytes]:
        keys = (key for key in self.store.scan_iter(count=1000) if key.endswith(b":journal"))
        return [key for key in keys if self.store.type(key) == b"stream"]


def connect(store: EmbeddedValkey) -> redis.Redis:
    """Look into the store past the service; nothing is sent twice."""
    return redis.Redis(unix_socket_path=str(store.socket_path), retry=Retry(NoBackoff(), 0))


@asynccontextmanager
async def serving(store: EmbeddedValkey, **settings: Any) -> AsyncIterator[Live]:
    """Serve as in production, jobs included, on a free port."""
    given: dict[str, Any] = {"listen": "127.0.0.1:0", "drain_probe_s": 0.0}
    given["durability"] = store.durability
    given["archive_dir"] = store.data_dir / "archive"
    # First: a logger keeps what it began with.
    configure_logging(level="info", stream=(log := io.BytesIO()))
    async with (
        app.running(load_settings(**given | settings), store.url) as running,
        _connected(running.server, store, now_ms, log) as live,
    ):
        yield live


@asynccontextmanager
async def serving_at(
    store: EmbeddedValkey, clock: Clock, tariff: Tariff | None = None
) -> AsyncIterator[Live]:
    """Serve with the store's clock replaced by a test's; no jobs. tariff: None = the built-in."""
    pool = make_pool(store.url, CONNECTIONS)
    ledger = ValkeyLedger(pool, connections=CONNECTIONS, now_ms=now_ms, test_clock=clock)
    assert await ledger.load(ledger.pipelines[0]) is None
    options = RpcOptions(port=0, drain_probe_s=0)
    configure_logging(level="info", stream=(log := io.BytesIO()))
    books = Books.fixed(tariff or tariff_of_file(None))
    metrics = Metrics()
    terms = ArchiveTerms(store.data_dir / "archive", None, {})
    made = services(ledger, books, clock, Archiving(terms, metrics))
    server = RpcServer(options, made, metrics)
    await server.start()
    try:
        async with _connected(server, store, clock, log) as live:
            yield live
    finally:
        await server.stop()
        await ledger.close()


@asynccontextmanager
async def _connected(
    server: RpcServer, store: EmbeddedValkey, clock: Clock, log: io.BytesIO
) -> AsyncIterator[Live]:
    metrics = server._host.metrics
    inside = (*_INSIDE, str(store.data_dir).lower(), str(store.socket_path).lower())
    async with grpc.aio.insecure_channel(server.address) as channel:
        with connect(store) as client:
            in_flight: Callable[[], int] = lambda: metrics.calls_in_flight  # noqa: E731 - a getter
            yield Live(server.address, channel, client, clock, log, in_flight, inside)
