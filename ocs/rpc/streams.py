"""The streams that are open in a process: bounded in number, and ended together when it stops."""

from typing import Protocol

from ocs import limits


class Ending(Protocol):
    """A stream that can be told to end."""

    def end(self) -> None:
        """Read no more; answer what was read, then end. Harmless a second time."""
        ...


class Streams:
    """Open streams. An idle one takes no place of a call, so they have a bound of their own."""

    def __init__(self, streams_max: int = limits.STREAMS_MAX) -> None:
        self._streams_max = streams_max
        self._open: set[Ending] = set()
        self._stopping = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return len(self._open) >= self._streams_max

    def add(self, stream: Ending) -> None:
        """Take a stream up; it is told to end at once if the process stops."""
        self._open.add(stream)
        if self._stopping:
            stream.end()

    def remove(self, stream: Ending) -> None:
        """Forget a stream that is over."""
        self._open.discard(stream)

    def end_all(self) -> None:
        """Tell all that are open, and all to come, to end."""
        self._stopping = True
        for stream in self._open:
            stream.end()
