"""Pictures of a run: rate and latency over time, latency by percentile."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtest.latencies import Timeline, percentile

_SIZE: Final = (9.0, 6.0)
_DPI: Final = 110
# Percentiles by how many nines they have, as far as the number of calls carries them.
_NINES: Final = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)

mpl.use("Agg")


def rate_and_latency(timeline: Timeline, title: str, path: Path) -> None:
    """Draw answers per second, and p50 and p99 of each second."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    rate, latency = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title)
    # The last second is not a whole one and would look like a collapse.
    seconds = timeline.seconds[:-1] or timeline.seconds
    at = [each.second for each in seconds]
    rate.plot(at, [each.calls for each in seconds], color="tab:blue", label="answers")
    if timeline.failures:
        rate.plot(at, [each.failures for each in seconds], color="tab:red", label="failures")
    _label(rate, "", "calls per second")
    latency.plot(at, [each.p99_ms for each in seconds], color="tab:orange", label="p99")
    latency.plot(at, [each.p50_ms for each in seconds], color="tab:blue", label="p50")
    _label(latency, "seconds", "latency, ms")
    figure.savefig(path, dpi=_DPI)


def by_percentile(ordered_ms: Sequence[float], title: str, path: Path) -> None:
    """Draw latency over the share of calls, each further nine of the share one step on."""
    shares = [share for share in _NINES if len(ordered_ms) * (1 - share / 100) >= 1]
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    figure.suptitle(title)
    fine = [step / 20 for step in range((len(shares) - 1) * 20 + 1)]
    between = [_between(shares, place) for place in fine]
    axes.plot(fine, [percentile(ordered_ms, share) for share in between], color="tab:blue")
    axes.set_xticks(range(len(shares)), [f"{share:g} %" for share in shares])
    axes.set_yscale("log")
    _label(axes, "share of calls", "latency from the intended time, ms")
    figure.savefig(path, dpi=_DPI)


def _between(shares: Sequence[float], place: float) -> float:
    low = min(int(place), len(shares) - 1)
    high = min(low + 1, len(shares) - 1)
    return shares[low] + (shares[high] - shares[low]) * (place - low)


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0 if axes.get_yscale() == "linear" else None)
    axes.grid(visible=True, alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
