"""An account's history, replayed through the specification in the order of its journal.

The use cases and the edge are the service's own code, over the memory ledger, with the clock set to
each answer's store time. So what comes out is the reply the caller must have got, every field of
it, and the event the journal must hold.
"""

import difflib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from ocs.app import load_tariff
from ocs.domain.answer import Answer
from ocs.domain.commands import Command, Expire
from ocs.domain.state import AccountState
from ocs.limits import TIME_MAX_MS
from ocs.ports import Claim, EventLog, LoggedEvent
from ocs.rpc.account import AccountServicer
from ocs.rpc.call import CallInfo
from ocs.rpc.charging import ChargingServicer
from ocs.rpc.errors import wire_reason
from ocs.rpc.event_context import encode_context
from ocs.rpc.events import event_message
from ocs.rpc.method import RpcService
from ocs.rpc.spending_cap import SpendingCapServicer
from ocs.service.accounts import Accounts
from ocs.service.charging import Charging
from ocs.service.corrections import Corrections
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError
from ocs.service.keeping import Keeping
from ocs.service.lines import Lines
from ocs.service.mutations import Mutations
from ocs.service.queries import Queries
from ocs.service.refunds import Refunds
from ocs.store.memory import MemoryLedger
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_event_pb2 as events
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as spending_caps
from tests.campaigns.support.calls import REPLIES, Call
from tests.model.pair import check_grant, check_promises

