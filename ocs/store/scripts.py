"""Loads the Lua scripts: reads the contract in each header, composes the text, checks callers.

A script is `lua/<operation>.lua`; a function that scripts share is `lua/lib/<function>.lua`. Each
opens with a header: the sections of the tables below in their order, `-- Name: text`, continued and
listed by lines indented by three spaces. KEYS and ARGV list `name: kind; text`, and the body says
`KEYS.account` or `ARGV.request_id`: an order is written once, in the header.

    KEYS.account        -> KEYS[1]
    KEYS.holders(i)     -> KEYS[4+(i)]        the last key may be variadic: `holders...: kind; text`
    KEYS.holders.count  -> (#KEYS-4)
    ARGV.request_id     -> ARGV[7]
    LIMITS.HOLDS_MAX    -> 64                 from ocs.limits, so that a bound has one home

All of them make one function library of the store (FUNCTION LOAD): shared functions are created
once, when the library is loaded, and not anew in every call, which measured 6 us of a call's 20 with
EVALSHA. Its name carries a digest of its text, so that two versions of the service can share a store,
and each operation is called as `<operation>_<digest>`. A library function takes parameters and never
sees KEYS or ARGV. What the header lists and the body does not use, or the reverse, is an error:
contracts that nothing checks drift.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import zip_longest
from types import MappingProxyType
from typing import Final, NamedTuple

from ocs import limits

_CONTRACT: Final = ("Purpose", "KEYS", "ARGV", "Returns", "Outcomes", "Refusals", "Emits", "Keeps")
_SCRIPT_SECTIONS: Final = (*_CONTRACT, "Include")
_LIBRARY_SECTIONS: Final = ("Purpose", "Include", "Returns")
_OPTIONAL_SECTIONS: Final = {"Outcomes", "Refusals", "Emits", "Include"}
_ENTRY_INDENT: Final = 3
_NAME_PREFIX: Final = "ocs_"
_DIGEST_LENGTH: Final = 12
_EXACT_INTEGER_MAX: Final = 2**53 - 1  # a Lua number is a double

_SHEBANG: Final = re.compile(r"#!lua( flags=(allow-oom|no-writes))?")
_SECTION: Final = re.compile(r"-- ([A-Z][A-Za-z]*):(?: +(\S.*?))?\s*")
_CONTINUED: Final = re.compile(r"--( {3,})(\S.*?)\s*")
_ENTRY: Final = re.compile(r"([a-z][a-z0-9_]*(?:\.\.\.)?): \S.*")
_CODE_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_LIBRARY_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

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
_MASK: Final = "\0"  # stands for a string; Lua text has no NUL outside of one
_BOUND: Final = re.compile(r"\b(KEYS|ARGV|LIMITS)\b(?:\.(\w+)\b)?")
_SPELLED_KEY: Final = re.compile(rf"\.p?call\(\s*{_MASK}\s*,\s*{_MASK}")
_BLOCK: Final = re.compile(r"\b(?:(?:local function \w+|function|if|do|repeat)|(end|until))\b")


class ScriptError(Exception):
    """A script and what surrounds it do not fit together; the program must not start."""


class ScriptHeaderError(ScriptError):
    """A script breaks the grammar or its own contract: where (line from 1), and which rule."""

    def __init__(self, file: str, line: int, rule: str) -> None:
        super().__init__(f"{file}:{line}: {rule}")
        self.file = file
        self.line = line
        self.rule = rule


class ScriptBindingError(ScriptError):
    """A caller passes keys or arguments in another order than the script's header lists."""


@dataclass(frozen=True, slots=True)
class Script:
    """One operation. Its keys are `key_names` in order, then any number of `variadic` ones.

    body: bound, without comments. libraries: the functions it needs, each after those it uses.
    """

    name: str
    flags: str
    body: str
    key_names: tuple[str, ...]
    variadic: str | None
    argv_names: tuple[str, ...]
    outcomes: tuple[str, ...]
    refusals: tuple[str, ...]
    emits: tuple[str, ...]
    libraries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScriptLibrary:
    """All operations as one function library. functions: shared ones, each after those it uses."""

    name: str
    text: str
    scripts: Mapping[str, Script]
    functions: Mapping[str, str]

    def function_name(self, operation: str) -> str:
        """Name an operation for FCALL."""
        return f"{operation}_{self.name.removeprefix(_NAME_PREFIX)}"

    def text_of(self, operation: str) -> str:
        """Everything that one operation can run."""
        script = self.scripts[operation]
        return "".join(self.functions[name] for name in script.libraries) + script.body


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
            return _MASK
        return " " + "\n" * match["comment"].count("\n")  # keeps the number of each line

    return _OPAQUE.sub(replace, text), strings


