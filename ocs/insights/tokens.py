"""Takes lines apart that the grammar accepts: many lines at once, a column per field.

Where tokens and fields are is found by looking for blanks and colons in the lines' common bytes;
what they say is then taken from there. `ocs.insights.line` says what a line is, `decode_event` what
it means: tests/insights/test_line.py holds the two readers against each other.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ocs.insights.spans import texts_at

_Places = NDArray[np.int64]
_Rows = NDArray[np.intp]

_BLANK, _COLON, _SLASH, _NOTHING = b" :/-"
# Figures of tokens that stand once at most: letter, and which field. 0 without the token.
_FIGURES: Final = {
    "requested_units": ("r", 0),
    "used_units": ("u", 0),
    "granted_units": ("g", 0),
    "connect_micros": ("c", 0),
    "uncollected_units": ("x", 0),
    "uncollected_micros": ("x", 1),
    "position_before": ("p", 0),
    "deadline_ms": ("d", 0),
}
# Texts of such tokens, their first field. Empty without the token.
_TEXTS: Final = {"flags": "f", "successor": "n"}
# Tokens that may stand several times make a table each: its columns from the event, and the
# token's fields, texts first.
_KEY: Final = ("n", "tenant", "account", "seq")
_TABLES: Final = {
    "fresh_payments": ("y", _KEY, ("bucket",), ("units", "micros")),
    "fresh_buckets": (
        "b",
        (*_KEY, "store_ms"),
        ("bucket",),
        ("balance_before", "reserved_before", "balance_after", "reserved_after"),
    ),
    "fresh_counters": ("k", _KEY, ("holder", "cap"), ("period_start_ms", "spent", "reserved")),
}
# So many lines at once that what is at hand of them stays in the processor's caches.
_LINES_AT_ONCE: Final = 8_192


def take_apart(numbers: Any, lines: Any) -> dict[str, pa.Table]:
    """Make `fresh`, and the tables of what a line has several of.

    numbers: of the rows, for column n. lines: as many, that the grammar accepts.
    """
    found: dict[str, list[pa.Table]] = {name: [] for name in ("fresh", *_TABLES)}
    for first in range(0, max(len(lines), 1), _LINES_AT_ONCE):
        some = _Lines(lines.slice(first, _LINES_AT_ONCE))
        fresh = some.events(numbers.slice(first, _LINES_AT_ONCE))
        found["fresh"].append(fresh)
        for name, (letter, columns, texts, figures) in _TABLES.items():
            found[name].append(some.each(letter, fresh.select(columns), texts, figures))
    return {name: pa.concat_tables(tables) for name, tables in found.items()}


class _Lines:
    """Lines in common bytes, and where their tokens are."""

    def __init__(self, lines: Any) -> None:
        count = self._count = len(lines)
        _, offsets, data = lines.buffers()
        bounds = np.zeros(1, np.int64)
        if count:
            bounds = np.frombuffer(offsets, np.int32)[lines.offset :][: count + 1].astype(np.int64)
        self._data = np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]]
        bounds -= bounds[0]
        self._begins = bounds[:-1]
        # A token begins with each line, and behind each blank.
        begins = np.zeros(len(self._data) + 1, np.bool_)
        np.equal(self._data, _BLANK, out=begins[1:])
        begins[self._begins] = True
        self._starts = np.flatnonzero(begins)
        self._firsts = np.searchsorted(self._starts, self._begins)
        behind = np.append(self._firsts, len(self._starts))[1:]
        self._ends = np.empty_like(self._starts)
        self._ends[:-1] = self._starts[1:] - 1
        self._ends[behind - 1] = bounds[1:]
        self._rows = np.repeat(np.arange(count), behind - self._firsts)
        self._letters = self._data[self._starts]
        # What stands before the tokens has no letter.
        for place in range(8):
            self._letters[self._firsts + place] = 0
        self._colons = np.append(np.flatnonzero(self._data == _COLON), len(self._data))

    def events(self, numbers: Any) -> pa.Table:
        """A row per line: its head, and the tokens that stand once at most."""
        owner, owner_end = self._head(2)
        slashes = np.flatnonzero(self._data == _SLASH)
        slash = slashes[np.searchsorted(slashes, owner)]
        columns: dict[str, Any] = {
            "n": numbers,
            "kind": self._taken(*self._head(1)),
            "tenant": self._taken(owner, slash),
            "account": self._taken(slash + 1, owner_end),
            "seq": self._figures(*self._head(3)),
            "store_ms": self._figures(*self._head(4)),
            "outcome": self._text_or_nothing(6),
            "ref": self._text_or_nothing(7),
        }
        for name, (letter, field) in _FIGURES.items():
            tokens = self._tokens(letter)
            figures = np.zeros(self._count, np.int64)
            figures[self._rows[tokens]] = self._figures(*self._field(tokens, field))
            columns[name] = figures
        for name, letter in _TEXTS.items():
            tokens = self._tokens(letter)
            starts, ends = self._begins.copy(), self._begins.copy()
            rows = self._rows[tokens]
            starts[rows], ends[rows] = self._field(tokens, 0)
            columns[name] = self._taken(starts, ends)
        charged = np.zeros(self._count, np.bool_)
        charged[self._rows[self._tokens("p")]] = True
        columns |= {"charged": charged, "holds": columns.pop("deadline_ms") != 0}
        return pa.table(columns)

    def each(
        self, letter: str, events: pa.Table, texts: tuple[str, ...], figures: tuple[str, ...]
    ) -> pa.Table:
        """A row per token of a letter: columns of its event, and the token's fields."""
        tokens = self._tokens(letter)
        found = events.take(pa.array(self._rows[tokens]))
        for field, name in enumerate(texts):
            found = found.append_column(name, self._taken(*self._field(tokens, field)))
        for field, name in enumerate(figures, start=len(texts)):
            values = self._figures(*self._field(tokens, field))
            found = found.append_column(name, pa.array(values))
        return found

    def _tokens(self, letter: str) -> _Rows:
        return np.flatnonzero(self._letters == ord(letter))

    def _head(self, place: int) -> tuple[_Places, _Places]:
        """Where the token at a place of each line starts and ends."""
        return self._starts[self._firsts + place], self._ends[self._firsts + place]

    def _field(self, tokens: _Rows, number: int) -> tuple[_Places, _Places]:
        """Where a field of tokens starts and ends; they have it."""
        # Behind the letter and its `=`.
        starts = self._starts[tokens] + 2
        first = np.searchsorted(self._colons, starts)
        if number:
            starts = self._colons[first + number - 1] + 1
        return starts, np.minimum(self._colons[first + number], self._ends[tokens])

    def _text_or_nothing(self, place: int) -> Any:
        starts, ends = self._head(place)
        nothing = (ends - starts == 1) & (self._data[starts] == _NOTHING)
        return self._taken(starts, np.where(nothing, starts, ends))

    def _taken(self, starts: _Places, ends: _Places) -> Any:
        spans = np.empty((len(starts), 2), np.int32)
        spans[:, 0], spans[:, 1] = starts, ends
        return texts_at(self._data, spans, len(starts))

    def _figures(self, starts: _Places, ends: _Places) -> _Places:
        figures: _Places = self._taken(starts, ends).cast(pa.int64()).to_numpy(zero_copy_only=False)
        return figures
