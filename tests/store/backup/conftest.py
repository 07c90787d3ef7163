"""A store, and a small backup."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocs.store import keys
from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.store.backup.support import ocs
from tests.support.live import connect


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path, "always") as server:
        yield server


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A small backup of a real store."""
    file = tmp_path / "made.ocs"
    with private_valkey(tmp_path / "made") as server, connect(server) as owner:
        owner.set(keys.layout_key(), "1 256")
        owner.hset("{x}:h", mapping={str(n): "v" * 50 for n in range(200)})
        assert ocs("backup", str(file), "--store-url", server.url)[0] == 0
    return file
