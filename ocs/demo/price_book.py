"""The demo's price book: the shipped one, and a bundle whose period is over in seconds."""

from importlib.resources import files
from pathlib import Path
from typing import Final

_FILE: Final = "price-book.toml"
_BUNDLES: Final = """
# The demo's time runs fast: what is a month elsewhere is ten seconds here.
[bundles.family-10s]
price = "1.00"
validity = "10s"
plans = ["family"]
renewals = 1000

[[bundles.family-10s.contents]]
unit = "octets"
quantity = 2147483648
services = ["data"]
priority = 10
roll_over = 1073741824
threshold = 214748364
"""


def write_price_book(directory: Path) -> Path:
    """Write it into a directory; return where it is."""
    path = directory / _FILE
    shipped = files("ocs").joinpath("tariffs", "default.toml").read_text(encoding="utf-8")
    path.write_text(shipped + _BUNDLES, encoding="utf-8")
    return path
