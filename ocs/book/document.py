"""A tariff's text becomes a tariff, or a list of faults with line, column, path and rule."""

import json
import re
from typing import Final

from ocs.book.yaml_text import Node, Place, YamlError, read_yaml
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_document import parse_tariff
from ocs.domain.tariff_table import TariffRefusedError
from ocs.ports import BookError, Fault

# A part of a path, as ocs.domain.tariff_table.join and list indices spell it.
_PART: Final = re.compile(
    r"""\.? (?: (?P<bare> [A-Za-z0-9_-]+ ) | (?P<quoted> "(?:[^"\\]|\\.)*" ) )
    | \[ (?P<index> [0-9]+ ) \]""",
    re.VERBOSE,
)


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