class _Source:
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
        return ScriptHeaderError(self.file, line, rule)

    def error_at(self, match: re.Match[str], rule: str) -> ScriptHeaderError:
        return self.error(match.string.count("\n", 0, match.start()) + 1, rule)

    def error_in(self, section: str, rule: str) -> ScriptHeaderError:
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


def _check_library(source: _Source) -> None:
    """A library defines one function, of its own name; a constant beside it is local too."""
    depth = found = 0
    for match in _BLOCK.finditer(source.code):
        if depth == 0 and "function" in match[0]:
            found += 1
            if match[0] != f"local function {source.stem}":
                raise source.error_at(match, f"only `local function {source.stem}` stands here")
        depth += -1 if match[1] else 1
    if found != 1:
        raise source.error(1, f"has {found} functions `local function {source.stem}`, not one")


def _check_includes(source: _Source, libraries: Mapping[str, _Source]) -> tuple[str, ...]:
    """The libraries that a file includes; each is used and each used one is listed.

    A call to a function that is not there would raise in the middle of a script, perhaps after its
    first write; and a key spelled in Lua would escape the cluster's check until it runs there.
    """
    included = source.names_in("Include", _LIBRARY_NAME)
    used = set()
    for match in re.finditer(r"(?<![.:\w])[a-z][a-z0-9_]*\b(?!\s*=[^=])", source.code):
        if match[0] in libraries and match[0] != source.stem:
            used.add(match[0])
            if match[0] not in included:
                raise source.error_at(match, f"{match[0]} is used but not under Include")
    for name in included:
        if name not in used:
            raise source.error_in("Include", f"{name} is no file of lib/, or not used here")
    if spelled := _SPELLED_KEY.search(source.code):
        raise source.error_at(spelled, "a key is spelled in Lua; declare it under KEYS")
    return included


def _library_order(source: _Source, libraries: Mapping[str, _Source]) -> list[str]:
    """The libraries that a script needs, each after those it includes; a cycle is an error."""
    order: list[str] = []

    def visit(includer: _Source, path: tuple[str, ...]) -> None:
        for name in _check_includes(includer, libraries):
            if name in path:
                cycle = " -> ".join([*path[path.index(name) :], name])
                raise includer.error_in("Include", f"a cycle, {cycle}")
            if name not in order:
                visit(libraries[name], (*path, name))
                order.append(name)

    visit(source, ())
    return order


class _Binder:
    """Replaces the names of one file's contract by places in KEYS and ARGV, limits by values."""

    def __init__(self, source: _Source, constants: Mapping[str, object]) -> None:
        self._source = source
        self._constants = constants
        self._used: set[str] = set()
        keys = source.entries("KEYS")
        self.variadic = keys[-1].removesuffix("...") if keys and keys[-1].endswith("...") else None
        self.keys = keys[:-1] if self.variadic else keys
        self.argv = source.entries("ARGV")

    def bind(self) -> str:
        """The body with its names replaced, without comments and blank lines."""
        code = _BOUND.sub(self._replace, self._source.code)
        if self.variadic:
            fixed = len(self.keys)
            code = re.sub(rf"KEYS\.{self.variadic}\.count\b", f"(#KEYS-{fixed})", code)
            # After `.count`, and after the arguments, so that either may stand in an index.
            index = r"\(((?:[^()]|\([^()]*\))*)\)"
            code = re.sub(rf"KEYS\.{self.variadic}{index}", rf"KEYS[{fixed}+(\1)]", code)
            if match := re.search(rf"KEYS\.{self.variadic}\b", code):
                raise self._source.error_at(match, f"{match[0]} takes a short (index) or .count")
        self._check_all_used()
        lines = (re.sub(r"[ \t\r]+", " ", line).strip() for line in code.split("\n"))
        compact = "".join(f"{line}\n" for line in lines if line)
        strings = iter(self._source.strings)
        return re.sub(_MASK, lambda _: next(strings), compact)

    def _replace(self, match: re.Match[str]) -> str:
        table, name = match.groups()
        self._used.add(match[0])
        if table == "KEYS" and name in self.keys:
            return f"KEYS[{self.keys.index(name) + 1}]"
        if table == "ARGV" and name in self.argv:
            return f"ARGV[{self.argv.index(name) + 1}]"
        if table == "KEYS" and name and name == self.variadic:
            return match[0]
        if table == "LIMITS" and name and name.isupper():
            value = self._constants.get(name)
            if type(value) is int and 0 <= value <= _EXACT_INTEGER_MAX:
                return str(value)
        raise self._source.error_at(match, f"{match[0]} is not declared, or not read by a name")

    def _check_all_used(self) -> None:
        keys = (*self.keys, self.variadic) if self.variadic else self.keys
        for section, names in (("KEYS", keys), ("ARGV", self.argv)):
            unused = [name for name in names if f"{section}.{name}" not in self._used]
            if unused:
                raise self._source.error_in(section, f"{', '.join(unused)}: never used in the body")


