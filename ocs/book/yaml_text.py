"""Reads YAML as plain tables, lists and scalars, and remembers where each of them stands.

Less than YAML allows, on purpose, since a slip of the pen must be an error and never a price: one
document; no anchors, aliases, tags or merge keys (so nothing can grow behind the text); no key
twice; and a bare word that some YAML reads as a number, a date, yes or nothing (`0.09`, `1e3`,
`010`, `no`, `~`) has to be put in quotes. Whole numbers and true or false may stand bare.

It works on the parser's events: nothing is constructed but what is listed here, and a hostile text
is refused where it breaks a bound, before the rest of it is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import yaml

from ocs.domain.tariff_table import join
from ocs.limits import TARIFF_BYTES_MAX, TARIFF_DEPTH_MAX, TARIFF_NODES_MAX

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_TRUTH: Final = {"true": True, "false": False}
# What YAML 1.2 takes for a number and the parser's own rules, those of 1.1, do not; digits whose
# zeros in front mean octal to one of them and nothing to the other; and times of day, of which 1.1
# reads 20:00 as a number, 08:00 as text.
_LIKE_A_NUMBER: Final = re.compile(
    r"[-+]?(?:\.?[0-9][0-9_]*|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|0o?[0-7]+|0x[0-9a-fA-F]+"
    r"|[0-9]+(?::[0-9]+)+",
    re.ASCII,
)
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final[Any] = yaml.resolver.Resolver()


class Place(NamedTuple):
    """Where something stands in the text; both count from 1."""

    line: int
    column: int


class YamlError(ValueError):
    """A text that is not read. path: of the value that is wrong, empty for the whole."""

    def __init__(self, place: Place, rule: str) -> None:
        super().__init__(f"{place.line}:{place.column}: {rule}")
        self.place = place
        self.rule = rule
        self.path = ""


@dataclass(slots=True)
class Node:
    """A value with its place, and that of the key in front of it, which else is the same.

    inner: the nodes of a table by key, or of a list by index.
    """

    value: object
    place: Place
    key_place: Place
    inner: dict[str | int, "Node"] = field(default_factory=dict)


def read_yaml(text: bytes) -> Node:
    """Read one document whose top is a table. Raises YamlError at the first thing not allowed."""
    if len(text) > TARIFF_BYTES_MAX:
        raise YamlError(Place(1, 1), f"must have at most {TARIFF_BYTES_MAX} bytes")
    return _Builder(_decoded(text)).document()


def _decoded(text: bytes) -> str:
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise YamlError(Place(before.count(b"\n") + 1, column), "must be UTF-8") from None
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(decoded)
    if unprintable is not None:
        start = unprintable.start()
        column = start - (decoded.rfind("\n", 0, start) + 1) + 1
        raise YamlError(
            Place(decoded.count("\n", 0, start) + 1, column), "must have no control characters"
        )
    return decoded


class _Builder:
    """Takes the parser's events, one after the other."""

    def __init__(self, text: str) -> None:
        self._events = self._checked(text)
        self._nodes = 0
        self._keys: list[str | int] = []

    def document(self) -> Node:
        try:
            return self._document()
        except YamlError as error:
            for key in self._keys:
                error.path = (
                    f"{error.path}[{key}]" if isinstance(key, int) else join(error.path, key)
                )
            raise

    def _document(self) -> Node:
        next(self._events)  # the stream begins
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise YamlError(Place(1, 1), "must have a table at its top; it is empty")
        top = self._node(next(self._events), 0, None)
        if not isinstance(top.value, dict):
            raise YamlError(top.place, "must have a table at its top")
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise YamlError(_place(event), "must be a single document")
        return top

    @staticmethod
    def _checked(text: str) -> Iterator[Any]:
        """The events; what is no YAML becomes our error."""
        place = Place(1, 1)
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                place = _place(event)
                yield event
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark is not None:
                place = Place(mark.line + 1, mark.column + 1)
            raise YamlError(place, f"is not YAML: {error.problem or error.context}") from None
        except yaml.YAMLError:
            raise YamlError(place, "is not YAML behind this") from None

    def _node(self, event: Any, depth: int, key_place: Place | None) -> Node:
        place = _place(event)
        self._nodes += 1
        if self._nodes > TARIFF_NODES_MAX:
            raise YamlError(place, f"must have at most {TARIFF_NODES_MAX} values and keys")
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(place, "must have no aliases (*name)")
        if event.anchor is not None:
            raise YamlError(place, "must have no anchors (&name)")
        if event.tag is not None:
            raise YamlError(place, "must have no tags (!name)")
        if isinstance(event, yaml.ScalarEvent):
            return Node(_scalar(event, place), place, key_place or place)
        if depth >= TARIFF_DEPTH_MAX:
            raise YamlError(place, f"must be at most {TARIFF_DEPTH_MAX} tables and lists deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(place, depth, key_place or place)
        return self._table(place, depth, key_place or place)

    def _list(self, place: Place, depth: int, key_place: Place) -> Node:
        values: list[object] = []
        node = Node(values, place, key_place)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._keys.append(len(values))
            inner = self._node(event, depth + 1, None)
            self._keys.pop()
            node.inner[len(values)] = inner
            values.append(inner.value)
        return node

    def _table(self, place: Place, depth: int, key_place: Place) -> Node:
        values: dict[str, object] = {}
        node = Node(values, place, key_place)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1, None)
            if not isinstance(key.value, str):
                raise YamlError(key.place, "must be text: put this key in quotes")
            if key.value in values:
                first = node.inner[key.value].key_place
                raise YamlError(key.place, f"is the same key as in line {first.line}")
            self._keys.append(key.value)
            inner = self._node(next(self._events), depth + 1, key.place)
            self._keys.pop()
            node.inner[key.value] = inner
            values[key.value] = inner.value
        return node


def _scalar(event: Any, place: Place) -> object:
    value: str = event.value
    if not event.implicit[0]:  # in quotes, or a block of text
        return value
    if value in _TRUTH:
        return _TRUTH[value]
    if _WHOLE.fullmatch(value) is not None and value != "-0":
        return int(value)
    tag = _RESOLVER.resolve(yaml.ScalarNode, value, (True, False))
    if value == "<<":
        raise YamlError(place, "must have no merge keys (<<)")
    if tag != _TEXT_TAG or _LIKE_A_NUMBER.fullmatch(value) is not None:
        if not value:
            raise YamlError(place, "must have a value")
        raise YamlError(place, f'must be in quotes, "{value[:40]}", so that it is read as text')
    return value


def _place(event: Any) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)
