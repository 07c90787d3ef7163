"""What is a line: the grammar of `decode_event`, as one pattern for all lines at once.

`ocs.domain.charging_event.decode_event` says what a line means; one by one that would be the
bottleneck of every projection. What the grammar accepts `ocs.insights.tokens` takes apart, but for
tokens that are seldom, which are read in SQL where they are wanted. What it does not accept is no
event to the projection, and is kept aside.
"""

import re
from string import ascii_letters
from typing import Final

from ocs.domain.charging_event import EVENT_VERSION, EventKind

# What follows a field is no letter of it: to try fewer of them (without the last `+`) is in vain.
_ID: Final = r"[A-Za-z0-9._+@-]{1,128}+"
_NUMBER: Final = r"-?[0-9]{1,16}+"
_TEXT: Final = r"[^ :]*+"
_HOLDER: Final = rf"(?:account|(?:subscriber|group)/{_ID})"
_BUCKET_TERMS: Final = (_TEXT, _NUMBER, _NUMBER, _NUMBER, _TEXT, _TEXT, _TEXT)
# Fields of the tokens, by letter; those in the second table may have more, which no reader knows.
_EXACTLY: Final = {
    "p": [_NUMBER] * 4,
    "S": [_NUMBER] * 2,
    "b": [_ID, *[_NUMBER] * 4],
    "y": [_ID, *[_NUMBER] * 2],
    "x": [_NUMBER] * 2,
    "l": [_HOLDER, _ID, *[_NUMBER] * 2],
    "k": [_HOLDER, _ID, *[_NUMBER] * 3],
    "t": _BUCKET_TERMS,
    "v": [_ID, _NUMBER, _NUMBER, rf"(?:{_NUMBER}|-)", *_BUCKET_TERMS],
    "q": [_HOLDER, _ID, _TEXT, _NUMBER, _TEXT, _TEXT, _TEXT],
    "a": [_TEXT, _NUMBER, _NUMBER],
    "w": [_NUMBER] * 2,
}
_AT_LEAST: Final = {
    **{letter: [_NUMBER] for letter in "rugc"},
    **{letter: [_ID, _NUMBER] for letter in "hYe"},
    **{letter: [_TEXT] for letter in "nfm"},
    "d": [_NUMBER, _NUMBER],
    "j": [_ID, _ID, _NUMBER],
}


def _grammar() -> re.Pattern[bytes]:
    known = {letter: ":".join(fields) for letter, fields in _EXACTLY.items()}
    known |= {letter: ":".join(fields) + "(?::[^ ]*+)?" for letter, fields in _AT_LEAST.items()}
    others = "".join(sorted(set(ascii_letters) - known.keys()))
    tokens = [f"{letter}={fields}" for letter, fields in known.items()] + [f"[{others}]=[^ ]*+"]
    line = (
        f"{EVENT_VERSION} (?:{'|'.join(EventKind)}) {_ID}/{_ID} {_NUMBER} {_NUMBER}"
        f" (?:-|[0-9]+-[0-9]+) (?:-|[A-Z_]+) {_ID}(?: (?:{'|'.join(tokens)}))*+"
    )
    return re.compile(line.encode())


GRAMMAR: Final = _grammar()
"""A whole line that `decode_event` accepts."""


def each(letter: str, columns: str = "tenant, account, seq") -> str:
    """A query over `fresh`: a row per token of a letter, its fields as the list `f`."""
    return (
        f"SELECT {columns}, string_split(split_part(unnest(string_split(line, ' {letter}=')[2:]),"
        f" ' ', 1), ':') AS f FROM fresh WHERE contains(line, ' {letter}=')"
    )
