"""Tables of a tariff document, read strictly: a slip of the pen is an error and never a price."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
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
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_YEARS: Final = range(2000, 2200)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class TariffError(ValueError):
    """A fault of a document.

    path: where, e.g. `services.data.price`, empty for the whole. rule: what is broken there.
    """

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}" if path else rule)
        self.path = path
        self.rule = rule


class TariffRefusedError(ValueError):
    """A document that is no tariff.

    faults: the first of them, 1 .. TARIFF_FAULTS_MAX, in the order in which they were found.
    """

    def __init__(self, faults: Collection[TariffError]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class Faults:
    """Collects the faults of parts that can be read apart from each other."""

    def __init__(self) -> None:
        self._found: list[TariffError] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep a TariffError of the block, and go on behind it, unless they are too many."""
        try:
            yield
        except TariffError as error:
            # A table that several lines are read from is wrong once.
            if str(error) not in map(str, self._found):
                self._found.append(error)
            if len(self._found) == limits.TARIFF_FAULTS_MAX:
                self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise TariffRefusedError if there is a fault."""
        if self._found:
            raise TariffRefusedError(self._found)


class Table:
    """A table of the document with its path; hands out values only of the type asked for."""

    def __init__(self, path: str, value: object, known: Collection[str]) -> None:
        if not isinstance(value, Mapping):
            raise TariffError(path, "must be a table")
        for key in value:
            if key not in known:
                raise TariffError(join(path, key), "is not known here")
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

    def truth(self, key: str) -> bool:
        """True or false; absent = false."""
        value = self._value.get(key, False)
        if not isinstance(value, bool):
            raise TariffError(self.at(key), "must be true or false")
        return value

    def day(self, key: str) -> date:
        """A required date, as "2027-01-31"."""
        return read_date(self.at(key), self._required(key))

    def days(self, key: str, most: int) -> list[date]:
        """A list of dates, no two equal; absent = empty."""
        values = self._list(key, most)
        found: dict[date, None] = {}
        for index, value in enumerate(values):
            path = f"{self.at(key)}[{index}]"
            day = read_date(path, value)
            if day in found:
                raise TariffError(path, "is listed twice")
            found[day] = None
        return list(found)

    def texts(self, key: str, pattern: re.Pattern[str], rule: str) -> list[str]:
        """A list of strings, no two equal; absent = empty."""
        seen: dict[str, None] = {}
        for index, value in enumerate(self._list(key)):
            if not isinstance(value, str):
                raise TariffError(f"{self.at(key)}[{index}]", f"{rule}, in quotes")
            if pattern.fullmatch(value) is None:
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

    def table(self, key: str, known: Collection[str]) -> "Table":
        """A required table."""
        return Table(self.at(key), self._required(key), known)

    def values(self, key: str) -> Iterator[tuple[str, str, object]]:
        """Id, path and value of each entry of a table, as they stand; absent = none."""
        found = self._value.get(key, {})
        if not isinstance(found, Mapping):
            raise TariffError(self.at(key), "must be a table")
        for name, value in found.items():
            path = join(self.at(key), name)
            if not isinstance(name, str) or ID.fullmatch(name) is None:
                raise TariffError(path, f"its id must match {limits.ID_PATTERN}")
            yield name, path, value

    def tables(self, key: str, known: Collection[str]) -> Iterator[tuple[str, "Table"]]:
        """Tables by id; absent = none."""
        for name, path, value in self.values(key):
            yield name, Table(path, value, known)

    def _list(self, key: str, most: int | None = None) -> list[object]:
        values = self._value.get(key, [])
        if not isinstance(values, list | tuple):
            raise TariffError(self.at(key), "must be a list")
        if most is not None and len(values) > most:
            raise TariffError(self.at(key), f"must have at most {most}")
        return list(values)

    def _required(self, key: str) -> object:
        if key not in self._value:
            raise TariffError(self.at(key), "is required")
        return self._value[key]


def read_date(path: str, value: object) -> date:
    """Return the day that a text names, 2000 to 2199. Raises TariffError."""
    if isinstance(value, str) and _DATE.fullmatch(value) is not None:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            pass
        else:
            if day.year in _DATE_YEARS:
                return day
    raise TariffError(path, 'must be a date in quotes such as "2027-01-31", 2000 to 2199')


def join(path: str, key: object) -> str:
    """Spell the path of a key in a table; a key that is no plain word is in quotes."""
    name = str(key)
    if _BARE_KEY.fullmatch(name) is None:
        name = json.dumps(name)
    return f"{path}.{name}" if path else name
