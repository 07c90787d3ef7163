"""The demo's price book: the shipped one, and a bundle whose period is over in seconds."""

from pathlib import Path
from typing import Final

from ocs.book.file import tariff_text

_FILE: Final = "price-book.yaml"
# The last section of the shipped book is `bundles`.
_BUNDLES: Final = """
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


def write_price_book(directory: Path) -> Path:
    """Write it into a directory; return where it is."""
    path = directory / _FILE
    path.write_text(tariff_text(None).decode() + _BUNDLES, encoding="utf-8")
    return path