def _compose(
    source: _Source, libraries: Mapping[str, _Source], constants: Mapping[str, object]
) -> Script:
    order = _library_order(source, libraries)
    binder = _Binder(source, constants)
    if not (binder.keys or binder.variadic):
        raise source.error_in("KEYS", "a script has at least one key, it picks the cluster's node")
    too_few_or_many = f"#KEYS{'<' if binder.variadic else '~='}{len(binder.keys)}"
    arity = (
        f"if #ARGV~={len(binder.argv)} or {too_few_or_many}\n"
        f"then return redis.error_reply('ERR arity {source.stem}') end\n"
    )
    return Script(
        name=source.stem,
        flags=source.shebang.partition("flags=")[2],
        body=arity + binder.bind(),
        key_names=binder.keys,
        variadic=binder.variadic,
        argv_names=binder.argv,
        outcomes=source.names_in("Outcomes"),
        refusals=source.names_in("Refusals"),
        emits=source.names_in("Emits"),
        libraries=tuple(order),
    )


def compose_library(scripts: Mapping[str, Script], functions: Mapping[str, str]) -> ScriptLibrary:
    """Make one function library of operations and the functions they share."""
    shared = "".join(functions.values())
    bodies = [shared, *(script.flags + script.body for script in scripts.values())]
    digest = sha1("\0".join(bodies).encode(), usedforsecurity=False).hexdigest()[:_DIGEST_LENGTH]
    name = _NAME_PREFIX + digest
    operations = "".join(
        f"redis.register_function{{function_name='{script.name}_{digest}',\n"
        f"flags={{{repr(script.flags) if script.flags else ''}}},\n"
        f"callback=function(KEYS, ARGV)\n{script.body}end}}\n"
        for script in scripts.values()
    )
    text = f"#!lua name={name}\n{shared}{operations}"
    return ScriptLibrary(name, text, MappingProxyType(dict(scripts)), MappingProxyType(dict(functions)))


def _lua_files(directory: Traversable) -> list[Traversable]:
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted((f for f in found if f.name.endswith(".lua")), key=lambda file: file.name)


def read_scripts(directory: Traversable, constants: Mapping[str, object]) -> ScriptLibrary:
    """Compose every script of a directory, by name.

    LIMITS may name those of the constants that are integers 0..2^53-1 under upper-case names.

    Raises:
        ScriptHeaderError: a file breaks the grammar or its own contract, or there is no script.
    """
    sources = [_Source(file, is_library=True) for file in _lua_files(directory.joinpath("lib"))]
    libraries = {source.stem: source for source in sources}
    for source in sources:
        _check_library(source)
        _check_includes(source, libraries)
    scripts = [
        _compose(_Source(file, is_library=False), libraries, constants)
        for file in _lua_files(directory)
    ]
    if not scripts:
        raise ScriptHeaderError(directory.name, 1, "the directory holds no script")
    # Each library after those it uses: the scripts' own orders, merged.
    order = dict.fromkeys(name for script in scripts for name in script.libraries)
    functions = {name: _Binder(libraries[name], constants).bind() for name in order}
    return compose_library({script.name: script for script in scripts}, functions)


@lru_cache(maxsize=1)
def load_scripts() -> ScriptLibrary:
    """The scripts of this package, composed on the first call; see above."""
    return read_scripts(files("ocs.store").joinpath("lua"), vars(limits))


def check_binding(script: Script, argv_names: Sequence[str], key_names: Sequence[str]) -> None:
    """Prove that a caller passes arguments and keys in the order of the script's header.

    A variadic key is spelled as in the header, `name...`.

    Raises:
        ScriptBindingError: some place differs; the message lists each one.
    """
    variadic = () if script.variadic is None else (f"{script.variadic}...",)
    keys = ("KEYS", (*script.key_names, *variadic), key_names)
    differences = [
        f"{table}[{place}] is {listed or 'absent'} in the header, {passed or 'absent'} here"
        for table, header, caller in (keys, ("ARGV", script.argv_names, argv_names))
        for place, (listed, passed) in enumerate(zip_longest(header, caller), 1)
        if listed != passed
    ]
    if differences:
        raise ScriptBindingError(f"{script.name}: {'; '.join(differences)}")
