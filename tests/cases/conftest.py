"""Each case runs twice: over the specification in memory, and over the scripts in a Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.support.stage import Stage
from tests.support.stages import memory_stage, valkey_stage


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A private Valkey of this test process."""
    with private_valkey(tmp_path_factory.mktemp("cases")) as server:
        yield server


@pytest.fixture(params=["memory", "valkey"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """The service over one of the ledgers."""
    if request.param == "memory":
        yield memory_stage()
        return
    store: EmbeddedValkey = request.getfixturevalue("store")
    async with valkey_stage(store.url) as found:
        yield found
