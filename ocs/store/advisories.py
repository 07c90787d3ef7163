"""Servers whose scripts let an attacker out of their cage, by version (decision 0021).

Only advisories about Lua: this service lives on scripts, and what they may do is all that stands
between a leaked store password and the machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Product = Literal["Valkey", "Redis"]
Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Advisory:
    """cves: what is told of together. fixed: the first good patch of each branch, by product.

    A branch beyond the last one listed was made later and is good; one between or before has no
    good patch. A product that is not listed is not affected.
    """

    cves: tuple[str, ...]
    fixed: Mapping[Product, Mapping[tuple[int, int], int]]

    def affects(self, product: Product, version: Version) -> bool:
        """Whether a server of this version is open to it."""
        branches = self.fixed.get(product)
        if branches is None:
            return False
        major, minor, patch = version
        if (major, minor) > max(branches):
            return False
        first_good = branches.get((major, minor))
        return first_good is None or patch < first_good


ADVISORIES: Final = (
    Advisory(
        ("CVE-2025-46817", "CVE-2025-46818", "CVE-2025-46819", "CVE-2025-49844"),
        {
            "Valkey": {(7, 2): 11, (8, 0): 6, (8, 1): 4, (9, 0): 0},
            "Redis": {(7, 2): 11, (7, 4): 6, (8, 0): 4, (8, 2): 2},
        },
    ),
    Advisory(
        ("CVE-2025-67733",),
        # The record says 9.0.2, the release notes 9.0.3: the later one is safe.
        {"Valkey": {(7, 2): 12, (8, 0): 7, (8, 1): 6, (9, 0): 3}},
    ),
    Advisory(
        ("CVE-2026-23631",),
        {
            "Valkey": {(7, 2): 13, (8, 0): 8, (8, 1): 7, (9, 0): 4},
            "Redis": {(7, 2): 14, (7, 4): 9, (8, 2): 6, (8, 4): 3, (8, 6): 3},
        },
    ),
)


def open_cves(product: Product, version: Version) -> list[str]:
    """The CVE numbers that a server of this version is open to, oldest first."""
    return [
        cve
        for advisory in ADVISORIES
        if advisory.affects(product, version)
        for cve in advisory.cves
    ]
