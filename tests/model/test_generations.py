"""Two versions of the service on one store: their scripts stand side by side and agree."""

import random
from collections import Counter
from pathlib import Path

from ocs.store.scripts import ScriptLibrary, compose_library
from tests.campaigns.model import run_on
from tests.model.valkey_side import ValkeySide

STEPS = 4_000


def other_generation(library: ScriptLibrary) -> ScriptLibrary:
    """The same scripts under the name that another text gives them."""
    functions = {**library.functions, "generation": "local function generation() return 2 end\n"}
    return compose_library(library.scripts, functions)


class TwoGenerations(ValkeySide):
    """Each call goes to the scripts of one version or of the other, at random."""

    def load(self, library: ScriptLibrary) -> None:
        """Load both, the second beside the first."""
        super().load(library)
        self.generations = (library, other_generation(library))
        self.client.function_load(self.generations[1].text)
        self.calls: Counter[str] = Counter()
        self._rng = random.Random(0)

    def clear(self) -> None:
        """Forget all data; an example that is run again goes the same way."""
        super().clear()
        self._rng = random.Random(0)

    def _run(self, name: str, script_keys: list[str], argv: list[str | bytes | int]) -> str:
        self._library = self._rng.choice(self.generations)
        self.calls[self._library.name] += 1
        return super()._run(name, script_keys, argv)


def test_two_versions_on_one_store_equal_the_specification(tmp_path: Path) -> None:
    lua = TwoGenerations.start(tmp_path)
    try:
        done = run_on(lua, STEPS, seed=3)
        loaded = str(lua.client.function_list())
    finally:
        lua.stop()

    assert done >= STEPS
    first, second = (generation.name for generation in lua.generations)
    assert first != second
    assert first in loaded
    assert second in loaded
    assert min(lua.calls[first], lua.calls[second]) > done // 4