TENANT = "main"
ACTOR = "anonymous"
FINDINGS_MAX = 5
OF_THEIR_OWN = (events.EVENT_KIND_EXPIRE, events.EVENT_KIND_BUCKET_CLOSED)

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
        tariff = load_tariff(None)
        directory = Directory(SpecLookups())
        charge = Charging(self.ledger, directory, tariff, encode_context)
        # Nothing here lists events.
        no_journal = cast("EventLog", None)
        mutations = Mutations(self.ledger, encode_context)
        keep = Accounts(self.ledger, directory, no_journal, tariff, mutations)
        queries = Queries(self.ledger, self.ledger, directory, tariff)
        lines = Lines(self.ledger, self.ledger, directory, mutations)
        services: list[RpcService] = [
            ChargingServicer(charge, Refunds(mutations, no_journal), queries).service(),
            AccountServicer(
                keep, lines, Keeping(mutations, tariff), Corrections(mutations), queries
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


def _difference(actual: Message, expected: object) -> str:
    """The lines that are only in what was told (+), or only in what the specification says (-)."""
    if not isinstance(expected, Message):
        return f"told, but the specification says {expected}"
    lines = difflib.unified_diff(
        str(expected).splitlines(), str(actual).splitlines(), "specification", "told", lineterm=""
    )
    return "\n".join(lines)


def _finish(waiting: Awaitable[T]) -> T:
    """Run what never waits, because all of it is in memory."""
    try:
        cast("Coroutine[Any, Any, T]", waiting).send(None)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("the specification waited for something")


def _store_ms(call: Call) -> int:
    """The store's time that a read tells."""
    reply: Any = REPLIES[call.method].FromString(call.reply)
    return int(reply.store_time.ToMilliseconds())


class AccountReplay:
    """The replay of one account; `findings` says where caller and specification differ."""

    def __init__(self, account_id: str, calls: list[Call], journal: list[bytes]) -> None:
        """Take the account's calls, and its journal as ListChargingEvents gave it, oldest first."""
        self.account_id = account_id
        self.findings: list[str] = []
        self.compared_count = 0
        self._spec = Specification()
        self._events = [events.ChargingEvent.FromString(wire) for wire in journal]
        self._decided: dict[str, list[Call]] = {}
        self._others: dict[int, list[Call]] = {}
        self._caps: list[CapView] = []
        # Answers that tell no seq: placed by the store's time that they tell.
        self._reads: list[tuple[int, Call]] = []
        for call in calls:
            if not call.reason and call.seq < 0:
                self._reads.append((_store_ms(call), call))
            elif call.reason or not call.request_id:
                self._others.setdefault(call.seq, []).append(call)
            else:
                self._decided.setdefault(call.request_id, []).append(call)

    def run(self) -> list[str]:
        """Replay everything; return what was found, the first few of it."""
        try:
            for index, event in enumerate(self._events):
                self._at_event(index, event)
                if len(self.findings) >= FINDINGS_MAX:
                    return self.findings
            self._at_end()
        except AssertionError as error:
            seq = self._spec.seq(self.account_id)
            self.findings.append(f"{self.account_id} seq {seq}: broken promise: {error}")
        return self.findings

    def _at_event(self, index: int, event: events.ChargingEvent) -> None:
        seq = event.account_seq
        if seq != index + 1:
            self._find(f"seq {seq} where {index + 1} is due")
        clock_ms = event.store_time.ToMilliseconds()
        sent_ns = min(
            (call.sent_ns for call in self._decided.get(event.context.request_id, ())), default=0
        )
        self._look_at_caps(clock_ms, sent_ns)
        self._compare_reads(clock_ms)
        if event.kind in OF_THEIR_OWN:
            if self._spec.seq(self.account_id) < seq:
                self._spec.expire(self.account_id, clock_ms)
        else:
            self._decide(event, clock_ms)
        self._compare_event(event)
        for call in sorted(self._others.pop(seq, ()), key=lambda call: call.sent_ns):
            self._compare_other(call, clock_ms)

    def _decide(self, event: events.ChargingEvent, clock_ms: int) -> None:
        """Run the operation that wrote an event, and compare what its callers got."""
        request_id = event.context.request_id
        calls = self._decided.pop(request_id, [])
        if not calls:
            self._find(
                f"seq {event.account_seq}: event of {request_id!r}, which nobody was told of"
            )
            return
        first = calls[0]
        request = REQUESTS[first.method].FromString(first.request)
        expected = self._spec.answer(first.method, request, clock_ms)
        if sum(not call.replayed for call in calls) > 1:
            self._find(f"{first}: executed more than once")
        for call in calls:
            self._compare(call, expected, clock_ms)

    def _compare(self, call: Call, expected: Message | ServiceError, clock_ms: int) -> None:
        self.compared_count += 1
        if isinstance(expected, ServiceError):
            self._find(f"{call}: got an answer, specification {wire_reason(expected.reason)}")
            return
        actual: Any = call.message()
        actual.receipt.replayed = False
        if call.method == "SetSpendingCap":
            # Its figures are read after the decision, at some moment until the answer.
            view = CapView(call, clock_ms, actual.cap)
            expected = type(actual)(receipt=cast("Any", expected).receipt)
            actual = type(actual)(receipt=actual.receipt)
            if not view.seen(self._spec, clock_ms):
                self._caps.append(view)
        if actual != expected:
            self._find(f"{call}: {_difference(actual, expected)}")

    def _compare_event(self, event: events.ChargingEvent) -> None:
        logged = self._spec.ledger.logged
        if len(logged) < event.account_seq:
            self._find(f"seq {event.account_seq}: the specification writes no such event: {event}")
            return
        expected = event_message(logged[event.account_seq - 1])
        if event != expected:
            self._find(f"event {event.account_seq}: {_difference(event, expected)}")

    def _compare_other(self, call: Call, clock_ms: int) -> None:
        """Compare a failure or a read, which wrote nothing but may have to be remembered."""
        self.compared_count += 1
        request = REQUESTS[call.method].FromString(call.request)
        if call.reason:
            expected = self._spec.answer(call.method, request, clock_ms)
            told = (
                (wire_reason(expected.reason), expected.account_seq if call.seq >= 0 else -1)
                if isinstance(expected, ServiceError)
                else ("an answer", self._spec.seq(self.account_id))
            )
            if told != (call.reason, call.seq):
                self._find(f"{call}: got {call.reason} at {call.seq}, specification {told}")
            return
        actual = REPLIES[call.method].FromString(call.reply)
        expected = self._spec.answer(call.method, request, _store_ms(call))
        if actual != expected:
            self._find(f"{call} at {call.seq}: {_difference(actual, expected)}")

    def _compare_reads(self, until_ms: int) -> None:
        """Compare what was read before an event; it may be written while nobody calls (EXPIRE)."""
        for read_ms, call in self._reads:
            if read_ms < until_ms:
                self._compare_other(call, read_ms)
        self._reads = [read for read in self._reads if read[0] >= until_ms]

    def _look_at_caps(self, clock_ms: int, sent_ns: int) -> None:
        """Look for cap views whose moment is now; none may be left when a later call was sent."""
        waiting = []
        for view in self._caps:
            if view.seen(self._spec, clock_ms):
                continue
            if 0 < view.call.answered_ns < sent_ns:
                self._find(f"{view.call}: the cap never stood like this: {view.cap}")
            else:
                waiting.append(view)
        self._caps = waiting

    def _at_end(self) -> None:
        clock_ms = self._spec.ledger.clock_ms
        self._compare_reads(TIME_MAX_MS)
        for calls in (self._others.pop(seq) for seq in sorted(self._others)):
            for call in sorted(calls, key=lambda call: call.sent_ns):
                if call.seq > len(self._events):
                    self._find(f"{call}: says seq {call.seq}, the journal ends before")
                self._compare_other(call, clock_ms)
        for calls in self._decided.values():
            self._find(f"{calls[0]}: acknowledged, but the journal has no event of it")
        for view in self._caps:
            if not view.seen(self._spec, clock_ms):
                self._find(f"{view.call}: the cap never stood like this: {view.cap}")

    def _find(self, text: str) -> None:
        self.findings.append(f"{self.account_id}: {text}")


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


def replay_account(
    account_id: str, calls: list[Call], journal: list[bytes]
) -> tuple[int, list[str]]:
    """Replay one account; return how many answers were compared and what was found."""
    replay = AccountReplay(account_id, calls, journal)
    found = replay.run()
    return replay.compared_count, found
