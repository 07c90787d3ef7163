"""What a quantity counts."""

import enum


class Unit(enum.StrEnum):
    """What a quantity counts; the values are the words used in the store and in Lua."""

    MICROS = "micros"
    OCTETS = "octets"
    SECONDS = "seconds"
    COUNT = "count"
