"""Each ledger in turn."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.ledger import ValkeyLedger
from ocs.store.memory import MemoryLedger
from tests.contract.bench import START_MS, Bench


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A private server of this test process."""
    with private_valkey(tmp_path_factory.mktemp("contract")) as server:
        yield server


@pytest.fixture(params=["memory", "valkey"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """The same on each ledger."""
    clock = [START_MS]
    if request.param == "memory":
        yield Bench(MemoryLedger(lambda: clock[0]), clock)
        return
    server: EmbeddedValkey = request.getfixturevalue("valkey")
    ledger = ValkeyLedger(
        make_pool(server.url, 4),
        connections=4,
        now_ms=lambda: clock[0],
        test_clock=lambda: clock[0],
    )
    await ledger.pipelines[0].send("FLUSHALL")
    yield Bench(ledger, clock)
    await ledger.close()
