"""Answers on standard output, as text or as one JSON object; errors as two lines on standard error.

JSON: the names and structure of `ocs.client.results`, whole numbers as numbers, times as RFC 3339
in UTC, lengths of time in whole seconds, words in capitals, what was not said as null.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

# Without a terminal there is no width to fit: a table must not be folded for a file or a pipe.
PIPE_WIDTH: Final = 240


@dataclass(frozen=True, slots=True)
class Fields:
    """Names and values, one pair on a line; empty values are left out."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A table."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text as it is, but for what could steer a terminal."""

    text: str


Block = Fields | Listing | Verbatim


def plain(text: str) -> str:
    """Text that cannot steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def plain_line(line: str) -> str:
    """A line that cannot steer a terminal; it keeps its end and its tabs."""
    return "".join(letter if letter.isprintable() or letter in "\t\r\n" else "?" for letter in line)


def _json_of(value: object) -> int:
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    raise TypeError(type(value).__name__)


def print_json(result: object) -> None:
    """Print an answer as one JSON object on one line."""
    sys.stdout.write(orjson.dumps(result, _json_of, orjson.OPT_UTC_Z).decode() + "\n")


def print_blocks(blocks: Iterable[Block]) -> None:
    """Print an answer for a human."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    for block in blocks:
        if isinstance(block, Fields):
            shown = [(name, value) for name, value in block.rows if value]
            width = max((len(name) for name, _ in shown), default=0)
            for name, value in shown:
                console.print(Text(f"{name:<{width}}  {plain(value)}"), soft_wrap=True)
        elif isinstance(block, Verbatim):
            sys.stdout.write("".join(map(plain_line, block.text.splitlines(keepends=True))))
        else:
            table = Table(box=SIMPLE_HEAD, pad_edge=False)
            for column in block.columns:
                table.add_column(column, overflow="fold")
            for row in block.rows:
                table.add_row(*(Text(plain(cell)) for cell in row))
            console.print(table)


def print_problem(kind: str, what: str, step: str) -> None:
    """Say what is wrong and what to do next, one line each, on standard error."""
    print_problems(kind, [what], step)


def print_problems(kind: str, whats: Iterable[str], step: str) -> None:
    """Say all that is wrong, one line each, and what to do next, on standard error."""
    told = "".join(f"{kind}: {plain(what)}\n" for what in whats)
    sys.stderr.write(f"{told}next: {plain(step)}\n")


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error, if that is a terminal: standard output is for the report."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
