"""One service and one Valkey for all tests of this process, and another of each on a test's clock.

Each test begins with an empty store. Ids are never used twice, so what the service remembers of an
earlier test does not matter.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey
from tests.support.live import Live, serving, serving_at
from tests.support.seen import SEEN
from tests.support.stage import Clock


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("bad-inputs")) as server:
        yield server


@pytest.fixture(scope="session")
async def service(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving(store) as live:
        yield live


@pytest.fixture(scope="session")
async def service_on_a_test_clock(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Live, Clock]]:
    """On a store of its own: the jobs of the other service expire by the time of day."""
    clock = Clock()
    with private_valkey(tmp_path_factory.mktemp("bad-inputs-clock")) as store:
        async with serving_at(store, clock) as live:
            yield live, clock


@pytest.fixture
def live(service: Live) -> Iterator[Live]:
    """The service over an empty store. Functions survive a FLUSHALL."""
    service.store.flushall()
    yield service
    SEEN.journaled(service.journal_kinds())


@pytest.fixture
def clocked(service_on_a_test_clock: tuple[Live, Clock]) -> Iterator[tuple[Live, Clock]]:
    """The service on a clock that only the test moves, over an empty store."""
    live, clock = service_on_a_test_clock
    live.store.flushall()
    clock.now_ms = Clock().now_ms
    yield live, clock
    SEEN.journaled(live.journal_kinds())
