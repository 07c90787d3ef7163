"""One Valkey for the module's journals, tables of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocs.insights.tables import Tables
from tests.model.valkey_side import ValkeySide


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    opened = Tables.open(tmp_path / "insights.duckdb")
    yield opened
    opened.close()
