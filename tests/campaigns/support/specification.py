"""The service's own use cases and edge over the memory ledger: what an answer has to be."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from ocs.book.document import read_tariff
from ocs.book.file import tariff_of_file
from ocs.domain.answer import Answer
from ocs.domain.commands import Command, Expire
from ocs.domain.state import AccountState
from ocs.ports import Claim, Clock, EventLog, LoggedEvent, TariffStore
from ocs.rpc.account import AccountServicer
from ocs.rpc.call import CallInfo
from ocs.rpc.charging import ChargingServicer
from ocs.rpc.event_context import decode_context, encode_context
from ocs.rpc.method import RpcService
from ocs.rpc.spending_cap import SpendingCapServicer
from ocs.service.accounts import Accounts
from ocs.service.books import Books
from ocs.service.charge_corrections import ChargeCorrections
from ocs.service.charging import Charging
from ocs.service.corrections import Corrections
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError
from ocs.service.explanations import Explanations
from ocs.service.journal_room import JournalRoom
from ocs.service.keeping import Keeping
from ocs.service.lines import Lines
from ocs.service.mutations import Mutations
from ocs.service.queries import Queries
from ocs.service.refunds import Refunds
from ocs.service.tariffs import Tariffs
from ocs.store.memory import MemoryLedger
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as spending_caps
from tests.campaigns.support.calls import Call
from tests.model.pair import check_grant, check_promises

TENANT = "main"
ACTOR = "anonymous"

REQUESTS: dict[str, type[Message]] = {
    "CreateAccount": accounts.CreateAccountRequest,
    "GetAccount": accounts.GetAccountRequest,
    "AddSubscriber": accounts.AddSubscriberRequest,
    "TopUp": accounts.TopUpRequest,
    "Reserve": charging.ReserveRequest,
    "Commit": charging.CommitRequest,
    "Release": charging.ReleaseRequest,
    "Debit": charging.DebitRequest,
    "SetSpendingCap": spending_caps.SetSpendingCapRequest,
    "ListSpendingCaps": spending_caps.ListSpendingCapsRequest,
}

T = TypeVar("T")


class SpecLedger(MemoryLedger):
    """The memory ledger, with each event's context, and the promises checked after each step."""

    def __init__(self) -> None:
        super().__init__(lambda: self.clock_ms)
        self.clock_ms = 0
        self.logged: list[LoggedEvent] = []

    def decide(self, command: Command) -> Answer:
        """Decide, keep what was journaled, and check P2 and P3."""
        seen = len(self.journal)
        before = self.accounts.get((command.tenant, command.account_id))
        answer = super().decide(command)
        for event in self.journal[seen:]:
            own = event.kind not in ("EXPIRE", "BUCKET_CLOSED")
            context = command.context if own and not isinstance(command, Expire) else b""
            self.logged.append(LoggedEvent("", event, context))
        state = self.accounts.get((command.tenant, command.account_id))
        if state is not None and len(self.journal) > seen:
            check_promises(state, before)
            check_grant(state, answer, self.clock_ms)
        return answer


