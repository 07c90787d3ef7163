"""Reads a Lua source file: its header by section, its code without strings and comments.

The grammar of a header stands in ocs.store.scripts, which puts the files together.
"""

import re
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

_CONTRACT: Final = ("Purpose", "KEYS", "ARGV", "Returns", "Outcomes", "Refusals", "Emits", "Keeps")
_SCRIPT_SECTIONS: Final = (*_CONTRACT, "Include")
_LIBRARY_SECTIONS: Final = ("Purpose", "Include", "Returns")
_OPTIONAL_SECTIONS: Final = {"Outcomes", "Refusals", "Emits", "Include"}
_ENTRY_INDENT: Final = 3

_SHEBANG: Final = re.compile(r"#!lua( flags=(allow-oom|no-writes))?")
_SECTION: Final = re.compile(r"-- ([A-Z][A-Za-z]*):(?: +(\S.*?))?\s*")
_CONTINUED: Final = re.compile(r"--( {3,})(\S.*?)\s*")
_ENTRY: Final = re.compile(r"([a-z][a-z0-9_]*(?:\.\.\.)?): \S.*")
_CODE_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
LIBRARY_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

# Strings and comments, inside which nothing is replaced; what only begins one is `endless`.
_OPAQUE: Final = re.compile(
    r"""
      (?P<comment> --\[(?P<c>=*)\[.*?\](?P=c)\] | --(?!\[=*\[)[^\n]* )
    | (?P<string> "(?:\\[^\n]|[^"\\\n])*" | '(?:\\[^\n]|[^'\\\n])*'
                | \[(?P<s>=*)\[[^\n]*?\](?P=s)\] )
    | (?P<endless> --\[ | ["'] | \[=*\[ )
    """,
    re.VERBOSE | re.DOTALL,
)
MASK: Final = "\0"  # stands for a string; Lua text has no NUL outside of one


class ScriptError(Exception):
    """A script and what surrounds it do not fit together; the program must not start."""


class ScriptHeaderError(ScriptError):
    """A script breaks the grammar or its own contract: where (line from 1), and which rule."""

    def __init__(self, file: str, line: int, rule: str) -> None:
        super().__init__(f"{file}:{line}: {rule}")
        self.file = file
        self.line = line
        self.rule = rule


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def mask_strings(text: str, file: str = "script") -> tuple[str, list[str]]:
    """Lua text with its comments blanked and each string replaced by a NUL, and those strings.

    Raises:
        ScriptHeaderError: a comment does not end, or a string does not end on its line.
    """
    strings: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match["endless"] is not None:
            line = text.count("\n", 0, match.start()) + 1
            raise ScriptHeaderError(file, line, "a comment does not end, or a string on its line")
        if match["string"] is not None:
            strings.append(match["string"])
            return MASK
        return " " + "\n" * match["comment"].count("\n")  # keeps the number of each line

    return _OPAQUE.sub(replace, text), strings


class LuaSource:
    """One file: its name, its header by section, its code without strings, and those strings."""

    def __init__(self, file: Traversable, *, is_library: bool) -> None:
        text = file.read_text(encoding="utf-8")
        self.file = f"lib/{file.name}" if is_library else file.name
        self.stem = file.name.removesuffix(".lua")
        self.shebang = "" if is_library else text.partition("\n")[0]
        if not is_library and not _SHEBANG.fullmatch(self.shebang):
            raise self.error(1, f"the first line has the form {_SHEBANG.pattern}")
        self.header = self._read_header(text, _LIBRARY_SECTIONS if is_library else _SCRIPT_SECTIONS)
        self.code, self.strings = mask_strings(text.removeprefix(self.shebang), self.file)

    def error(self, line: int, rule: str) -> ScriptHeaderError:
        """A broken rule, on a line from 1."""
        return ScriptHeaderError(self.file, line, rule)

    def error_at(self, match: re.Match[str], rule: str) -> ScriptHeaderError:
        """A broken rule, where something was found in the code."""
        return self.error(match.string.count("\n", 0, match.start()) + 1, rule)

    def error_in(self, section: str, rule: str) -> ScriptHeaderError:
        """A broken rule of a section."""
        return self.error(self.header[section][0].number, f"{section}: {rule}")

    def _read_header(self, text: str, known: Sequence[str]) -> dict[str, list[_Line]]:
        header: dict[str, list[_Line]] = {}
        for number, line in enumerate(text.removeprefix(self.shebang).split("\n"), 1):
            if not line.startswith("--"):
                if line or number > 1:
                    break
            elif match := _SECTION.fullmatch(line):
                name = match[1]
                if name not in known or any(known.index(name) <= known.index(n) for n in header):
                    raise self.error(number, f"{name}: the sections are, in order, {known}")
                header[name] = [_Line(number, 0, match[2] or "")]
            elif header and (match := _CONTINUED.fullmatch(line)):
                header[next(reversed(header))].append(_Line(number, len(match[1]), match[2]))
            else:
                raise self.error(number, "neither `-- Section:` nor indented by three spaces")
        missing = {*known} - {*header} - _OPTIONAL_SECTIONS
        empty = [name for name, lines in header.items() if not any(line.text for line in lines)]
        if missing or empty:
            raise self.error(1, f"sections missing {sorted(missing)}, empty {empty}")
        return header

    def names_in(self, section: str, form: re.Pattern[str] = _CODE_NAME) -> tuple[str, ...]:
        """The comma-separated names of a section; notes in parentheses are dropped."""
        text = " ".join(line.text for line in self.header.get(section, ()))
        text = re.sub(r"\([^)]*\)", "", text).strip()
        names = [name.strip() for name in text.split(",")] if text not in {"", "none"} else []
        for name in names:
            if not form.fullmatch(name) or names.count(name) > 1:
                raise self.error_in(section, f"{name!r} is there twice or not {form.pattern}")
        return tuple(names)

    def entries(self, section: str) -> tuple[str, ...]:
        """The names that KEYS or ARGV lists, in order; a variadic key ends in `...`."""
        names: list[str] = []
        head, *lines = self.header.get(section, [_Line(1, 0, "none")])
        for line in lines:
            if line.indent > _ENTRY_INDENT and names:
                continue
            match = _ENTRY.fullmatch(line.text)
            if match is None or (section == "ARGV" and match[1].endswith("...")):
                raise self.error(line.number, f"{section}: an entry reads `name: kind; text`")
            if names and (names[-1].endswith("...") or match[1].strip(".") in names):
                raise self.error(line.number, f"{match[1]} is there twice or after a variadic key")
            names.append(match[1])
        if head.text != ("" if names else "none"):
            raise self.error(head.number, f"{section}: lists entries on lines below, or `none`")
        return tuple(names)
