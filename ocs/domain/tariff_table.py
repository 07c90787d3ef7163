"""Tables of a tariff document, read strictly: a slip of the pen is an error and never a price."""

import re
from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from typing import Final

from ocs import limits

ID: Final = re.compile(limits.ID_PATTERN, re.ASCII)
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,12}))?", re.ASCII)
_DECIMAL_RULE: Final = (
    'must be a string such as "0.09": plain digits without sign, exponent or leading zero,'
    " at most 12 behind the point"
)
_MICROS_PER_CURRENCY_UNIT: Final = 1_000_000


class TariffError(ValueError):
    """A document that is no tariff.

    path: where, e.g. `services.data.price`. rule: what is broken there.
    """

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}" if path else rule)
        self.path = path
        self.rule = rule


class Table:
    """A table of the document with its path; hands out values only of the type asked for."""

    def __init__(self, path: str, value: object, known: Collection[str]) -> None:
        if not isinstance(value, Mapping):
            raise TariffError(path, "must be a table")
        for key in value:
            if key not in known:
                raise TariffError(join(path, str(key)), "is not known here")
        self.path = path
        self._value: Mapping[str, object] = value

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def at(self, key: str) -> str:
        """The path of a key."""
        return join(self.path, key)

    def text(self, key: str, pattern: re.Pattern[str], rule: str) -> str:
        """A required string."""
        value = self._required(key)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise TariffError(self.at(key), rule)
        return value

    def integer(self, key: str, default: int, maximum: int) -> int:
        """A whole number, 1 .. maximum."""
        value = self._value.get(key, default)
        # True is an int to Python, and not to an operator.
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
            raise TariffError(self.at(key), f"must be a whole number, 1 .. {maximum}")
        return value

    def texts(self, key: str, pattern: re.Pattern[str], rule: str) -> list[str]:
        """A list of strings, no two equal; absent = empty."""
        values = self._value.get(key, [])
        if not isinstance(values, list | tuple):
            raise TariffError(self.at(key), "must be a list")
        seen: dict[str, None] = {}
        for index, value in enumerate(values):
            if not isinstance(value, str) or pattern.fullmatch(value) is None:
                raise TariffError(f"{self.at(key)}[{index}]", rule)
            if value in seen:
                raise TariffError(f"{self.at(key)}[{index}]", "is listed twice")
            seen[value] = None
        return list(seen)

    def one_of(self, key: str, words: Collection[str]) -> str:
        """A required word of a closed list."""
        value = self._required(key)
        if not isinstance(value, str) or value not in words:
            raise TariffError(self.at(key), f"must be one of {', '.join(words)}")
        return value

    def money(self, key: str) -> Fraction:
        """A required amount of currency units, a decimal string; returns micro-units, exact."""
        # Fraction reads a decimal string exactly; the pattern has left nothing else to read.
        return Fraction(self.text(key, _DECIMAL, _DECIMAL_RULE)) * _MICROS_PER_CURRENCY_UNIT

    def list_of_tables(self, key: str, known: Collection[str], most: int) -> Iterator["Table"]:
        """A required list of 1 .. `most` tables, in order."""
        values = self._required(key)
        if not isinstance(values, list | tuple) or not 1 <= len(values) <= most:
            raise TariffError(self.at(key), f"must be a list of 1 to {most} tables")
        for index, value in enumerate(values):
            yield Table(f"{self.at(key)}[{index}]", value, known)

    def tables(self, key: str, known: Collection[str]) -> Iterator[tuple[str, "Table"]]:
        """Tables by id; absent = none."""
        found = self._value.get(key, {})
        if not isinstance(found, Mapping):
            raise TariffError(self.at(key), "must be a table")
        for name, value in found.items():
            path = join(self.at(key), str(name))
            if not isinstance(name, str) or ID.fullmatch(name) is None:
                raise TariffError(path, f"its id must match {limits.ID_PATTERN}")
            yield name, Table(path, value, known)

    def _required(self, key: str) -> object:
        if key not in self._value:
            raise TariffError(self.at(key), "is required")
        return self._value[key]


def join(path: str, key: str) -> str:
    """Spell the path of a key in a table."""
    return f"{path}.{key}" if path else key
