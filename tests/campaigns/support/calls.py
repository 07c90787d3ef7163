"""Calls as their caller saw them: sent, resent until answered, and written down."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from ocs.client import AsyncClient
from ocs.client.errors import (
    DeadlineExceededError,
    OcsError,
    UnavailableError,
    UnknownOutcomeError,
)
from ocs.client.operation import Operation
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as spending_caps

PATIENCE_S = 120.0
PAUSE_S = 0.02
PAUSE_MAX_S = 0.16
FAULTS = frozenset({"INTERNAL", "STATE_CORRUPT", "UNKNOWN", "DATA_LOSS"})

REPLIES: dict[str, type[Message]] = {
    "CreateAccount": accounts.CreateAccountResponse,
    "GetAccount": accounts.GetAccountResponse,
    "AddSubscriber": accounts.AddSubscriberResponse,
    "TopUp": accounts.TopUpResponse,
    "Reserve": charging.ReserveResponse,
    "Commit": charging.CommitResponse,
    "Release": charging.ReleaseResponse,
    "Debit": charging.DebitResponse,
    "SetSpendingCap": spending_caps.SetSpendingCapResponse,
    "ListSpendingCaps": spending_caps.ListSpendingCapsResponse,
}


@dataclass(slots=True)
class Call:
    """One logical call: what was sent and what came of it.

    Times are of the machine's monotonic clock. reply: the message, empty if it failed. reason: of
    the failure, or its status where it has none. seq: the account's position that the answer
    carries, -1 if it carries none. repeat: sent on purpose under a request_id that was sent
    before. lost_count: attempts that led to nothing, lost_reason: why the last one did, as reason.
    ambiguous: one of them may have run.
    """

    method: str
    account_id: str
    request_id: str
    request: bytes
    sent_ns: int
    repeat: bool = False
    answered_ns: int = 0
    reply: bytes = b""
    reason: str = ""
    seq: int = -1
    replayed: bool = False
    lost_count: int = 0
    lost_reason: str = ""
    ambiguous: bool = False

    @property
    def answered(self) -> bool:
        """Whether its outcome is known."""
        return self.answered_ns > 0

    def message(self) -> Any:
        """The reply; there must be one."""
        assert not self.reason
        return REPLIES[self.method].FromString(self.reply)

    def __str__(self) -> str:
        """Name it in a finding."""
        return f"{self.account_id} {self.method} {self.request_id or '(read)'}"


class Caller:
    """Sends through one client, and writes every call down."""

    def __init__(
        self, client: AsyncClient, calls: list[Call], *, patience_s: float = PATIENCE_S
    ) -> None:
        self.client = client
        self._calls = calls
        self._patience_s = patience_s

    async def call(
        self, account_id: str, operation: Operation[Any], *, repeat: bool = False
    ) -> Call:
        """Send an operation, again and again if need be, until its outcome is known."""
        sending = plain(operation)
        call = begun(account_id, operation, repeat=repeat)
        self._calls.append(call)
        send: Callable[[Operation[Any]], Any] = self.client.send
        deadline = time.monotonic() + self._patience_s
        pause_s = PAUSE_S
        while time.monotonic() < deadline:
            outcome: Message | OcsError
            try:
                outcome = await send(sending)
            except OcsError as error:
                outcome = error
            if settled(call, outcome):
                break
            if call.ambiguous:
                send = self.client.resend
            # Longer and longer: what is down needs the processor to come back.
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
        return call

    def forget(self) -> None:
        """Keep none of the calls that were written down."""
        self._calls.clear()


def plain(operation: Operation[Any]) -> Operation[Any]:
    """The same operation, whose answer stays the message that came."""
    return replace(operation, decode=_as_it_is)


def begun(account_id: str, operation: Operation[Any], *, repeat: bool = False) -> Call:
    """A call that is about to be sent."""
    return Call(
        operation.method,
        account_id,
        operation.request_id,
        operation.request.SerializeToString(),
        time.monotonic_ns(),
        repeat,
    )


def settled(call: Call, outcome: Message | OcsError) -> bool:
    """Write down what an attempt led to; False if it has to be sent again."""
    if not isinstance(outcome, OcsError):
        _answered(call, outcome)
        return True
    lost = isinstance(outcome, UnknownOutcomeError | UnavailableError | DeadlineExceededError)
    if lost and outcome.reason not in FAULTS:
        call.lost_count += 1
        call.lost_reason = outcome.reason or outcome.code
        call.ambiguous = call.ambiguous or isinstance(outcome, UnknownOutcomeError)
        return False
    _failed(call, outcome)
    return True


def _as_it_is(message: Any) -> Any:
    return message


def _answered(call: Call, message: Any) -> None:
    call.answered_ns = time.monotonic_ns()
    call.reply = message.SerializeToString()
    if call.method == "GetAccount":
        call.seq = message.account.account_seq
    elif call.method != "ListSpendingCaps":
        call.seq = message.receipt.account_seq
        call.replayed = message.receipt.replayed


def _failed(call: Call, error: OcsError) -> None:
    call.answered_ns = time.monotonic_ns()
    call.reason = error.reason or error.code
    call.seq = int(error.metadata.get("account_seq", "-1"))


def faults_in(calls: list[Call]) -> list[str]:
    """What no caller may ever see: faults, and calls that were never answered."""
    faults = [f"{call}: {call.reason}" for call in calls if call.reason in FAULTS]
    return faults + [f"{call}: never resolved" for call in calls if not call.answered]


def order_violations(calls: list[Call]) -> list[str]:
    """Where an answer came before another call was sent, the later call must not be earlier.

    calls: of one account. Repeats answer with what was recorded before, so they prove nothing.
    """
    answered = sorted((c for c in calls if c.seq >= 0), key=lambda call: call.answered_ns)
    found: list[str] = []
    newest, known = 0, 0
    for call in sorted(calls, key=lambda call: call.sent_ns):
        while known < len(answered) and answered[known].answered_ns < call.sent_ns:
            newest = max(newest, answered[known].seq)
            known += 1
        if call.seq < 0 or call.repeat:
            continue
        writes = not call.reason and call.method != "GetAccount"
        if call.seq < newest or (writes and call.seq == newest):
            found.append(f"{call}: seq {call.seq}, but {newest} was answered before it was sent")
    return found
