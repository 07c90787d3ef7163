"""One logical operation: made once, sent as often as it takes, the same bytes every time."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypedDict, TypeVar

from google.protobuf.message import Message

ResultT = TypeVar("ResultT")


class Sending(TypedDict, total=False):
    """Keyword arguments that every mutation takes; None is as good as absent."""

    # The caller's own id of the operation; default a random one. A caller that has to survive its
    # own crash writes id and time down before it sends.
    request_id: str | None
    # When the operation was first sent; default now. Part of its meaning.
    request_time: datetime | None
    # Deadline for all attempts together; default the client's.
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Operation(Generic[ResultT]):
    """A request with its identity. `client.resend(operation)` sends it again, unchanged."""

    service: str  # which of the client's stubs: charging, accounts, bundles, ...
    method: str
    request: Message = field(repr=False)
    decode: Callable[[Any], ResultT] = field(repr=False, compare=False)
    request_id: str = ""  # empty for a read
    request_time: datetime | None = None
    timeout_s: float | None = None
    # What follows the request, of a method that takes a stream.
    pieces: tuple[Message, ...] = field(default=(), repr=False)

    @property
    def mutates(self) -> bool:
        """Whether it can change anything, so that a lost reply leaves its outcome open."""
        return bool(self.request_id)


@dataclass(frozen=True, slots=True)
class Identification:
    """What makes a resend the same operation."""

    request_id: str
    request_time: datetime
    timeout_s: float | None


def identify(sending: Sending) -> Identification:
    """The caller's id and time, or new ones.

    Raises TypeError for a name that no operation knows: a typing mistake must not be a silent
    default, and not every caller has a type checker.
    """
    unknown = sending.keys() - Sending.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword arguments: {', '.join(sorted(unknown))}")
    return Identification(
        request_id=sending.get("request_id") or uuid.uuid4().hex,
        request_time=sending.get("request_time") or datetime.now(UTC),
        timeout_s=sending.get("timeout_s"),
    )


def read(
    service: str,
    method: str,
    request: Message,
    decode: Callable[[Any], ResultT],
    timeout_s: float | None,
) -> Operation[ResultT]:
    """An operation that changes nothing."""
    return Operation(service, method, request, decode, timeout_s=timeout_s)


def mutation(
    service: str,
    method: str,
    request: Message,
    decode: Callable[[Any], ResultT],
    sent: Identification,
) -> Operation[ResultT]:
    """An operation that is applied once at most."""
    return Operation(
        service, method, request, decode, sent.request_id, sent.request_time, sent.timeout_s
    )
