"""`make mutants`: break the Lua on purpose, and see that the model test notices.

A mutant changes one place of one operation or shared function: a comparison flipped, a line
dropped, a constant off by one, two names swapped. Each is loaded in place of the real library and
run against the specification. Survivors are listed: each is either a hole in the model test or a
change that means nothing.
"""

import argparse
import random
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import redis

from ocs.store.scripts import ScriptLibrary, compose_library, load_scripts
from tests.campaigns.model import run_on
from tests.model.valkey_side import ValkeySide

MUTANTS_DEFAULT = 60
STEPS_DEFAULT = 20_000
CAUGHT_SHARE_LEAST = 0.95

_FLIPS = {"<=": "<", ">=": ">", "<": "<=", ">": ">=", "==": "~=", "~=": "=="}
_FLIP = re.compile(r"(?<![<>=~])(<=|>=|==|~=|<|>)(?!=)")
# Not behind a comparison with 0: times are huge, so 0 and 1 part the same there.
_NUMBER = re.compile(r"(?<![\w.%'])(?<![<>=] )(\d+)(?![\w.'])")
_STATEMENT = re.compile(
    r"^(?!local|return|end|else|if|for|while|do\b|\}|function)[\w.\[\]# +]+ = .+$"
    r"|^[\w.]+\(.*\)$"
)
_KEY = re.compile(r"KEYS\[(\d+)\]")


# What the model cannot see, and the tests that do: the lookup index is no part of an account, and
# the archive neither; the model gives a clock of its own, and no answer tells how many parsed texts
# are kept.
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "claim_lookup": "tests/store/test_lookups.py",
        "settle_lookup": "tests/store/test_lookups.py",
        "lease_archiver": "tests/archive/test_job.py",
        "trim_journal": "tests/archive/test_job.py",
        "lib/is_before": "tests/archive/test_job.py",
        "lib/store_time": "tests/bad_inputs/test_store_trouble.py",
        "lib/keep_parsed": "tests/lua/test_keep_parsed.py",
    }
)

EQUIVALENT_PATH = Path(__file__).with_name("equivalent_mutants.toml")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed line."""

    place: str
    kind: str
    line: str
    becomes: str
    library: ScriptLibrary


def equivalent_mutants() -> frozenset[tuple[str, str]]:
    """Place and changed line of what is known to mean nothing."""
    listed = tomllib.loads(EQUIVALENT_PATH.read_text(encoding="utf-8"))["mutant"]
    return frozenset((each["place"], each["becomes"]) for each in listed)


def mutants_of(library: ScriptLibrary) -> Iterator[tuple[str, str, str, str, str]]:
    """Every mutant, as (place, kind, line, changed line, changed text)."""
    texts = {f"lib/{name}": text for name, text in library.functions.items()}
    texts |= {name: script.body for name, script in library.scripts.items()}
    for place, text in sorted(texts.items()):
        lines = text.split("\n")
        for number, line in enumerate(lines):
            for kind, changed in _changes(line):
                new = [*lines[:number], changed, *lines[number + 1 :]]
                yield place, kind, line, changed, "\n".join(new)


def _changes(line: str) -> Iterator[tuple[str, str]]:
    if "error(" in line or "error_reply" in line or line.startswith(("redis.register", "#!")):
        return
    for match in _FLIP.finditer(line):
        yield "flip", line[: match.start()] + _FLIPS[match[1]] + line[match.end() :]
    if _STATEMENT.match(line):
        yield "drop", ""
    for match in _NUMBER.finditer(line):
        if "KEYS[" in line or "ARGV[" in line:
            continue
        yield "off by one", line[: match.start()] + str(int(match[1]) + 1) + line[match.end() :]
    found = _KEY.findall(line)
    if len(set(found)) > 1:
        first, second = found[0], next(key for key in found if key != found[0])
        swapped = line.replace(f"KEYS[{first}]", "KEYS[#]").replace(
            f"KEYS[{second}]", f"KEYS[{first}]"
        )
        yield "swap", swapped.replace("KEYS[#]", f"KEYS[{second}]")


def _changed(library: ScriptLibrary, place: str, text: str) -> ScriptLibrary:
    functions, scripts = dict(library.functions), dict(library.scripts)
    if place.startswith("lib/"):
        functions[place.removeprefix("lib/")] = text
    else:
        scripts[place] = replace(scripts[place], body=text)
    return compose_library(scripts, functions)


def pick(library: ScriptLibrary, count: int, seed: int, lua: ValkeySide) -> list[Mutant]:
    """Pick mutants at random, spread over the places; only those the store can load."""
    equivalent = equivalent_mutants()
    candidates = [
        found
        for found in mutants_of(library)
        if found[0] not in ELSEWHERE and (found[0], found[3].strip()) not in equivalent
    ]
    random.Random(seed).shuffle(candidates)
    chosen: list[Mutant] = []
    per_place: dict[str, int] = {}
    for place, kind, line, becomes, text in candidates:
        if len(chosen) == count:
            break
        if per_place.get(place, 0) >= max(2, count // 20):
            continue
        changed = _changed(library, place, text)
        try:
            lua.load(changed)
        except redis.ResponseError:
            continue
        per_place[place] = per_place.get(place, 0) + 1
        chosen.append(Mutant(place, kind, line, becomes, changed))
    return chosen


def is_caught(lua: ValkeySide, mutant: Mutant, steps: int, seed: int) -> bool:
    """Run the model test on a mutant; any difference, failure or broken reply counts."""
    lua.load(mutant.library)
    try:
        run_on(lua, steps, seed, shrink=False)
    except Exception:  # noqa: BLE001 - whatever the mutant breaks, it was noticed
        return True
    return False


def run_mutants(directory: Path, count: int, steps: int, seed: int) -> list[Mutant]:
    """Run so many mutants; return the survivors. Raises what the unchanged library fails by."""
    library = load_scripts()
    lua = ValkeySide.start(directory / "0")
    survivors = []
    try:
        # The control: whatever the unchanged library fails by would count as caught.
        run_on(lua, steps, seed)
        chosen = pick(library, count, seed, lua)
        for number, mutant in enumerate(chosen, 1):
            caught = is_caught(lua, mutant, steps, seed)
            if not lua.answers():  # a loop without end
                lua.kill()
                lua = ValkeySide.start(directory / str(number))
            if not caught:
                survivors.append(mutant)
            mark = "caught" if caught else "SURVIVED"
            print(
                f"{number:>3}/{len(chosen)} {mark:8} {mutant.place:24} {mutant.kind:10} "
                f"{mutant.line.strip()[:70]}  ->  {mutant.becomes.strip()[:70] or '(dropped)'}",
                flush=True,
            )
    finally:
        lua.stop()
    return survivors


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=MUTANTS_DEFAULT)
    parser.add_argument("--steps", type=int, default=STEPS_DEFAULT)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        survivors = run_mutants(Path(directory), options.mutants, options.steps, options.seed)
    caught = options.mutants - len(survivors)
    share = caught / options.mutants
    print(
        f"mutants: {options.mutants}, caught {caught} ({share:.0%}), "
        f"left out as equivalent {len(equivalent_mutants())}, seed {options.seed}"
    )
    return 0 if share >= CAUGHT_SHARE_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