class SpecLookups:
    """Every id is free for whoever claims it: the account has the last word, as it always has."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str, str], tuple[str, str, str]] = {}

    async def claim(
        self, tenant: str, kind: str, value: str, owner: tuple[str, str, str], *, deadline_ms: int
    ) -> Claim:
        """Give it."""
        del tenant, kind, value, deadline_ms
        return Claim("claimed", *owner, 0)

    async def settle(
        self,
        tenant: str,
        kind: str,
        value: str,
        claim: Claim,
        *,
        confirmed: bool,
        deadline_ms: int,
    ) -> None:
        """Remember whose it is."""
        del deadline_ms
        if confirmed:
            self._owners[(tenant, kind, value)] = claim.owner

    async def release(
        self, tenant: str, kind: str, value: str, claim: Claim, *, deadline_ms: int
    ) -> None:
        """Forget whose it was."""
        del claim, deadline_ms
        self._owners.pop((tenant, kind, value), None)

    async def find(
        self, tenant: str, kind: str, value: str, *, fresh: bool = False
    ) -> Claim | None:
        """Look it up."""
        del fresh
        owner = self._owners.get((tenant, kind, value))
        return Claim("confirmed", *owner, 0) if owner is not None else None

    async def owns(self, tenant: str, kind: str, value: str, owner: tuple[str, str, str]) -> bool:
        """Compare the owner."""
        return self._owners.get((tenant, kind, value)) == owner


class Specification:
    """The service over the memory ledger, at a clock that the replay sets."""

    def __init__(self) -> None:
        self.ledger = SpecLedger()
        books = Books.fixed(tariff_of_file(None))
        directory = Directory(SpecLookups())
        clock: Clock = lambda: self.ledger.clock_ms  # noqa: E731 - a getter
        charge = Charging(self.ledger, directory, books, encode_context, clock, room=JournalRoom())
        # Nothing here lists events.
        no_journal = cast("EventLog", None)
        mutations = Mutations(self.ledger, encode_context)
        keep = Accounts(self.ledger, directory, no_journal, books, mutations)
        queries = Queries(self.ledger, self.ledger, directory, books)
        lines = Lines(self.ledger, self.ledger, directory, mutations)
        refunds = Refunds(mutations, no_journal)
        no_store = Tariffs(cast("TariffStore", None), read_tariff)
        explained = Explanations(mutations, no_journal, books, no_store, decode_context)
        more = ChargeCorrections(self.ledger, mutations, no_journal, decode_context)
        services: list[RpcService] = [
            ChargingServicer(charge, refunds, more, queries, explained).service(),
            AccountServicer(
                keep, lines, Keeping(mutations, books), Corrections(mutations), queries
            ).service(),
            SpendingCapServicer(keep).service(),
        ]
        self._handlers: dict[str, Callable[..., Awaitable[Message]]] = {
            name: handler for service in services for name, handler in service.handlers.items()
        }

    def state(self, account_id: str) -> AccountState | None:
        """The account now."""
        return self.ledger.accounts.get((TENANT, account_id))

    def seq(self, account_id: str) -> int:
        """Number of the account's last event."""
        state = self.state(account_id)
        return state.seq if state is not None else 0

    def answer(self, method: str, request: Message, clock_ms: int) -> Message | ServiceError:
        """Run one call at a moment."""
        self.ledger.clock_ms = clock_ms
        info = CallInfo(method, TENANT, ACTOR, clock_ms, clock_ms)
        try:
            return _finish(self._handlers[method](info, request))
        except ServiceError as error:
            return error

    def expire(self, account_id: str, clock_ms: int) -> None:
        """Expire what is due at a moment, one round of it."""
        self.ledger.clock_ms = clock_ms
        self.ledger.decide(Expire(tenant=TENANT, account_id=account_id))


def _finish(waiting: Awaitable[T]) -> T:
    """Run what never waits, because all of it is in memory."""
    try:
        cast("Coroutine[Any, Any, T]", waiting).send(None)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("the specification waited for something")


class CapView:
    """A cap as an answer of SetSpendingCap shows it."""

    def __init__(self, call: Call, decided_ms: int, cap: spending_caps.SpendingCap) -> None:
        self.call = call
        self.cap = cap
        self._from_ms = decided_ms

    def seen(self, spec: Specification, until_ms: int) -> bool:
        """Whether the cap stood like this at some moment until then, with the state as it is."""
        request = spending_caps.ListSpendingCapsRequest(account_id=self.call.account_id)
        if self.cap.HasField("holder"):
            request.holder.CopyFrom(self.cap.holder)
        for moment_ms in self._moments(spec, until_ms):
            reply = spec.answer("ListSpendingCaps", request, moment_ms)
            if isinstance(reply, spending_caps.ListSpendingCapsResponse) and any(
                cap == self.cap for cap in reply.caps
            ):
                return True
        self._from_ms = until_ms
        return False

    def _moments(self, spec: Specification, until_ms: int) -> Iterator[int]:
        """When a view may change without an event: as a hold lapses, and at the ends."""
        state = spec.state(self.call.account_id)
        assert state is not None
        yield self._from_ms
        for hold in state.holds.values():
            if self._from_ms < hold.expire_ms <= until_ms:
                yield hold.expire_ms
        yield until_ms
