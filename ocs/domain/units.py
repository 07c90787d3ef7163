"""What a quantity counts, and the bound every quantity keeps."""

import enum
import re
from typing import Final

from ocs.limits import QUANTITY_MAX

_STRICT: Final = re.compile(r"(?:0|[1-9][0-9]{0,15})", re.ASCII)


class Unit(enum.StrEnum):
    """What a quantity counts; the values are the words used in the store and in Lua."""

    MICROS = "micros"
    OCTETS = "octets"
    SECONDS = "seconds"
    COUNT = "count"


def parse_quantity(text: str) -> int:
    """Read a quantity written as a strict decimal string, 0 .. 2^53-1.

    Refuses signs, spaces, leading zeros, exponents and digits other than ASCII with ValueError.
    """
    if _STRICT.fullmatch(text) is None:
        message = "must be a whole number of plain digits without sign, space or leading zero"
        raise ValueError(message)
    value = int(text)
    if value > QUANTITY_MAX:
        message = f"must be at most {QUANTITY_MAX}"
        raise ValueError(message)
    return value
