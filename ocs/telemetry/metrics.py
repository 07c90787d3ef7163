"""Counts of what happened: plain memory on the hot path, read by observable instruments.

A count costs a tenth of a microsecond; an OpenTelemetry histogram would cost fifty times that per
call. The instruments read the figures only when something collects them.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import accumulate
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from ocs.telemetry.metric_list import METRICS

Attributes = dict[str, str | bool]
Readings = dict[str, list[tuple[int | float, Attributes]]]

# Upper bounds in seconds: those of the RPC semantic conventions, and finer ones below.
DURATION_BOUNDS_S: Final = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InsightsCounts:
    """What a projector has done. lag_s: how far it is behind."""

    event_count: int
    lag_s: float
    unreadable_count: int
    rewritten_count: int


class ArchiveCounts:
    """What the archiver did. archived_to_ms: everything up to then is archived; None: not by us."""

    __slots__ = ("archived_to_ms", "entries", "failures", "segments", "trimmed")

    def __init__(self) -> None:
        self.entries = 0
        self.segments = 0
        self.trimmed = 0
        self.failures = 0
        self.archived_to_ms: int | None = None


class Durations:
    """Durations of one method with one status."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_BOUNDS_S) + 1)
        self.sum_s = 0.0

    def record(self, seconds: float) -> None:
        """Count one call."""
        self.counts[bisect_left(DURATION_BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Metrics:
    """All counts of one process. Written on the event loop; read from any thread.

    What a process does not do it does not tell of: a 0 that nobody measures would say that all is
    well. So store, journal, archive, figures and log have no figures before something is watched.
    """

    def __init__(self) -> None:
        self.calls_in_flight = 0
        self._durations: dict[tuple[str, str], Durations] = {}
        self._outcomes: dict[tuple[str, str, bool], int] = {}
        self._micros: dict[tuple[str, str], int] = {}
        self._items: dict[tuple[str, str], int] = {}
        self._reloads: dict[tuple[str, bool], int] = {}
        self._store: Callable[[], tuple[int, int, int]] | None = None
        self._lost_lines: Callable[[], int] | None = None
        self._journal: Callable[[], tuple[int, int]] | None = None
        self._archive: ArchiveCounts | None = None
        self._streams: Callable[[], int] = lambda: 0
        self._insights: Callable[[], InsightsCounts] | None = None

    def durations(self, method: str, code: str) -> Durations:
        """The durations of a method (`ocs.v1.ChargingService/Reserve`) with a status name."""
        return self._durations.setdefault((method, code), Durations())

    def all_durations(self) -> list[tuple[tuple[str, str], Durations]]:
        """All durations that were ever asked for, by method and status name."""
        # list() copies a dict in one step of the interpreter: the loop may add a key meanwhile.
        return list(self._durations.items())

    def count_outcome(self, operation: str, outcome: str, *, replayed: bool) -> None:
        """Count one decision."""
        key = (operation, outcome, replayed)
        self._outcomes[key] = self._outcomes.get(key, 0) + 1

    def count_micros(self, currency: str, charged_micros: int, uncollected_micros: int) -> None:
        """Add the money of one decision, micro-units of `currency`, both >= 0."""
        for kind, micros in (("charged", charged_micros), ("uncollected", uncollected_micros)):
            if micros:
                key = (currency, kind)
                self._micros[key] = self._micros.get(key, 0) + micros

    def count_item(self, operation: str, code: str) -> None:
        """Count one operation of a stream by its status name."""
        key = (operation, code)
        self._items[key] = self._items.get(key, 0) + 1

    def count_reload(self, file: str, *, used: bool) -> None:
        """Count one change of a file of the edge. One thread at a time for each file."""
        key = (file, used)
        self._reloads[key] = self._reloads.get(key, 0) + 1

    def watch_store(self, counts: Callable[[], tuple[int, int, int]]) -> None:
        """Say where round trips, commands and lost connections are read."""
        self._store = counts

    def watch_streams(self, count: Callable[[], int]) -> None:
        """Say where the number of open streams is read."""
        self._streams = count

    def watch_journal(self, sizes: Callable[[], tuple[int, int]]) -> None:
        """Say where the journal's bytes, and how many it may have, are read."""
        self._journal = sizes

    def watch_lost_lines(self, lost_lines: Callable[[], int]) -> None:
        """Say where the number of lost log lines is read."""
        self._lost_lines = lost_lines

    def watch_archive(self) -> ArchiveCounts:
        """Give the counts of this process's archiver, which are told of from now on."""
        self._archive = self._archive or ArchiveCounts()
        return self._archive

    def watch_insights(self, counts: Callable[[], InsightsCounts]) -> None:
        """Say where the counts of this process's projector are read."""
        self._insights = counts

    def readings(self) -> Readings:
        """Every metric's figures at this moment, by name."""
        durations = self.all_durations()
        return {
            "rpc.server.call.duration.bucket": [
                (count, {**_call(method, code), "le": bound})
                for (method, code), each in durations
                for bound, count in _cumulative(each.counts)
            ],
            "rpc.server.call.duration.sum": [
                (each.sum_s, _call(method, code)) for (method, code), each in durations
            ],
            "ocs.rpc.calls_in_flight": [(self.calls_in_flight, {})],
            "ocs.stream.open": [(self._streams(), {})],
            "ocs.stream.items": [
                (count, {"operation": operation, "rpc.response.status_code": code})
                for (operation, code), count in list(self._items.items())
            ],
            "ocs.edge.reloads": [
                (count, {"file": file, "used": used})
                for (file, used), count in list(self._reloads.items())
            ],
            "ocs.charging.outcomes": [
                (count, {"operation": operation, "outcome": outcome, "replayed": replayed})
                for (operation, outcome, replayed), count in list(self._outcomes.items())
            ],
            "ocs.charging.micros": [
                (micros, {"currency": currency, "kind": kind})
                for (currency, kind), micros in list(self._micros.items())
            ],
            **self._store_readings(),
            **self._insights_readings(),
            **self._archive_readings(),
            **_told(
                ("ocs.journal.bytes", "ocs.journal.bytes_max"), self._journal and self._journal()
            ),
            **_told(("ocs.log.lost_lines",), self._lost_lines and (self._lost_lines(),)),
        }

    def _store_readings(self) -> Readings:
        names = ("ocs.store.batches", "ocs.store.commands", "ocs.store.lost_connections")
        return _told(names, self._store and self._store())

    def _insights_readings(self) -> Readings:
        names = (
            "ocs.insights.events",
            "ocs.insights.lag",
            "ocs.insights.unreadable_entries",
            "ocs.insights.rewritten_events",
        )
        return _told(names, self._insights and astuple(self._insights()))

    def _archive_readings(self) -> Readings:
        names = (
            "ocs.archive.events",
            "ocs.archive.segments",
            "ocs.archive.trimmed",
            "ocs.archive.failures",
            "ocs.archive.lag",
            "ocs.archive.active",
        )
        counts = self._archive
        if counts is None:
            return _told(names, None)
        values = (
            counts.entries,
            counts.segments,
            counts.trimmed,
            counts.failures,
            _lag_s(counts.archived_to_ms),
            int(counts.archived_to_ms is not None),
        )
        return _told(names, values)

    def observe(self, meter: Meter) -> None:
        """Make every metric of the list an observable instrument of `meter`."""
        for metric in METRICS:
            create = (
                meter.create_observable_counter
                if metric.kind == "counter"
                else meter.create_observable_gauge
            )
            create(
                metric.name,
                callbacks=[self._reader(metric.name)],
                unit=metric.unit,
                description=metric.meaning,
            )

    def _reader(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_: CallbackOptions) -> Iterator[Observation]:
            for value, attributes in self.readings()[name]:
                yield Observation(value, attributes)

        return read


def _told(names: Sequence[str], values: Sequence[int | float] | None) -> Readings:
    """Figures without labels; of what is not measured, none."""
    if values is None:
        return {name: [] for name in names}
    return {name: [(value, {})] for name, value in zip(names, values, strict=True)}


def _lag_s(archived_to_ms: int | None) -> float:
    if archived_to_ms is None:
        return 0.0
    return max(0, time.time_ns() // 1_000_000 - archived_to_ms) / 1000


def _call(method: str, code: str) -> Attributes:
    return {"rpc.method": method, "rpc.response.status_code": code}


def _cumulative(counts: list[int]) -> Iterator[tuple[str, int]]:
    bounds = [*(str(bound) for bound in DURATION_BOUNDS_S), "+Inf"]
    return zip(bounds, accumulate(counts), strict=True)
