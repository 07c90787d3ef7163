"""The demo's price books: the shipped one with a peak hour, and a bundle that is over in seconds.

A book's version names its text, so that a later run of the demo, whose book may be another, finds
none of its own with another text.
"""

import hashlib
from pathlib import Path
from typing import Final

from ocs.book.file import tariff_text

DATA_PRICES: Final = ("2.00", "1.50")  # per GiB at home: each change of the book takes the other
PEAK_END_HOUR: Final = 20
_FILE: Final = "price-book.yaml"
_VERSION: Final = "version: default-2026-11\n"
_CALENDAR: Final = f"""time_zone: Europe/Berlin
calendars:
  working-hours:
    entries:
      peak: [{{days: [mon, tue, wed, thu, fri], from: "08:00", to: "{PEAK_END_HOUR}:00"}}]

services:
"""
_VOICE: Final = """price: "0.05"             # per minute, charged by the second
    calendar: working-hours
    during: {peak: {price: "0.09"}}
"""
# The last section of the shipped book is `bundles`.
_BUNDLE: Final = """
  # The demo's time runs fast: what is a month elsewhere is ten seconds here.
  family-10s:
    price: "1.00"
    validity: 10s
    plans: [family]
    renewals: 1000
    contents:
      - unit: octets
        quantity: 2147483648
        services: [data]
        priority: 10
        roll_over: 1073741824
        threshold: 214748364
"""


def price_book(data_price: str, name: str = "") -> bytes:
    """Return a book's text. name: tells books with the same prices apart."""
    text = tariff_text(None).decode()
    for shipped, here in (
        ("services:\n", _CALENDAR),
        ('price: "0.09"             # per minute, charged by the second\n', _VOICE),
        ('price: "2.00"             # per GiB\n', f'price: "{data_price}"             # per GiB\n'),
    ):
        before, found, behind = text.partition(shipped)
        assert found, f"the shipped book has no {shipped!r}"
        text = before + here + behind
    text += _BUNDLE
    digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:8]
    assert _VERSION in text
    return text.replace(_VERSION, f"version: demo-{data_price}-{digest}\n").encode()


def write_price_book(directory: Path) -> Path:
    """Write the first book into a directory; return where it is."""
    path = directory / _FILE
    path.write_bytes(price_book(DATA_PRICES[0]))
    return path
