"""Rules of the house that no linter knows: sizes, words, a pure core, nothing left behind."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GIT = shutil.which("git") or "git"

LINE_MAX = 100
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 400
SIZE_REASON = "size:"
SIZE_REASON_WITHIN_LINES = 10

CODE_SUFFIXES = {".js", ".py", ".lua", ".proto", ".sh", ".toml", ".yaml", ".yml"}
CODE_NAMES = {"Makefile", "Dockerfile", "run"}
# Written by a tool, or only ever written by one, or by others altogether.
GENERATED = ("ocs/v1/", "requirements", "ocs/dashboard/static/vendor/")

# The glossary's "not" column, as far as a word can be nothing but the wrong name for a concept.
# (lock, log, message, timeout, product and TTL also name what they are in general use.)
BANNED_WORDS = {
    "amount": "requested_units, granted_units, used_units or a *_micros",
    "budget": "spending_cap",
    "customer": "account",
    "overdraft": "credit_limit",
    "pot": "bucket",
    "quota": "requested_units, granted_units, spending_cap",
    "recharge": "top_up",
    "transaction": "debit, charging_event",
    "user": "subscriber",
    "wallet": "account",
}

# Split, so that this file does not find itself.
DEBUG_MARKERS = (
    "TO" + "DO",
    "FIX" + "ME",
    "XX" + "X",
    "HA" + "CK",
    "break" + "point(",
    "pdb.set_" + "trace",
)
LEFT_BEHIND = {
    "a path of one machine": r"(?<![\w.])/(?:work|ro" + r"ot|home/\w+|Users/\w+)/",
    "a sibling of this tree": r"\.\./" + "shared",
    "a package index option": r"--(?:extra-)?index" + "-url|--find" + r"-links(?![\w-])",
    "a package index address": r"https?://[^/\s]*(?:pypi|registry)|/sim" + "ple/",
}

# The core decides; it does not ask the world. Pure parts of the standard library only.
PURE_PACKAGES = ("ocs/domain/", "ocs/limits.py")
PURE_MODULES = {
    "abc", "bisect", "calendar", "collections", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math",
    "operator", "re", "string", "types", "typing" , "zlib", "zoneinfo",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today"}


def project_files() -> list[Path]:
    """Every file of the tree that is, or is about to be, under version control."""
    listed = subprocess.run(
        [GIT, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = project_files()
CODE = [
    path
    for path in FILES
    if (path.suffix in CODE_SUFFIXES or path.name in CODE_NAMES)
    and not name_of(path).startswith(GENERATED)
]
PYTHON = [path for path in CODE if path.suffix == ".py"]


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_the_rules_see_the_tree() -> None:
    names = {name_of(path) for path in CODE}

    assert {"ocs/__init__.py", "ocs/limits.py", "tests/unit/test_tidy.py", "Makefile"} <= names
    assert not any(name.startswith("ocs/v1/") for name in names)


def width_is_ours(path: Path, line: str) -> bool:
    """Whether the author chose the width; buf puts a field and its one rule on one line."""
    return path.suffix != ".proto" or line.lstrip().startswith("//")


def test_lines_fit_one_screen() -> None:
    long = [
        f"{name_of(path)}:{number}: {len(line)} columns"
        for path in CODE
        for number, line in enumerate(lines_of(path), start=1)
        if len(line) > LINE_MAX and width_is_ours(path, line)
    ]

    assert not long, "\n".join(long)


def test_modules_are_short_or_say_why() -> None:
    large = []
    for path in CODE:
        lines = lines_of(path)
        reasoned = any(SIZE_REASON in line for line in lines[:SIZE_REASON_WITHIN_LINES])
        if len(lines) > MODULE_LINES_MAX and not reasoned:
            large.append(
                f"{name_of(path)}: {len(lines)} lines, no '{SIZE_REASON}' reason at the top"
            )

    assert not large, "\n".join(large)


def test_functions_fit_one_screen() -> None:
    large = [
        f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines"
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]

    assert not large, "\n".join(large)


def python_names(path: Path) -> Iterator[tuple[int, str]]:
    """Names that a module defines itself; what it calls of others is not ours to choose."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


LUA_NAMES = re.compile(r"\blocal\s+(?:function\s+)?([\w\s,]+?)\s*(?:=|\(|$)")
PROTO_NAMES = re.compile(
    r"^\s*(?:message|enum|service|rpc|oneof)\s+(\w+)"
    r"|^\s+(?:optional\s+|repeated\s+)?[\w.]+\s+(\w+)\s*="
)


