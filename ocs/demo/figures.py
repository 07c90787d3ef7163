"""Figures as people read them. Whole numbers in, text out; rounding is for the eye only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ocs.demo.operators import FIRST, OPERATORS

_MICROS_PER_CENT: Final = 10_000
_BINARY: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def money(micros: int, currency: str) -> str:
    """Micro-units as `1,234.56 EUR`, half a cent up."""
    return f"{decimals(micros)} {currency}"


def decimals(micros: int) -> str:
    """Micro-units as `1,234.56`, half a cent up."""
    cents = (micros + _MICROS_PER_CENT // 2) // _MICROS_PER_CENT
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{cents // 100:,}.{cents % 100:02d}"


def moneys(counts: Mapping[str, int], name: str) -> str:
    """A figure of money in every currency that has one; currencies are never added up."""
    amounts = [
        money(counts.get(of_currency(name, one.currency), 0), one.currency) for one in OPERATORS
    ]
    return " + ".join(amounts)


def of_currency(name: str, currency: str) -> str:
    """What a figure of money is counted under."""
    return f"{name}.{currency}"


def used(service_id: str, units: int) -> str:
    """Used units of a service of the demo."""
    if service_id == "data":
        return octets(units)
    if service_id == "voice":
        return f"{units // 60:,} min"
    return f"{units:,}"


def octets(units: int) -> str:
    """Octets in the largest fitting unit, one decimal."""
    for size, name in _BINARY:
        if units >= size:
            return f"{units / size:,.1f} {name}"
    return f"{units} B"


def local_time(moment: datetime) -> str:
    """A time of day as the first operator's households read it; the others' clocks agree."""
    return f"{moment.astimezone(ZoneInfo(FIRST.time_zone)):%H:%M} ({FIRST.time_zone})"


def clock(seconds: float) -> str:
    """Seconds as `m:ss` or `h:mm:ss`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def percentile_ms(latencies_us: list[int], percent: int) -> str:
    """The figure that so many percent of the calls do not pass; a dash without calls."""
    if not latencies_us:
        return "-"
    ordered = sorted(latencies_us)
    place = min(len(ordered) - 1, len(ordered) * percent // 100)
    return f"{ordered[place] / 1000:.1f} ms"
