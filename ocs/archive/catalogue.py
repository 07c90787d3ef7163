"""Which segments an archive has.

Segments never change and are named by their content, so what was once read of one stays true. Those
that were merged into another may vanish at any time; then the directory is looked at anew.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Final

from ocs.archive.coverage import Coverage, Stretch
from ocs.archive.segment import Name, Segment, read_name
from ocs.domain.position import Position
from ocs.ports import ArchiveError

_DATES: Final = "date="
# Opened ones that are kept; some 100 kB each.
_OPENED_MAX: Final = 512
_WINDOW: Final = 32


class Catalogue:
    """The segments below a directory. Use from one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._names: list[Name] = []
        self._last_ms: list[int] = []
        self._opened: dict[str, Segment] = {}
        self._damaged: dict[str, ArchiveError] = {}
        self._coverage: Coverage | None = None

    def refresh(self) -> None:
        """Look at the directory; one that is not there has no segments. Raises ArchiveError."""
        try:
            paths = [
                path
                for folder in self.directory.iterdir()
                if folder.name.startswith(_DATES)
                for path in folder.iterdir()
            ]
        except FileNotFoundError:
            paths = []
        except OSError as error:
            text = f"the archive {self.directory} cannot be read: {error.strerror}"
            raise ArchiveError(text) from None
        found = [name for name in map(read_name, paths) if name is not None]
        names = sorted(found, key=lambda name: (name.first_ms, name.last_ms, name.path.name))
        if names == self._names:
            return
        self._names, self._coverage = names, None
        # Of any segment up to each place, so that it never falls and can be searched.
        self._last_ms = list(accumulate((name.last_ms for name in names), max))
        here = {name.path.name for name in names}
        self._opened = {name: one for name, one in self._opened.items() if name in here}
        self._damaged = {}

    @property
    def names(self) -> Sequence[Name]:
        """Segments by their first milliseconds."""
        return self._names

    @property
    def newest_epoch(self) -> int:
        """The greatest epoch of a segment; 0 if there is none."""
        return max((name.epoch for name in self._names), default=0)

    def open(self, name: Name) -> Segment:
        """Open a segment, once. Raises ArchiveError, FileNotFoundError."""
        segment = self._opened.get(name.path.name)
        if segment is None:
            if len(self._opened) >= _OPENED_MAX:
                self._opened.clear()
            segment = self._opened[name.path.name] = Segment(name)
        return segment

    @property
    def damaged(self) -> list[ArchiveError]:
        """Segments that were to be opened and cannot be used."""
        return list(self._damaged.values())

    def coverage(self, from_ms: int = 0) -> Coverage:
        """What the segments have that may have entries of a time or later; opens each.

        One that cannot be used has nothing, and is told where it is missed. Raises
        FileNotFoundError.
        """
        if from_ms:
            segments = list(self.from_ms(from_ms))
            return Coverage(segments, self.damaged)
        if self._coverage is None:
            segments = list(self.from_ms(0))
            self._coverage = Coverage(segments, self.damaged)
        return self._coverage

    def stretches(self, partition: int, behind: Position, up_to: Position) -> Iterator[Stretch]:
        """All stretches of a partition between two positions, in order; opens few at a time.

        Raises ArchiveError at a part that is in no segment, and FileNotFoundError.
        """
        segments = self.from_ms(behind[0])
        window: list[Segment] = []
        while behind < up_to:
            more = list(islice(segments, _WINDOW))
            window = window[-_WINDOW:] + more
            coverage = Coverage(window, self.damaged)
            end = min(up_to, coverage.end(partition)) if more else up_to
            for stretch in coverage.stretches(partition, behind, end):
                yield stretch
                behind = stretch.up_to

    def from_ms(self, milliseconds: int) -> Iterator[Segment]:
        """Segments that may have entries of a time or later, by their first ones."""
        for name in self._names[bisect_left(self._last_ms, milliseconds) :]:
            segment = self._usable(name) if name.last_ms >= milliseconds else None
            if segment is not None:
                yield segment

    def at_ms(self, milliseconds: int) -> list[Segment]:
        """Segments that may have entries of a time, those of later epochs first."""
        found = []
        for name in self._names[bisect_left(self._last_ms, milliseconds) :]:
            if name.first_ms > milliseconds:
                break
            segment = self._usable(name) if name.last_ms >= milliseconds else None
            if segment is not None:
                found.append(segment)
        return sorted(found, key=lambda segment: -segment.name.epoch)

    def _usable(self, name: Name) -> Segment | None:
        try:
            return self.open(name)
        except ArchiveError as error:
            self._damaged[name.path.name] = error
            return None
