"""A tariff's text becomes a tariff, or a list of faults with line, column, path and rule."""

import json
import re
from dataclasses import dataclass
from typing import Final

from ocs.book.yaml_text import Node, Place, YamlError, read_yaml
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_document import parse_tariff
from ocs.domain.tariff_table import TariffRefusedError

# A part of a path, as ocs.domain.tariff_table.join and list indices spell it.
_PART: Final = re.compile(
    r"""\.? (?: (?P<bare> [A-Za-z0-9_-]+ ) | (?P<quoted> "(?:[^"\\]|\\.)*" ) )
    | \[ (?P<index> [0-9]+ ) \]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where. path: e.g. `services.voice.price`; empty: of the text as such."""

    line: int
    column: int
    path: str
    rule: str

    def __str__(self) -> str:
        told = f"{self.path}: {self.rule}" if self.path else self.rule
        return f"{self.line}:{self.column}: {told}"


class BookError(ValueError):
    """A text that is no tariff; its faults in the order of their places."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


def read_tariff(text: bytes) -> Tariff:
    """Read a tariff's text. Raises BookError."""
    try:
        top = read_yaml(text)
    except YamlError as error:
        raise BookError([Fault(*error.place, error.path, error.rule)]) from None
    try:
        return parse_tariff(top.value)
    except TariffRefusedError as error:
        faults = [Fault(*_place(top, fault.path), fault.path, fault.rule) for fault in error.faults]
        raise BookError(sorted(faults, key=lambda fault: (fault.line, fault.column))) from None


def _place(top: Node, path: str) -> Place:
    """Where a path stands; of what is not there, where the table that lacks it begins."""
    node = top
    for part in _PART.finditer(path):
        key: str | int
        if part["index"] is not None:
            key = int(part["index"])
        else:
            key = part["bare"] or json.loads(part["quoted"])
        inner = node.inner.get(key)
        if inner is None:
            break
        node = inner
    return node.key_place
