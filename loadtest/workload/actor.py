"""Who calls: gives one call after the other, and takes the reply of each."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from loadtest.traffic import WrongAnswerError
from loadtest.workload.sequences import Sequences

GRANTED: Final = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What to send. method: of the stub. resend: for the second time, as it was."""

    method: str
    request: Message
    resend: bool = False


@dataclass(slots=True)
class Shared:
    """What the actors of one process share. prefix: of all their ids, new in every run."""

    rng: random.Random
    prefix: str
    resend_share: float
    sequences: Sequences
    started_count: int = 0

    def new_id(self) -> str:
        """An id that no actor of this run had."""
        self.started_count += 1
        return f"{self.prefix}-{self.started_count}"


class Actor(ABC):
    """One session, message or top-up. `next_call`, `take`, and so on until next_call gives None."""

    def __init__(self, shared: Shared, account_id: str) -> None:
        self.shared = shared
        self.account_id = account_id
        self.actor_id = shared.new_id()
        self.done = False
        self._call_count = 0
        self._floor = 0
        self._sent: Call | None = None
        self._answer: Message | None = None

    def next_call(self) -> Call | None:
        """What to send now; None at the end."""
        assert self._sent is None or self._answer is not None, "a call is under way"
        if self._sent is not None and self._again():
            self._sent = Call(self._sent.method, self._sent.request, resend=True)
            return self._sent
        self._answer = None
        self._sent = None
        if self.done:
            return None
        self._floor = self.shared.sequences.floor(self.account_id)
        method, request = self._next()
        request.request_id = f"{self.actor_id}-{self._call_count}"
        request.request_time.GetCurrentTime()
        self._call_count += 1
        self._sent = Call(method, request)
        return self._sent

    def take(self, reply: Any) -> str:
        """Check a reply; return GRANTED, or the word for a decision that was another.

        Raises WrongAnswerError if it is not an answer to what was asked.
        """
        assert self._sent is not None
        if self._sent.resend:
            self._check_same(reply)
            return "resend"
        if reply.receipt.replayed:
            raise WrongAnswerError(f"replayed, though sent for the first time:\n{reply}")
        self.shared.sequences.take(self.account_id, self._floor, reply.receipt.account_seq)
        outcome = self._take(self._sent.request, reply)
        self._answer = reply
        return outcome

    @abstractmethod
    def _next(self) -> tuple[str, Any]:
        """The method and the request, which lacks only its id and time."""

    @abstractmethod
    def _take(self, request: Any, reply: Any) -> str:
        """Check and go on. Raises WrongAnswerError."""

    def _again(self) -> bool:
        assert self._sent is not None
        return not self._sent.resend and self.shared.rng.random() < self.shared.resend_share

    def _check_same(self, reply: Any) -> None:
        assert self._answer is not None
        same = type(reply)()
        same.CopyFrom(self._answer)
        same.receipt.replayed = True
        if reply != same:
            raise WrongAnswerError(f"a resend got\n{reply}where the first got\n{self._answer}")
