"""One store for the tests of a process, and authorities."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.security.pki import Authority, authority


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("security")) as server:
        yield server


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody here trusts."""
    return authority(tmp_path_factory.mktemp("theirs"), "theirs")


@pytest.fixture(autouse=True)
def _log_configuration() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
