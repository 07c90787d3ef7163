"""What the demo shows: a live table on a terminal, plain lines anywhere else."""

import time
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from ocs.demo import figures
from ocs.demo.board import Board
from ocs.demo.operators import OPERATORS
from ocs.demo.tally import FAILED, REFUSED, SERVICES, named

_PLAIN_EVERY_S: Final = 1.0
_TABLE_WIDTH: Final = 78
_CLOCK_WIDTH: Final = 10
_BAR_WIDTH: Final = 30
_BLOCK: Final = "\u2588"


class Screen(Protocol):
    """Where the demo is shown."""

    def say(self, text: str = "", style: str = "") -> None:
        """Show a line that stays."""
        ...

    def show(self, board: Board, seconds: float, state: str) -> None:
        """Show the figures as they are now; called several times a second."""
        ...

    def audited(self, done: int, total: int) -> None:
        """Show how far the audit is."""
        ...

    def close(self) -> None:
        """Leave the last figures standing."""
        ...


def open_screen() -> Screen:
    """The screen that fits where standard output goes."""
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return _LiveScreen(console)
    return _PlainScreen()


class _PlainScreen:
    """A line of figures each second."""

    def __init__(self) -> None:
        # Without a terminal there is no width to fold at.
        self._console = Console(highlight=False, width=240)
        self._next_s = 0.0
        self._next_audited = 0.0

    def say(self, text: str = "", style: str = "") -> None:
        del style  # a file has no colours
        self._console.print(text, markup=False)

    def show(self, board: Board, seconds: float, state: str) -> None:
        del state
        if seconds < self._next_s:
            return
        self._next_s = seconds + _PLAIN_EVERY_S
        counts = board.counts
        self.say(
            f"{figures.clock(seconds):>7}  {board.charges_per_s:4.0f}/s"
            f"  charges {counts['charges']:>8,}  granted {counts['granted']:>8,}"
            f"  refused {counts['refused']:>6,}  replayed {counts['replays']:>4,}"
            f"  held {figures.moneys(counts, 'held_micros')}"
            f"  collected {figures.moneys(counts, 'collected_micros')}"
            f"  uncollected {figures.moneys(counts, 'uncollected_micros')}"
        )

    def audited(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next_audited or done == total:
            self._next_audited = now + _PLAIN_EVERY_S
            self.say(f"auditing: {done:,} of {total:,} events")

    def close(self) -> None:
        """Nothing moves here."""


class _LiveScreen:
    """A table that is drawn again in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def say(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def show(self, board: Board, seconds: float, state: str) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(frame(board, seconds, state), refresh=True)

    def audited(self, done: int, total: int) -> None:
        self._end_live()
        if self._progress is None:
            columns = (
                TextColumn(" audit"),
                BarColumn(_BAR_WIDTH),
                MofNCompleteColumn(),
                TextColumn("events (Ctrl-C: skip)"),
            )
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._task = self._progress.add_task("audit", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total)

    def close(self) -> None:
        self._end_live()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def frame(board: Board, seconds: float, state: str) -> RenderableType:
    """The whole table; 79 columns wide."""
    return Group(
        Text(),
        _headline(seconds, state),
        Text(),
        _totals(board),
        _services(board),
        _refusals(board),
        Text(),
        *_notes(board),
    )


def _headline(seconds: float, state: str) -> RenderableType:
    grid = Table.grid(expand=False)
    grid.add_column(width=_TABLE_WIDTH - _CLOCK_WIDTH)
    grid.add_column(width=_CLOCK_WIDTH, justify="right")
    grid.add_row(Text(f" {state}", style="bold"), Text(figures.clock(seconds), style="bold"))
    return grid


def _totals(board: Board) -> RenderableType:
    counts = board.counts
    latencies_us = list(board.latencies_us)
    failed = sum(count for _, count in named(counts, FAILED))
    uncollected = any(_of_each_currency(counts, "uncollected_micros"))
    rows = (
        (
            ("charges/s", f"{board.charges_per_s:,.0f}", "bold"),
            ("collected", "collected_micros", "bold green"),
            ("p50", figures.percentile_ms(latencies_us, 50), ""),
        ),
        (
            ("granted", f"{counts['granted']:,}", ""),
            ("held", "held_micros", "cyan"),
            ("p99", figures.percentile_ms(latencies_us, 99), ""),
        ),
        (
            ("refused", f"{counts['refused']:,}", "yellow"),
            ("uncollected", "uncollected_micros", "red" if uncollected else ""),
            ("replayed", f"{counts['replays']:,}", ""),
        ),
        (
            ("failed", f"{failed:,}", "red" if failed else ""),
            ("topped up", "topped_up_micros", ""),
            ("late", f"{counts['late']:,}", ""),
        ),
    )
    grid = Table.grid(padding=(0, 1))
    money_widths = [13 for _ in OPERATORS]
    for label_width, *value_widths in ((10, 8), (12, *money_widths), (9, 8)):
        grid.add_column(width=label_width, justify="right", style="dim")
        for width in value_widths:
            grid.add_column(width=width, justify="right")
    currencies = (Text(operator.currency, style="dim") for operator in OPERATORS)
    grid.add_row("", "", "", *currencies, "", "")
    for left, (label, name, style), right in rows:
        money = (
            Text(figures.decimals(micros), style=style)
            for micros in _of_each_currency(counts, name)
        )
        grid.add_row(*_cell(left), label, *money, *_cell(right))
    return grid


def _cell(of: tuple[str, str, str]) -> Iterable[RenderableType]:
    label, value, style = of
    yield label
    yield Text(value, style=style)


def _of_each_currency(counts: Mapping[str, int], name: str) -> list[int]:
    return [counts.get(figures.of_currency(name, each.currency), 0) for each in OPERATORS]


def _services(board: Board) -> RenderableType:
    counts = board.counts
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", padding=(0, 0, 0, 1))
    table.add_column("service", width=15)
    for name, width in (
        ("charges", 8), ("granted", 8), ("refused", 7), ("used", 10),
        *((each.currency, 13) for each in OPERATORS),
    ):  # fmt: skip
        table.add_column(name, width=width, justify="right")
    for service in SERVICES:
        table.add_row(
            service,
            f"{counts[f'{service}.charges']:,}",
            f"{counts[f'{service}.granted']:,}",
            f"{counts[f'{service}.refused']:,}",
            figures.used(service, counts[f"{service}.units"]),
            *map(figures.decimals, _of_each_currency(counts, f"{service}.collected_micros")),
        )
    return table


def _refusals(board: Board) -> RenderableType:
    found = named(board.counts, REFUSED)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=23)
    grid.add_column(width=9, justify="right")
    grid.add_column(width=_BAR_WIDTH)
    largest = max((count for _, count in found), default=1)
    for name, count in found:
        bar = _BLOCK * max(1, count * _BAR_WIDTH // largest)
        grid.add_row(f" {name}", f"{count:,}", Text(bar, style="yellow"))
    return grid


def _notes(board: Board) -> Iterable[RenderableType]:
    for note in board.notes:
        yield Text(f" {note}", style="dim", overflow="ellipsis", no_wrap=True)
