"""A store of its own for each test of the book: what is loaded is never removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A running store."""
    with private_valkey(tmp_path / "store") as server:
        yield server
