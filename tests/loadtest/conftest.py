"""A live service for the workload, without processes of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.support.live import Live, serving


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("loadtest")) as server:
        yield server


@pytest.fixture
async def live(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving(store) as live:
        yield live
