"""`make bench-tariff`: what a look-up in the tariff costs, in a small book and in a large one.

Both price the same calls: home and abroad, roaming, by the hour; the large one has 10,000 prefixes,
100 zones and 500 plans, and each of these plans prices a service itself. Rounds alternate; the best
of each counts, as whatever else runs only ever adds.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from ocs.book.document import read_tariff
from ocs.domain.tariff_book import PriceInForce, TariffBook

RATIO_MAX: Final = 1.2
CALLS: Final = 256
PASSES: Final = 8
ROUNDS: Final = 60
NOW_MS: Final = 1_795_000_000_000
SERVICES: Final = ("voice", "data", "sms", "fax")


class Size(NamedTuple):
    """How much a book says."""

    prefixes: int
    plans: int
    zones: int


class Call(NamedTuple):
    """What is asked of a book."""

    plan: str
    service_id: str
    other_party: str
    visited_network: str
    at_ms: int


SMALL: Final = Size(prefixes=10, plans=2, zones=2)
LARGE: Final = Size(prefixes=10_000, plans=500, zones=100)


def prefixes_of(size: Size, numbers: random.Random) -> list[str]:
    """Prefixes of 1 to 5 digits; every number begins with one of the first ten."""
    found = {str(digit): None for digit in range(10)}
    while len(found) < size.prefixes:
        length = numbers.choice((2, 3, 4, 5, 5, 5))
        found["".join(numbers.choices("0123456789", k=length))] = None
    return list(found)


def book_text(size: Size, seed: int) -> str:
    """A tariff of a size."""
    numbers = random.Random(seed)
    prefixes = prefixes_of(size, numbers)
    quoted = [f'"{prefix}"' for prefix in prefixes]
    zones = [
        f"  z{zone}: {{prefixes: [{', '.join(quoted[zone :: size.zones])}],"
        f' visited_networks: ["{200 + zone}"]}}'
        for zone in range(size.zones)
    ]
    services = [
        f'  {service}:\n    unit: count\n    price: "0.10"\n    calendar: hours\n'
        '    during: {peak: {price: "0.20"}}\n    zones:\n'
        + "\n".join(f'      z{zone}: {{price: "0.{zone % 90 + 10}"}}' for zone in range(size.zones))
        for service in SERVICES
    ]
    plans = [
        f"  p{plan}: {{services: [{', '.join(SERVICES)}],"
        f' prices: {{sms: {{price: "0.{plan % 90 + 10}"}}}}}}'
        for plan in range(size.plans)
    ]
    return "\n".join(
        [
            f"version: v{size.plans}",
            "currency: EUR",
            "prices: gross",
            "time_zone: Europe/Berlin",
            'home_networks: ["99901"]',
            "calendars:",
            "  hours:",
            "    entries:",
            '      peak: [{days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00"}]',
            "zones:",
            *zones,
            "services:",
            *services,
            "plans:",
            *plans,
        ]
    )


def calls_of(size: Size, seed: int) -> list[Call]:
    """Calls of a mix: half abroad, a quarter roaming, a quarter at home."""
    numbers = random.Random(seed)
    calls = []
    for _ in range(CALLS):
        other, visited = "", ""
        kind = numbers.randrange(4)
        if kind < 2:  # noqa: PLR2004 - of four
            other = "".join(numbers.choices("0123456789", k=11))
        elif kind == 2:  # noqa: PLR2004 - of four
            visited = f"{200 + numbers.randrange(size.zones)}{numbers.randrange(100):02}"
        plan = f"p{numbers.randrange(size.plans)}"
        at_ms = NOW_MS + numbers.randrange(60_000)
        calls.append(Call(plan, numbers.choice(SERVICES), other, visited, at_ms))
    return calls


def seconds_for(book: TariffBook, calls: Sequence[Call]) -> float:
    """How long it takes to price them all, in CPU of this process."""
    price = book.price
    started = time.process_time()
    for _ in range(PASSES):
        for plan, service_id, other_party, visited_network, at_ms in calls:
            price(plan, service_id, other_party, visited_network, at_ms)
    return time.process_time() - started


def measure(seed: int, rounds: int = ROUNDS) -> dict[Size, float]:
    """Return microseconds per look-up, by size."""
    books = {}
    for size in (SMALL, LARGE):
        started = time.process_time()
        book = TariffBook.of(read_tariff(book_text(size, seed).encode()))
        print(f"{size}: loaded in {time.process_time() - started:.2f} s of CPU")
        calls = calls_of(size, seed)
        unpriced = [call for call in calls if not isinstance(book.price(*call), PriceInForce)]
        assert not unpriced, unpriced[0]
        books[size] = (book, calls)
    best = dict.fromkeys(books, float("inf"))
    for _ in range(rounds):
        for size, (book, calls) in books.items():
            best[size] = min(best[size], seconds_for(book, calls))
    return {size: 1e6 * seconds / (CALLS * PASSES) for size, seconds in best.items()}


def main() -> int:
    """Print the figures; exit with 1 if the large book is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = measure(options.seed)
    for size, micros in figures.items():
        print(f"{size}: {micros:.2f} us a look-up")
    ratio = figures[LARGE] / figures[SMALL]
    print(f"ratio {ratio:.2f}, at most {RATIO_MAX}")
    return 0 if ratio <= RATIO_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
