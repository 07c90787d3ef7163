"""What a campaign tells: a line of progress, and one block at the end."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHOWN_MAX = 5
LINE_CHARACTERS_MAX = 3_000


@dataclass(slots=True)
class Result:
    """What came of a campaign. figures: in the order they are to be shown."""

    name: str
    seed: int
    figures: dict[str, object] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def conclude(self) -> int:
        """Print the block; return the exit status."""
        print(self)
        return 1 if self.violations else 0

    def __str__(self) -> str:
        """The figures, in one line each, and the first violations."""
        rows = {"seed": self.seed} | self.figures | {"violations": len(self.violations)}
        width = max(map(len, rows))
        lines = (f"  {name:<{width}}  {_shown(value)}" for name, value in rows.items())
        told = (
            f"  violation: {text[:LINE_CHARACTERS_MAX]}" for text in self.violations[:SHOWN_MAX]
        )
        return "\n".join([f"{self.name}:", *lines, *told])


def _shown(value: object) -> str:
    match value:
        case bool() | str():
            return str(value)
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case Mapping():
            return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
        case _:
            return str(value)


class Progress:
    """How far it is, on standard error: a line written over on a terminal, else one now and then.

    shown: False keeps it quiet.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown
        self._terminal = sys.stderr.isatty()
        self._pause_s = 0.25 if self._terminal else 10.0
        self._next = time.monotonic()

    def say(self, text: str) -> None:
        """Show how far it is, unless that was just shown."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + self._pause_s
            start, end = ("\r", "") if self._terminal else ("", "\n")
            print(f"{start}{text:<78}", end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown and self._terminal:
            print(file=sys.stderr)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of them lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
