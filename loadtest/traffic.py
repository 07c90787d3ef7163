"""What the callers send, how they send it, and what an answer must say."""

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from loadtest.echo import SERVICE
from ocs.v1 import charging_service_pb2 as pb
from ocs.v1 import types_pb2

TIMEOUT_S: Final = 10.0
BATCHES_UNDER_WAY: Final = 4
REQUESTED_UNITS: Final = 5 * 1024 * 1024
USED_UNITS: Final = 1024 * 1024
_PLACES: Final = {"Reserve": 0, "Commit": 1, "Release": 2}


class WrongAnswerError(Exception):
    """An answer is not what the run counts; its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one run. seconds: of the whole run. latencies_s: one per call, any order."""

    replies: list[bytes]
    latencies_s: list[float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Session:
    """A gateway's charging session. reservation: its full name, once granted."""

    account_id: str
    session_id: str
    reservation: str = ""


@dataclass(slots=True)
class Sessions:
    """Makes sessions, round the accounts; ids are new in every run of the program."""

    account_ids: Sequence[str]
    prefix: str = field(default_factory=lambda: secrets.token_hex(6))
    count: int = 0

    def open(self, count: int) -> list[Session]:
        """Make some."""
        first, self.count = self.count, self.count + count
        accounts = self.account_ids
        return [
            Session(accounts[number % len(accounts)], f"{self.prefix}-{number}")
            for number in range(first, first + count)
        ]


def reserve(session: Session) -> bytes:
    """Ask for the first units of a session."""
    request = pb.ReserveRequest(
        request_id=request_id("Reserve", session),
        account_id=session.account_id,
        service_id="data",
        requested_units=REQUESTED_UNITS,
        unit=types_pb2.UNIT_TYPE_OCTETS,
        session_id=session.session_id,
        sequence_number=0,
    )
    request.request_time.GetCurrentTime()
    return request.SerializeToString()


def commit(session: Session) -> bytes:
    """Report use and ask for the next grant."""
    request = pb.CommitRequest(
        request_id=request_id("Commit", session),
        reservation=session.reservation,
        used=[pb.UsedSegment(units=USED_UNITS)],
        next_grant=pb.NextGrant(requested_units=REQUESTED_UNITS),
        unit=types_pb2.UNIT_TYPE_OCTETS,
        sequence_number=1,
    )
    request.request_time.GetCurrentTime()
    return request.SerializeToString()


def release(session: Session) -> bytes:
    """End a session."""
    request = pb.ReleaseRequest(
        request_id=request_id("Release", session), reservation=session.reservation
    )
    request.request_time.GetCurrentTime()
    return request.SerializeToString()


def check_reserve(reply: bytes) -> str:
    """Return the reservation; raise WrongAnswerError unless all was granted, and newly."""
    answer = pb.ReserveResponse.FromString(reply)
    _check_grant(answer.grant, answer.receipt)
    return answer.reservation


def check_commit(reply: bytes) -> str:
    """Return the reservation; raise unless all was charged and granted, and newly."""
    answer = pb.CommitResponse.FromString(reply)
    _check_grant(answer.grant, answer.receipt)
    charge = answer.charge
    if charge.charged_units != USED_UNITS or not charge.charged_micros or charge.late:
        raise WrongAnswerError(f"not charged in full:\n{answer}")
    return answer.reservation


def check_release(reply: bytes) -> str:
    """Raise unless something was given back, and newly."""
    answer = pb.ReleaseResponse.FromString(reply)
    if answer.outcome != types_pb2.OUTCOME_RELEASED or answer.receipt.replayed:
        raise WrongAnswerError(f"not released:\n{answer}")
    return ""


def _check_grant(grant: types_pb2.Grant, receipt: types_pb2.Receipt) -> None:
    whole = grant.granted_units == REQUESTED_UNITS
    if grant.outcome != types_pb2.OUTCOME_GRANTED or not whole or receipt.replayed:
        raise WrongAnswerError(f"not granted in full, or replayed:\n{grant}{receipt}")


MAKE: Final[dict[str, Callable[[Session], bytes]]] = {
    "Reserve": reserve,
    "Commit": commit,
    "Release": release,
}
CHECK: Final[dict[str, Callable[[bytes], str]]] = {
    "Reserve": check_reserve,
    "Commit": check_commit,
    "Release": check_release,
}


class Callers:
    """Concurrent callers, each with one call under way, spread over some connections."""

    def __init__(self, channels: Sequence[grpc.aio.Channel], caller_count: int) -> None:
        self._channels = channels
        self._caller_count = caller_count

    async def send(self, method: str, wires: Sequence[bytes]) -> Answers:
        """Send every request once; bytes in, bytes out, so that the caller costs little."""
        replies = [b""] * len(wires)
        latencies_s = [0.0] * len(wires)
        numbers = iter(range(len(wires)))
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(self._caller_count):
                channel = self._channels[number % len(self._channels)]
                call: Any = channel.unary_unary(f"/{SERVICE}/{method}")
                group.create_task(_caller(call, numbers, wires, replies, latencies_s))
        return Answers(replies, latencies_s, time.perf_counter() - started)

    async def stream(self, path: str, method: str, batches: Sequence[Sequence[bytes]]) -> Answers:
        """Send batches of a method's requests, one stream to a connection, some under way on each.

        Replies and latencies are of batches, in any order. Raises WrongAnswerError if one ends.
        """
        sent = [batch_of(method, wires) for wires in batches]
        replies, latencies_s = [b""] * len(sent), [0.0] * len(sent)
        numbers = iter(range(len(sent)))
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for channel in self._channels:
                call: Any = channel.stream_stream(f"/{SERVICE}/{path}")
                group.create_task(_stream(call(), numbers, sent, replies, latencies_s))
        return Answers(replies, latencies_s, time.perf_counter() - started)


def batch_of(method: str, wires: Sequence[bytes]) -> bytes:
    """Put requests of a method into a batch."""
    batch = pb.ChargeStreamRequest(timeout_ms=int(TIMEOUT_S * 1000))
    for wire in wires:
        getattr(batch.items.add(), method.lower()).MergeFromString(wire)
    return batch.SerializeToString()


def unpacked(method: str, sessions: Sequence[Session], answers: Answers) -> Answers:
    """The replies of batches as those of calls, in the order of their sessions.

    Raises WrongAnswerError if an item failed or has no answer.
    """
    found = {}
    for reply in answers.replies:
        for answer in pb.ChargeStreamResponse.FromString(reply).answers:
            if answer.WhichOneof("answer") != method.lower():
                raise WrongAnswerError(f"not answered:\n{answer}")
            found[answer.request_id] = getattr(answer, method.lower()).SerializeToString()
    ids = [request_id(method, session) for session in sessions]
    if found.keys() != set(ids):
        raise WrongAnswerError(f"{len(found)} answers for {len(ids)} items")
    return Answers([found[each] for each in ids], answers.latencies_s, answers.seconds)


def continued(method: str, sessions: Sequence[Session], answers: Answers) -> list[Session]:
    """The sessions with the reservations they now have; every answer is checked on the way."""
    return [
        Session(session.account_id, session.session_id, CHECK[method](reply))
        for session, reply in zip(sessions, answers.replies, strict=True)
    ]


def request_id(method: str, session: Session) -> str:
    """The id of a session's call of a method."""
    return f"{session.session_id}-{_PLACES[method]}"


async def _stream(
    stream: Any,
    numbers: Iterator[int],
    sent: Sequence[bytes],
    replies: list[bytes],
    latencies_s: list[float],
) -> None:
    """Keep some batches under way; which of them an answer is of is seen later."""
    clock, under_way = time.perf_counter, deque[tuple[int, float]]()
    for number in itertools.islice(numbers, BATCHES_UNDER_WAY):
        under_way.append((number, clock()))
        await stream.write(sent[number])
    while under_way:
        reply = await stream.read()
        if not isinstance(reply, bytes):
            raise WrongAnswerError("the stream ended")
        number, sent_at_s = under_way.popleft()
        replies[number], latencies_s[number] = reply, clock() - sent_at_s
        for following in itertools.islice(numbers, 1):
            under_way.append((following, clock()))
            await stream.write(sent[following])
    await stream.done_writing()


async def _caller(
    call: "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]",
    numbers: Iterator[int],
    wires: Sequence[bytes],
    replies: list[bytes],
    latencies_s: list[float],
) -> None:
    clock = time.perf_counter
    for number in numbers:
        sent = clock()
        replies[number] = await call(wires[number], timeout=TIMEOUT_S)
        latencies_s[number] = clock() - sent


@asynccontextmanager
async def connected(
    address: str, *, caller_count: int, connection_count: int
) -> AsyncIterator[Callers]:
    """Connect callers to a server."""
    # Without a pool of its own every channel to one address would share one connection.
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [
        grpc.aio.insecure_channel(address, options=options) for _ in range(connection_count)
    ]
    try:
        yield Callers(channels, caller_count)
    finally:
        for channel in channels:
            await channel.close()
