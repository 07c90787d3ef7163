"""Connections to the store, and the checks before it may hold money."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from redis.asyncio.connection import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from ocs.store.embedded_config import Durability
from ocs.store.fitness import FITNESS, Demands, Finding, Level, StoreFacts, read_facts, read_section
from ocs.store.pipeline import Pipeline, StoreLostError
from ocs.store.record import check_record, read_record, write_record

SOCKET_TIMEOUT_S: Final = 5.0
_LOADING_LOOK_S: Final = 1.0


class StoreUnfitError(Exception):
    """The store cannot be used for money; the text says what to change."""


def make_pool(url: str, connections: int) -> ConnectionPool:
    """Describe connections that never send anything twice by themselves.

    redis-py would repeat a command up to ten times, scripts included.
    """
    try:
        return ConnectionPool.from_url(
            url,
            max_connections=connections + 1,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            protocol=2,
        )
    except (ValueError, RedisError):
        message = "OCS_STORE_URL must be redis://, rediss:// or unix://"
        raise StoreUnfitError(message) from None


async def wait_loaded(pipeline: Pipeline, on_progress: Callable[[str], None]) -> None:
    """Wait as long as the store reads its data in after a start, which may take minutes.

    on_progress: told about once a second. One that does not answer is check_store's to refuse.
    """
    with suppress(StoreLostError, ResponseError):
        while (info := await read_section(pipeline, "persistence")).get("loading") == "1":
            done, left = info.get("loading_loaded_perc", "0"), info.get("loading_eta_seconds", "?")
            on_progress(f"the store is loading its data: {done} %, about {left} s left")
            await asyncio.sleep(_LOADING_LOOK_S)


async def check_store(pipeline: Pipeline, demands: Demands) -> Durability:
    """Refuse what is unfit, record the layout in a new store; return what the store promises.

    Raises StoreUnfitError.
    """
    facts, fitness = await examine_fitness(pipeline, demands)
    for finding in fitness:
        if finding.level is Level.FAULT:
            raise StoreUnfitError(f"{finding.found}: {finding.step}")
    try:
        await write_record(pipeline)
    except StoreLostError:
        raise StoreUnfitError(_NO_ANSWER) from None
    return facts.durability


async def examine_fitness(pipeline: Pipeline, demands: Demands) -> tuple[StoreFacts, list[Finding]]:
    """Ask the store all that a start asks. Raises StoreUnfitError if it does not answer."""
    try:
        facts = await read_facts(pipeline)
        record = await read_record(pipeline)
    except StoreLostError:
        raise StoreUnfitError(_NO_ANSWER) from None
    except ResponseError:
        message = "the store refuses INFO; its user needs what docs/operations.md lists"
        raise StoreUnfitError(message) from None
    return facts, [*(check(facts, demands) for check in FITNESS), check_record(record)]


_NO_ANSWER: Final = "the store does not answer; is it running at OCS_STORE_URL, and lets us in?"
