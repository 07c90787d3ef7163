"""What the running test saw of the service: answers and what they left, for `make bad-inputs`.

A report that is made of these tells what happened in this run, not what somebody expected.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2

UNCHANGED: Final = "unchanged"


@dataclass(slots=True)
class Seen:
    """answers: (code, reason or outcome) by how often; states: what the store was found to hold."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)

    def answered(self, code: str, reason: str = "") -> None:
        """Note an answer that came by another way than gRPC: an exit status, a rule's result."""
        self.answers[code, reason] += 1

    def took(self, answer: Message) -> None:
        """Note a message that a call was answered with, by its outcome."""
        if isinstance(answer, charging.ChargeStreamResponse):
            for one in answer.answers:
                self.took(getattr(one, one.WhichOneof("answer") or "error"))
        else:
            self.answered("OK", _outcome(answer))

    def refused(self, error: grpc.aio.AioRpcError) -> None:
        """Note a status that a call was answered with, by its reason if it carries one."""
        status: Any = rpc_status.from_call(error)
        reason = ""
        for detail in status.details if status is not None else ():
            if detail.type_url.endswith("google.rpc.ErrorInfo"):
                reason = _reason(detail)
        self.answered(error.code().name, reason)

    def left(self, state: str) -> None:
        """Note what was found in the store after the calls."""
        self.states[state] += 1

    def journaled(self, kinds: Iterable[str]) -> None:
        """Note the events that the journals hold, by kind."""
        self.left(", ".join(f"{kind} {count}" for kind, count in sorted(Counter(kinds).items())))

    def taken(self) -> "Seen":
        """Hand over what was seen so far and begin anew."""
        seen = Seen(self.answers, self.states)
        self.answers, self.states = Counter(), Counter()
        return seen


SEEN: Final = Seen()


def _outcome(answer: Any) -> str:
    """The decision that an answer carries; empty: it decides nothing."""
    fields = answer.DESCRIPTOR.fields_by_name
    holder = answer.grant if "grant" in fields and answer.HasField("grant") else answer
    outcome = getattr(holder, "outcome", types_pb2.OUTCOME_UNSPECIFIED)
    if outcome == types_pb2.OUTCOME_UNSPECIFIED:
        # A commit that asks for nothing more: it is always charged.
        return "CHARGED" if "charge" in fields else ""
    return types_pb2.Outcome.Name(outcome).removeprefix("OUTCOME_")


def _reason(detail: Any) -> str:
    info = error_details_pb2.ErrorInfo()
    detail.Unpack(info)
    return str(info.reason)
