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
    string.format       -> string_format      a local; STANDARD lists all that a script may use

Replies come as of RESP3: a hash as a table {map = {field = value}}, nothing as nil.

All of them make one function library of the store (FUNCTION LOAD): shared functions are created
once, when the library is loaded, and not anew in every call. Its name carries a digest of its text,
so that two versions of the service can share a store, and each operation is called as
`<operation>_<digest>`. See docs/decisions/0004-function-library.md. A library function takes
parameters and never sees KEYS or ARGV. What the header lists and the body does not use, or the
reverse, is an error: contracts that nothing checks drift.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import zip_longest
from textwrap import fill
from types import MappingProxyType
from typing import Final

from ocs import limits
from ocs.store.lua_source import LIBRARY_NAME, MASK, LuaSource, ScriptError, ScriptHeaderError

_NAME_PREFIX: Final = "ocs_"
_DIGEST_LENGTH: Final = 12
_EXACT_INTEGER_MAX: Final = 2**53 - 1  # a Lua number is a double

STANDARD: Final = (
    *("error", "ipairs", "next", "pairs", "tonumber", "unpack"),
    *("math.abs", "math.floor", "math.fmod", "math.huge", "math.max", "math.min"),
    *("string.find", "string.format", "string.gmatch", "string.gsub", "string.match", "string.sub"),
    *("table.concat", "table.insert", "table.remove", "table.sort", "redis.call", "redis.setresp"),
)
"""All of Lua that a script may use: no clock, no randomness, no inexact text of a number."""

_BOUND: Final = re.compile(r"\b(KEYS|ARGV|LIMITS)\b(?:\.(\w+)\b)?")
_QUALIFIED: Final = re.compile(r"(?<![.:\w])(?:math|string|table|redis)\b(?:\.\w+)?")
_SPELLED_KEY: Final = re.compile(rf"\.p?call\(\s*{MASK}\s*,\s*{MASK}")
_BLOCK: Final = re.compile(r"\b(?:(?:local function \w+|function|if|do|repeat)|(end|until))\b")

# A local costs no look-up; a global costs one that fails, one in the engine's table of globals and
# one in `string`. While a library loads, the engine shows it none of these: the first call takes
# them.
_LOCALS: Final = fill(", ".join(name.replace(".", "_") for name in STANDARD))
_VALUES: Final = fill(", ".join(name if "." in name else f"_G.{name}" for name in STANDARD))
PRELUDE: Final = f"""\
local
{_LOCALS}
local function take_standard_functions()
{_LOCALS} =
{_VALUES}
end
"""


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
        functions = "".join(self.functions[name] for name in script.libraries)
        return PRELUDE + functions + script.body


def _check_library(source: LuaSource) -> None:
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


def _check_includes(source: LuaSource, libraries: Mapping[str, LuaSource]) -> tuple[str, ...]:
    """The libraries that a file includes; each is used and each used one is listed.

    A call to a function that is not there would raise in the middle of a script, perhaps after its
    first write; and a key spelled in Lua would escape the cluster's check until it runs there.
    """
    included = source.names_in("Include", LIBRARY_NAME)
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


def _library_order(source: LuaSource, libraries: Mapping[str, LuaSource]) -> list[str]:
    """The libraries that a script needs, each after those it includes; a cycle is an error."""
    order: list[str] = []

    def visit(includer: LuaSource, path: tuple[str, ...]) -> None:
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

    def __init__(self, source: LuaSource, constants: Mapping[str, object]) -> None:
        self._source = source
        self._constants = constants
        self._used: set[str] = set()
        keys = source.entries("KEYS")
        self.variadic = keys[-1].removesuffix("...") if keys and keys[-1].endswith("...") else None
        self.keys = keys[:-1] if self.variadic else keys
        self.argv = source.entries("ARGV")

    def bind(self) -> str:
        """The body with its names replaced, without comments and blank lines."""
        code = _QUALIFIED.sub(self._take, self._source.code)
        code = _BOUND.sub(self._replace, code)
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
        return re.sub(MASK, lambda _: next(strings), compact)

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

    def _take(self, match: re.Match[str]) -> str:
        if match[0] not in STANDARD:
            raise self._source.error_at(match, f"{match[0]} is not one of the functions to use")
        return match[0].replace(".", "_")

    def _check_all_used(self) -> None:
        keys = (*self.keys, self.variadic) if self.variadic else self.keys
        for section, names in (("KEYS", keys), ("ARGV", self.argv)):
            unused = [name for name in names if f"{section}.{name}" not in self._used]
            if unused:
                raise self._source.error_in(section, f"{', '.join(unused)}: never used in the body")


def _compose(
    source: LuaSource, libraries: Mapping[str, LuaSource], constants: Mapping[str, object]
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
    text = _library_text("", scripts.values(), functions.values())
    digest = sha1(text.encode(), usedforsecurity=False).hexdigest()[:_DIGEST_LENGTH]
    text = _library_text(digest, scripts.values(), functions.values())
    return ScriptLibrary(
        _NAME_PREFIX + digest, text, MappingProxyType({**scripts}), MappingProxyType({**functions})
    )


def _library_text(digest: str, scripts: Iterable[Script], functions: Iterable[str]) -> str:
    operations = "".join(
        f"redis.register_function{{function_name='{script.name}_{digest}',\n"
        f"flags={{{repr(script.flags) if script.flags else ''}}},\n"
        "callback=function(KEYS, ARGV)\n"
        "if not redis_call then take_standard_functions() end\n"
        f"redis_setresp(3)\n{script.body}end}}\n"
        for script in scripts
    )
    return f"#!lua name={_NAME_PREFIX}{digest}\n{PRELUDE}{''.join(functions)}{operations}"


def _lua_files(directory: Traversable) -> list[Traversable]:
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted((f for f in found if f.name.endswith(".lua")), key=lambda file: file.name)


def read_scripts(directory: Traversable, constants: Mapping[str, object]) -> ScriptLibrary:
    """Compose every script of a directory, by name.

    LIMITS may name those of the constants that are integers 0..2^53-1 under upper-case names.

    Raises:
        ScriptHeaderError: a file breaks the grammar or its own contract, or there is no script.
    """
    sources = [LuaSource(file, is_library=True) for file in _lua_files(directory.joinpath("lib"))]
    libraries = {source.stem: source for source in sources}
    for source in sources:
        _check_library(source)
        _check_includes(source, libraries)
    scripts = [
        _compose(LuaSource(file, is_library=False), libraries, constants)
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
