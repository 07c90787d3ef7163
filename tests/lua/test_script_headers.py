"""Every real script keeps to its header, to the sizes and to the part of Lua that is exact."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

import ocs.store
from ocs.store.embedded import private_valkey
from ocs.store.lua_source import mask_strings
from ocs.store.scripts import PRELUDE, STANDARD, Script, load_scripts

LUA = Path(ocs.store.__file__).parent / "lua"
NAMES = sorted(path.stem for path in LUA.glob("*.lua"))
LIBRARIES = sorted(path.stem for path in LUA.glob("lib/*.lua"))
SCRIPT_LINES_MAX = 120
LIBRARY_LINES_MAX = 40

# An outcome, reason or event inside a string: '!CLOCK_SKEW 0 %d', 'DONE'. Shorter words in upper
# case are options of commands (PX).
CODE = re.compile(r"\b[A-Z][A-Z0-9_]{3,}\b")
OPTIONS = {"LIMIT", "MINID"}
# `NAME (ARGV.x)` in a header: the service decides it and passes it in this argument.
PASSED = re.compile(r"\b([A-Z][A-Z0-9_]+) \(ARGV\.(\w+)\)")

KEYWORDS = re.compile(
    r"and|break|do|else|elseif|end|false|for|function|if|in|local|nil|not|or|repeat|return|then"
    r"|true|until|while"
)
# What no file declares: the parameters of an operation, and what the loader puts before all files.
GIVEN = {"ARGV", "KEYS"}
STANDARD_LOCALS = {name.replace(".", "_") for name in STANDARD}
INEXACT = r"\b(?:cjson|cmsgpack|tostring|os\s*\.|math\s*[._]\s*random(?:seed)?)\b"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with (
        private_valkey(tmp_path_factory.mktemp("headers")) as server,
        Redis(unix_socket_path=str(server.socket_path), decode_responses=True) as client,
    ):
        yield client


def codes_of(text: str) -> set[str]:
    """The outcomes, refusals and events that a script says: the UPPER_SNAKE words of its strings.

    Left out are the names of commands, and strings that are only compared with, which are input.
    """
    code, strings = mask_strings(text)
    found = set()
    for match, string in zip(re.finditer("\0", code), strings, strict=True):
        before, after = code[: match.start()].rstrip(), code[match.end() :].lstrip()
        is_command = re.search(r"[._]p?call\($", before) is not None
        is_input = before.endswith(("==", "~=")) or after.startswith(("==", "~="))
        if not (is_command or is_input):
            found |= set(CODE.findall(string)) - OPTIONS
    return found


def unknown_names(text: str) -> set[str]:
    """Names that are read or written and neither declared local nor global on purpose.

    Valkey raises at such a name only when it gets there, perhaps after the first write.
    """
    code, _ = mask_strings(text)
    declarations = (
        r"\blocal\s+(?:function\s+)?([\w\s,]+?)(?=\s*[=(;\n]|\s+local\b)",
        r"\bfunction\b\s*\w*\s*\(([^)]*)\)",
        r"\bfor\s+([\w\s,]+?)\s*(?:=|\bin\b)",
    )
    lists = [names for pattern in declarations for names in re.findall(pattern, code)]
    declared = set(re.findall(r"\w+", " ".join(lists)))
    bare = r"(?<![.:\w])[A-Za-z_]\w*"
    in_table = rf"(?<=[{{,])\s*{bare}\s*=(?!=)"  # a field of a table is no name
    used = set(re.findall(bare, re.sub(in_table, "", code))) - declared - GIVEN - STANDARD_LOCALS
    return {name for name in used if not KEYWORDS.fullmatch(name)}


def inexact_formats(text: str) -> list[str]:
    """What string.format spells a number with, other than %d."""
    code, strings = mask_strings(text)
    places = zip(re.finditer("\0", code), strings, strict=True)
    formats = [s for match, s in places if code[: match.start()].endswith("string_format(")]
    return [found for each in formats for found in re.findall(r"%[^sd]", each)]


def lines_of_code(path: Path) -> int:
    code, _ = mask_strings(path.read_text(encoding="utf-8").replace("#!lua", "--", 1))
    return sum(bool(line.strip()) for line in code.split("\n"))


@pytest.fixture(params=NAMES)
def script(request: pytest.FixtureRequest) -> Script:
    return load_scripts().scripts[request.param]


def test_codes_are_what_is_said_not_what_is_asked() -> None:
    text = """
        local kind = redis_call('HGET', KEYS[1], 'EXPIRE_FIELD') -- 'COMMENTED'
        if kind == 'AUTHORIZE' or 'COMMITTED' ~= kind then return { "GRANTED", 'a', '!DONE 1' } end
        if not kind then error({err = 'STATE_CORRUPT kind'}) end
        redis.pcall( 'EXPIRE', KEYS[1], 'PX' )
    """

    assert codes_of(text) == {"EXPIRE_FIELD", "GRANTED", "DONE", "STATE_CORRUPT"}


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("local a, b = 1, 2 return a + b", set()),
        ("local function f(x, ...) return f(x.y, x:z(), { w = x, v = 1 }) end", set()),
        ("for i, v in ipairs(KEYS) do redis_call(v, i) end", set()),
        ("for i = 1, 2 do local t = { i } end", set()),
        ("local f = function(x) return x end", set()),
        ("return muldvi(1)", {"muldvi"}),
        ("total = 1", {"total"}),
        ("local a = b", {"b"}),
        ("return tostring(1), cjson, os.time()", {"tostring", "cjson", "os"}),
    ],
)
def test_a_name_that_is_not_there_is_found(line: str, unknown: set[str]) -> None:
    assert unknown_names(f"{line}\n") == unknown


def test_a_format_that_rounds_is_found() -> None:
    text = (
        "return string_format('%d %.0f', 1, 2) .. string_match('1', '^%a') .. string_format('%g')"
    )

    assert inexact_formats(text) == ["%.", "%g"]


def test_what_a_script_says_is_what_its_header_lists(script: Script) -> None:
    header = (LUA / f"{script.name}.lua").read_text(encoding="utf-8")
    listed = {*script.outcomes, *script.refusals, *script.emits}
    passed = dict(PASSED.findall(header))
    said = codes_of(load_scripts().text_of(script.name))

    assert said - listed == set(), "said but not listed"
    assert listed - said - set(passed) == set(), "listed but neither said nor passed"
    assert set(passed) & said == set(), "passed, and said as well"
    assert set(passed.values()) <= set(script.argv_names)


def test_valkey_takes_the_library_with_every_flag(store: Redis) -> None:
    library = load_scripts()
    store.function_load(library.text)

    [listed] = store.function_list(library=library.name)

    functions = dict(zip(listed[::2], listed[1::2], strict=True))["functions"]
    found = [dict(zip(each[::2], each[1::2], strict=True)) for each in functions]
    flags = {name: library.scripts[name].flags for name in NAMES}
    assert {each["name"]: ",".join(each["flags"]) for each in found} == {
        library.function_name(name): flag for name, flag in flags.items()
    }


def test_scripts_keep_to_exact_lua() -> None:
    text = load_scripts().text.partition("\n")[2]
    code, _ = mask_strings(text)

    assert re.findall(INEXACT, code) == []
    assert inexact_formats(text) == []


def test_a_script_uses_no_name_that_is_not_there(script: Script) -> None:
    body = script.body.partition("\nthen return redis.error_reply")[2]

    assert unknown_names(body) - set(script.libraries) == set()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_uses_no_name_of_another_file_but_its_functions(name: str) -> None:
    # All files share one scope, where a constant of one would be seen by the next.
    assert unknown_names(load_scripts().functions[name]) - {*LIBRARIES} == set()


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
    served = {name for script in load_scripts().scripts.values() for name in script.libraries}

    assert set(LIBRARIES) - served == set()


def test_every_standard_function_serves_a_script() -> None:
    library = load_scripts()
    text = library.text.replace(PRELUDE, "")

    assert {name for name in STANDARD_LOCALS if not re.search(rf"\b{name}\b", text)} == set()