def matched_names(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines_of(path), start=1):
        for match in pattern.finditer(line):
            for name in re.findall(r"\w+", " ".join(filter(None, match.groups()))):
                yield number, name


def defined_names(path: Path) -> Iterator[tuple[int, str]]:
    yield 1, path.stem
    if path.suffix == ".py":
        yield from python_names(path)
    elif path.suffix == ".lua":
        yield from matched_names(path, LUA_NAMES)
    elif path.suffix == ".proto":
        yield from matched_names(path, PROTO_NAMES)


def words_in(name: str) -> list[str]:
    """The words of a snake_case, camelCase or UPPER_CASE name, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def banned_in(name: str) -> str | None:
    """What to say instead, if a name uses a word that the glossary does not."""
    return next((BANNED_WORDS[word] for word in words_in(name) if word in BANNED_WORDS), None)


@pytest.mark.parametrize("name", ["user_id", "wallet", "RechargeRequest", "MAX_QUOTA"])
def test_a_banned_word_is_found_in_any_spelling(name: str) -> None:
    assert banned_in(name) is not None


@pytest.mark.parametrize("name", ["credit_limit", "spotted", "used_units", "potential", "reuse"])
def test_a_word_that_contains_one_is_not_one(name: str) -> None:
    assert banned_in(name) is None


def test_one_concept_has_one_word() -> None:
    wrong = [
        f"{name_of(path)}:{number}: {name}; say {instead}"
        for path in CODE
        if name_of(path).startswith(("ocs/", "protos/"))
        for number, name in defined_names(path)
        if (instead := banned_in(name)) is not None
    ]

    assert not wrong, "\n".join(wrong)


def test_no_debug_marker_is_left() -> None:
    left = [
        f"{name_of(path)}:{number}: {marker}"
        for path in CODE
        for number, line in enumerate(lines_of(path), start=1)
        for marker in DEBUG_MARKERS
        if marker in line
    ]

    assert not left, "\n".join(left)


def test_nothing_names_a_machine_or_an_index() -> None:
    left = []
    for path in FILES:
        try:
            lines = lines_of(path)
        except UnicodeDecodeError:  # an image or a binary descriptor has no lines to read
            continue
        left += [
            f"{name_of(path)}:{number}: {what}"
            for number, line in enumerate(lines, start=1)
            for what, pattern in LEFT_BEHIND.items()
            if re.search(pattern, line)
        ]

    assert not left, "\n".join(left)


def impurities(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                imported = [alias.name for alias in aliases]
            case ast.ImportFrom(module=module, level=0):
                imported = [module or ""]
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)):
                if called in IMPURE_CALLS:
                    yield f"{name_of(path)}:{node.lineno}: calls {called}()"
                continue
            case _:
                continue
        for module in imported:
            if module.split(".")[0] != "ocs" and module.split(".")[0] not in PURE_MODULES:
                yield f"{name_of(path)}:{node.lineno}: imports {module}"


def test_the_domain_is_pure() -> None:
    pure = [path for path in PYTHON if name_of(path).startswith(PURE_PACKAGES)]

    assert pure
    assert sys.stdlib_module_names >= PURE_MODULES
    impure = [fault for path in pure for fault in impurities(path)]
    assert not impure, "\n".join(impure)


def test_packages_say_what_they_are_for() -> None:
    silent = [
        name_of(path)
        for path in PYTHON
        if path.name == "__init__.py"
        and name_of(path).startswith("ocs/")
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert not silent, "\n".join(silent)


def test_every_lint_exception_carries_its_reason() -> None:
    lines = lines_of(ROOT / "pyproject.toml")
    start, end = (lines.index(f"[tool.ruff.lint{part}]") for part in ("", ".isort"))
    bare = [
        line for line in lines[start:end] if re.match(r'\s+"[A-Z]+\d+",', line) and "#" not in line
    ]

    assert not bare, "\n".join(bare)


def test_makefile_targets_explain_themselves() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY:((?:[^\\\n]|\\\n)*)$", text, re.MULTILINE)
    assert phony is not None
    declared = set(re.findall(r"[a-z-]+", phony.group(1)))
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))

    assert explained == declared
