"""What takes a store's memory, by kind of key; and what processes take."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any, Final

import redis

from ocs.store import keys

# Of a nested value's elements; its keys are all looked at.
_SAMPLES: Final = 20
_SCANNED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Census:
    """Every key of a store, counted and weighed. tables: what the store's tables of keys take."""

    used_bytes: int
    tables_bytes: int
    counts: Mapping[str, int]
    sizes: Mapping[str, int]

    @property
    def rest_bytes(self) -> int:
        """What is taken by no key and no table of keys."""
        return self.used_bytes - self.tables_bytes - sum(self.sizes.values())


def take_census(client: "redis.Redis") -> Census:
    """Look at every key; seconds, for a store with hundreds of thousands of them."""
    counts, sizes = Counter[str](), Counter[str]()
    scan = client.scan_iter(count=_SCANNED)
    while names := list(islice(scan, _SCANNED)):
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.memory_usage(name, samples=_SAMPLES)
        for name, size in zip(names, pipe.execute(), strict=True):
            kind = name.split(":")[1]
            counts[kind] += 1
            sizes[kind] += size or 0
    stats: Any = client.memory_stats()
    tables = sum(sum(found.values()) for found in stats.values() if isinstance(found, dict))
    used: Any = client.info("memory")["used_memory"]
    return Census(int(used), int(tables), counts, sizes)


def used_bytes(client: "redis.Redis") -> int:
    """What the store's allocator has given out."""
    found: Any = client.info("memory")
    return int(found["used_memory"])


def journal_bytes(client: "redis.Redis") -> int:
    """What the streams of all partitions take, sampled."""
    pipe = client.pipeline(transaction=False)
    for number in range(keys.PARTITION_COUNT):
        pipe.memory_usage(keys.journal_key(number), samples=5)
    return sum(size or 0 for size in pipe.execute())


@dataclass(slots=True)
class Series:
    """A figure over time. seconds: of the machine's monotonic clock."""

    name: str
    seconds: list[float]
    values: list[int]

    @classmethod
    def empty(cls, name: str) -> "Series":
        """One without samples."""
        return cls(name, [], [])

    def add(self, value: int) -> None:
        """Take a sample."""
        self.seconds.append(time.monotonic())
        self.values.append(value)

    def thirds(self) -> list[float]:
        """The medians of its three thirds."""
        third = max(1, len(self.values) // 3)
        middle = self.values[third:-third] or self.values
        return [median(some) for some in (self.values[:third], middle, self.values[-third:])]

    def settled(self) -> "Series":
        """The last two thirds: what comes after the first, in which everything warms up."""
        third = len(self.values) // 3
        return Series(self.name, self.seconds[third:], self.values[third:])

    def slope(self) -> float:
        """How much it grows in a minute, by least squares."""
        return 60 * _slope(self.seconds, self.values)

    def flat(self, share: float) -> bool:
        """Whether the last third's median is at most so much above that of the middle one."""
        _, middle, last = self.thirds()
        return last <= middle * (1 + share)


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / (spread or 1.0)
