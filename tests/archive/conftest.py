"""A server for the tests of the archive."""

from collections.abc import Iterator

import pytest

from tests.model.valkey_side import ValkeySide


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()
