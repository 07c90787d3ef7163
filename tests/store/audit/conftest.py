"""Fixtures of the audit's tests: one server, one dump of its data, restored for each test."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis

from tests.model.valkey_side import ValkeySide
from tests.store.audit.stored import Store, ledger_on, machine_on
from tests.support.audit_traffic import Traffic

SEED = 4
STEPS = 400


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySide]:
    side = ValkeySide.start(tmp_path_factory.mktemp("valkey"))
    yield side
    side.stop()


@pytest.fixture(scope="module")
async def traffic(lua: ValkeySide) -> AsyncIterator[Store]:
    """The store after some hundred operations, ending with holds of lines and groups."""
    operations = Traffic(machine_on(lua), SEED)
    operations.run(STEPS)
    operations.hold_open()
    raw: Any = redis.Redis(unix_socket_path=str(lua._store.socket_path))
    dump = {key: raw.dump(key) for key in raw.scan_iter()}
    ledger = ledger_on(lua)
    yield Store(lua, lua.client, raw, dump, ledger, lua.now_ms)
    await ledger.close()
    raw.close()


@pytest.fixture
def store(traffic: Store) -> Store:
    traffic.restore()
    return traffic
