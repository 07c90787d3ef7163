"""A small share of `make rating-model`, each run with another seed's cases."""

from pathlib import Path

from tests.model.valkey_side import ValkeySide
from tests.rating.cases import check_cases

CASES = 600


def test_scripts_and_specification_and_oracle_agree_on_what_a_session_costs(
    tmp_path: Path,
) -> None:
    lua = ValkeySide.start(tmp_path)
    try:
        assert check_cases(lua, lua.clear, 20_261_123, CASES) == CASES
    finally:
        lua.stop()
