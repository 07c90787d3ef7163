"""The mutants campaign's own lists."""

from pathlib import Path

from ocs.store.scripts import load_scripts
from tests.campaigns.mutants import ELSEWHERE, equivalent_mutants, mutants_of

ROOT = Path(__file__).parents[2]


def test_what_is_listed_as_equivalent_still_is_a_mutant() -> None:
    found = {(place, changed.strip()) for place, _, _, changed, _ in mutants_of(load_scripts())}
    assert equivalent_mutants() - found == set()


def test_there_are_mutants_of_every_kind_and_operation() -> None:
    library = load_scripts()
    found = list(mutants_of(library))
    assert {kind for _, kind, *_ in found} == {"flip", "drop", "off by one", "swap"}
    assert library.scripts.keys() <= {place for place, *_ in found}


def test_what_is_tested_elsewhere_is_there() -> None:
    places = {place for place, *_ in mutants_of(load_scripts())}
    assert ELSEWHERE.keys() <= places
    assert all((ROOT / path).is_file() for path in ELSEWHERE.values())
