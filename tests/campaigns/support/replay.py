"""An account's history, replayed through the specification in the order of its journal.

The use cases and the edge are the service's own code, over the memory ledger, with the clock set to
each answer's store time. So what comes out is the reply the caller must have got, every field of
it, and the event the journal must hold.
"""

import difflib
from typing import Any, cast

from google.protobuf.message import Message

from ocs.limits import TIME_MAX_MS
from ocs.rpc.errors import wire_reason
from ocs.rpc.events import event_message
from ocs.service.errors import ServiceError
from ocs.v1 import charging_event_pb2 as events
from tests.campaigns.support.calls import REPLIES, Call
from tests.campaigns.support.specification import REQUESTS, CapView, Specification

FINDINGS_MAX = 5
OF_THEIR_OWN = (events.EVENT_KIND_EXPIRE, events.EVENT_KIND_BUCKET_CLOSED)


def _difference(actual: Message, expected: object) -> str:
    """The lines that are only in what was told (+), or only in what the specification says (-)."""
    if not isinstance(expected, Message):
        return f"told, but the specification says {expected}"
    lines = difflib.unified_diff(
        str(expected).splitlines(), str(actual).splitlines(), "specification", "told", lineterm=""
    )
    return "\n".join(lines)


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


def replay_account(
    account_id: str, calls: list[Call], journal: list[bytes]
) -> tuple[int, list[str]]:
    """Replay one account; return how many answers were compared and what was found."""
    replay = AccountReplay(account_id, calls, journal)
    found = replay.run()
    return replay.compared_count, found
