"""The demo's price books: the shipped one with a peak hour, wholesale prices and a short bundle.

A book's version names its text, so that a later run of the demo, whose book may be another, finds
none of its own with another text.
"""

import hashlib
from pathlib import Path
from typing import Final

from ocs.book.file import tariff_text
from ocs.demo.operators import FIRST, Operator

DATA_PRICES: Final = ("2.00", "1.50")  # per GiB at home: each change of the book takes the other
PEAK_END_HOUR: Final = 20
_FILE: Final = "price-book.yaml"
_VERSION: Final = "version: default-2026-11\n"
_CALENDAR: Final = f"""calendars:
  working-hours:
    entries:
      peak: [{{days: [mon, tue, wed, thu, fri], from: "08:00", to: "{PEAK_END_HOUR}:00"}}]

services:
"""
_VOICE: Final = """price: "0.05"             # per minute, charged by the second
    calendar: working-hours
    during: {peak: {price: "0.09"}}
"""
# What the networks that carry the use are owed for it.
_PARTNERS: Final = """partners:
  host-network: {{currency: {currency}}}
  world-hub: {{currency: {currency}}}

"""
_HOST: Final = '    wholesale: {{partner: host-network, price: "{price}", per: {per}}}\n'
_HUB: Final = ', wholesale: {{partner: world-hub, price: "{price}", per: {per}}}}}\n'
_GIB: Final = 1 << 30
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


def price_book(operator: Operator, data_price: str, name: str = "") -> bytes:
    """Return the text of an operator's book. name: tells books with the same prices apart."""
    text = tariff_text(None).decode()
    for shipped, here in (
        ("currency: EUR\n", f"currency: {operator.currency}\n"),
        (
            "services:\n",
            _PARTNERS.format(currency=operator.currency)
            + f"time_zone: {operator.time_zone}\n{_CALENDAR}",
        ),
        ("validity_s: 1800\n", "validity_s: 1800\n" + _HOST.format(price="0.55", per=_GIB)),
        ("validity_s: 600}\n", "validity_s: 600" + _HUB.format(price="3.20", per=_GIB)),
        ("validity_s: 300\n", "validity_s: 300\n" + _HOST.format(price="0.011", per=60)),
        ("grant_min: 60}\n", "grant_min: 60" + _HUB.format(price="0.45", per=60)),
        ('price: "0.07"\n', 'price: "0.07"\n' + _HOST.format(price="0.02", per=1)),
        ('price: "0.09"             # per minute, charged by the second\n', _VOICE),
        ('price: "2.00"             # per GiB\n', f'price: "{data_price}"             # per GiB\n'),
    ):
        before, found, behind = text.partition(shipped)
        assert found, f"the shipped book has no {shipped!r}"
        text = before + here + behind
    text += _BUNDLE
    digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:8]
    assert _VERSION in text
    return text.replace(_VERSION, f"version: {version_prefix(data_price)}{digest}\n").encode()


def version_prefix(data_price: str) -> str:
    """What the names of all books with a price begin with."""
    return f"demo-{data_price}-"


def write_price_book(directory: Path) -> Path:
    """Write the installation's own book, the first operator's, into a directory; return where."""
    path = directory / _FILE
    path.write_bytes(price_book(FIRST, DATA_PRICES[0]))
    return path
