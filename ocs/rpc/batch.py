"""A batch of a stream: read from bytes, checked as a whole, answered item by item.

An item's own errors are its answer; only what makes the batch as such unfit refuses all of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import status_pb2

from ocs import limits
from ocs.domain.answer import Reason
from ocs.rpc import errors
from ocs.rpc.call import CallInfo
from ocs.rpc.names import parse_reservation
from ocs.rpc.roles import Role, roles_for
from ocs.rpc.validate import VIOLATIONS_MAX, violations
from ocs.service.errors import ServiceError
from ocs.v1 import charging_service_pb2 as pb

Handler = Callable[[CallInfo, Any], Awaitable[Message]]

_STORE_UNAVAILABLE: Final = Reason.STORE_UNAVAILABLE.value


class ItemKind:
    """One choice of an item: field, full name of the unary method, who may, what serves it."""

    def __init__(self, field: str, method: str, handler: Handler) -> None:
        self.field = field
        self.method = method
        self.operation = method.rpartition("/")[2]
        self.roles: frozenset[Role] = roles_for(method)
        self.handler = handler


@dataclass(slots=True)
class BatchInfo:
    """Who sent a batch, and when: the service's clock, ms; began_s of perf_counter."""

    tenant: str
    actor: str
    now_ms: int
    deadline_ms: int
    began_s: float


@dataclass(slots=True, eq=False)
class Item:
    """One operation on its way to its answer.

    account_id: whom it is in order with. reason: why it failed, empty if it did not.
    """

    batch: "Batch"
    kind: ItemKind
    request: Any
    answer: pb.ChargeAnswer
    call: CallInfo
    account_id: str = ""
    begun: bool = False
    answered: bool = False
    reason: str = errors.OK

    def reply(self, message: Message) -> None:
        """Answer with what the unary method would have; too late once the batch's time is over."""
        if not self.answered:
            self.answered = True
            getattr(self.answer, self.kind.field).CopyFrom(message)
            self.batch.count_down()

    def fail(self, reason: str, status: status_pb2.Status) -> None:
        """Answer with a status; too late once the batch's time is over."""
        if not self.answered:
            self.answered, self.reason = True, reason
            self.answer.error.CopyFrom(status)
            self.batch.count_down()


class Batch:
    """A batch that is fit to be executed, and the message that will answer it.

    on_done: called once, when every item has its answer.
    """

    def __init__(
        self,
        request: pb.ChargeStreamRequest,
        response: pb.ChargeStreamResponse,
        kinds: Mapping[str, ItemKind],
        info: BatchInfo,
        on_done: Callable[["Batch"], None],
    ) -> None:
        self.response = response
        self.info = info
        self.items = [
            self._item(one, kinds[one.WhichOneof("operation") or ""]) for one in request.items
        ]
        self._on_done = on_done
        self._open = len(self.items)
        self._timer: asyncio.TimerHandle | None = None

    def _item(self, one: pb.ChargeItem, kind: ItemKind) -> Item:
        asked, info = getattr(one, kind.field), self.info
        answer = self.response.answers.add(request_id=asked.request_id)
        call = CallInfo(
            kind.method, info.tenant, info.actor, info.now_ms, info.deadline_ms, asked.request_id
        )
        return Item(self, kind, asked, answer, call)

    @property
    def failures(self) -> dict[str, int]:
        """How many items failed, by reason."""
        found: dict[str, int] = {}
        for item in self.items:
            if item.reason:
                found[item.reason] = found.get(item.reason, 0) + 1
        return found

    def unanswered(self) -> list[Item]:
        """The items that have no answer yet."""
        return [item for item in self.items if not item.answered]

    def count_down(self) -> None:
        """Take note that one more item has its answer."""
        self._open -= 1
        if not self._open:
            self.forget()
            self._on_done(self)

    def wait(self, seconds: float) -> None:
        """Answer for the items that have no answer after so long."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def forget(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        """One that runs may have been applied, or will be; one that does not never will."""
        for item in self.items:
            reason = _STORE_UNAVAILABLE if item.begun else errors.DEADLINE_TOO_SHORT
            item.fail(reason, errors.status_message(reason, metadata={}))


def read_batch(wire: bytes) -> pb.ChargeStreamRequest:
    """Parse a batch. Raises ServiceError if it is no message."""
    try:
        return pb.ChargeStreamRequest.FromString(wire)
    except Exception:  # noqa: BLE001 - wire, UTF-8, depth: the parser's text stays inside
        raise _malformed() from None


def _malformed() -> ServiceError:
    rule = "must be a well-formed message"
    return ServiceError(Reason.INVALID_FIELD, violations=[("", rule)])


def read_batch_id(wire: bytes) -> str:
    """Read a batch's name and nothing else of it. Raises ServiceError if it is no message."""
    try:
        # Of this message's fields only the first is known to StringValue; the others are skipped.
        return StringValue.FromString(wire).value[: limits.ID_CHARACTERS_MAX]
    except Exception:  # noqa: BLE001 - as in read_batch
        raise _malformed() from None


def check_batch(request: pb.ChargeStreamRequest) -> int:
    """Check what makes a batch one; return its time, ms. Raises ServiceError.

    Of its items' fields only this is looked at: that no request_id stands in two of them.
    """
    broken = violations(request) or _repeated(request)
    if broken:
        raise ServiceError(Reason.INVALID_FIELD, violations=broken)
    timeout_ms = request.timeout_ms or limits.DEADLINE_DEFAULT_MS
    if timeout_ms < limits.DEADLINE_FLOOR_MS:
        raise ServiceError(Reason.DEADLINE_TOO_SHORT)
    return timeout_ms


def _repeated(request: pb.ChargeStreamRequest) -> list[tuple[str, str]]:
    seen: set[str] = set()
    found = []
    for index, item in enumerate(request.items):
        field = item.WhichOneof("operation") or ""
        request_id = getattr(item, field).request_id
        if request_id in seen:
            path = f"items[{index}].{field}.request_id"
            found.append((path, "must not be another item's of the batch"))
        elif request_id:  # else: the item's own fault
            seen.add(request_id)
    return found[:VIOLATIONS_MAX]


def named_account(item: Item) -> str:
    """Return the account that a valid request names; empty if it names a line by its identity.

    Raises ServiceError for another tenant's reservation, which is not found.
    """
    if isinstance(item.request, pb.CommitRequest | pb.ReleaseRequest):
        return parse_reservation(item.request.reservation, item.call.tenant)[0]
    account_id: str = item.request.account_id
    return account_id
