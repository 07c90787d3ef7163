"""The handles that `reserve` returns; what they decide is in hold.py, here it is sent."""

from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from ocs.client import hold
from ocs.client.errors import OcsError, UnknownOutcomeError
from ocs.client.hold import Hold
from ocs.client.operation import Operation
from ocs.client.present import present
from ocs.client.results import GrantResult

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class Sender(Protocol):
    """What a handle needs of a sync client."""

    def send(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation for the first time."""
        ...

    def resend(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of unknown outcome again."""
        ...


class AsyncSender(Protocol):
    """What a handle needs of an asyncio client."""

    async def send(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation for the first time."""
        ...

    async def resend(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of unknown outcome again."""
        ...


def _method(
    build: Callable[Concatenate[Hold, P], Operation[ResultT]],
) -> Callable[Concatenate["Reservation", P], ResultT]:
    def method(self: "Reservation", /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        return self.settle(build(self, *args, **kwargs))

    present(method, build)
    return method


def _async_method(
    build: Callable[Concatenate[Hold, P], Operation[ResultT]],
) -> Callable[Concatenate["AsyncReservation", P], Coroutine[Any, Any, ResultT]]:
    async def method(self: "AsyncReservation", /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        return await self.settle(build(self, *args, **kwargs))

    present(method, build)
    return method


class Reservation(Hold):
    """A decision on units, and the way to report what was used of them.

        with client.reserve(account_id="alice", service_id="data", requested_units=5_000_000) as r:
            if r.granted:
                r.commit(deliver(r.granted_units))

    Leaving the block without a closing commit or a release gives back what is held, on an error
    too. A commit inside the block whose outcome is unknown at its deadline is sent once more at
    once, with the same request_id, and if need be again on leaving: it is never released, because
    use that happened must not be lost. Outside a block an unknown outcome is raised at once.
    """

    def __init__(self, client: Sender, grant: GrantResult) -> None:
        super().__init__(grant)
        self._client = client
        self._inside = False

    commit = _method(hold.commit)
    report = _method(hold.report)
    release = _method(hold.release)
    resend = _method(hold.resend)

    def settle(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of this reservation and take over its answer."""
        try:
            return self._send(operation)
        except UnknownOutcomeError:
            if not self._inside:
                raise
        return self._send(operation)

    def _send(self, operation: Operation[ResultT]) -> ResultT:
        send = self._client.resend if self.unresolved is operation else self._client.send
        with self.pending(operation):
            result = send(operation)
        self.settled(operation, result)
        return result

    def __enter__(self) -> Self:
        self._inside = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside = False
        failures = []
        for operation in self.leaving():
            try:
                self._send(operation)
            except OcsError as error:
                failures.append(error)
        self.left(failures, raised)


class AsyncReservation(Hold):
    """As Reservation, for asyncio: `async with client.reserve(...) as r: await r.commit(n)`.

    A task cancelled inside a commit still sends that commit again on leaving the block.
    """

    def __init__(self, client: AsyncSender, grant: GrantResult) -> None:
        super().__init__(grant)
        self._client = client
        self._inside = False

    commit = _async_method(hold.commit)
    report = _async_method(hold.report)
    release = _async_method(hold.release)
    resend = _async_method(hold.resend)

    async def settle(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of this reservation and take over its answer."""
        try:
            return await self._send(operation)
        except UnknownOutcomeError:
            if not self._inside:
                raise
        return await self._send(operation)

    async def _send(self, operation: Operation[ResultT]) -> ResultT:
        send = self._client.resend if self.unresolved is operation else self._client.send
        with self.pending(operation):
            result = await send(operation)
        self.settled(operation, result)
        return result

    async def __aenter__(self) -> Self:
        self._inside = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside = False
        failures = []
        for operation in self.leaving():
            try:
                await self._send(operation)
            except OcsError as error:
                failures.append(error)
        self.left(failures, raised)


class ReserveCall:
    """A reserve of the asyncio client: await it for the handle, or enter it with `async with`."""

    def __init__(self, client: AsyncSender, operation: Operation[GrantResult]) -> None:
        self._client = client
        self._operation = operation
        self._reservation: AsyncReservation | None = None

    def __await__(self) -> Generator[Any, None, AsyncReservation]:
        """Send it."""
        return self._send().__await__()

    async def _send(self) -> AsyncReservation:
        return AsyncReservation(self._client, await self._client.send(self._operation))

    async def __aenter__(self) -> AsyncReservation:
        self._reservation = await self
        return await self._reservation.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._reservation is not None
        await self._reservation.__aexit__(kind, raised, traceback)
