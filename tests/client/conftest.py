"""Both clients behind one face, so that each behaviour is tested once for the two."""

import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from ocs.client import AsyncClient, Client
from tests.client.scripted import Script, serving


async def done(value: Any) -> Any:
    """What a call of either client returned."""
    return await value if inspect.isawaitable(value) else value


@asynccontextmanager
async def entered(handle: Any) -> AsyncIterator[Any]:
    """A with block of either client's reserve, left with the block's own error, if any."""
    if hasattr(handle, "__aenter__"):
        async with handle as entered_handle:
            yield entered_handle
    else:
        with handle as entered_handle:
            yield entered_handle


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def target(script: Script) -> Iterator[str]:
    with serving(script) as target:
        yield target


@pytest_asyncio.fixture(params=[Client, AsyncClient])
async def client(request: pytest.FixtureRequest, target: str) -> AsyncIterator[Any]:
    client = request.param(target)
    yield client
    await done(client.close())
