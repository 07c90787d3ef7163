"""Connections to the store, and what must be true of it before it may hold money."""

from collections.abc import Mapping
from typing import Final

from redis.asyncio.connection import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ocs.store.pipeline import Pipeline, StoreLostError
from ocs.store.replies import fields_of, text_of

SOCKET_TIMEOUT_S: Final = 5.0
VERSION_LEAST: Final = (7, 2)


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


async def check_store(pipeline: Pipeline) -> str:
    """Check eviction and version; return the durability the store promises.

    One of `memory`, `everysec`, `always`. Raises StoreUnfitError.
    """
    try:
        config = {
            **await _config(pipeline, "maxmemory-policy"),
            **await _config(pipeline, "append*"),
        }
        info = text_of(await pipeline.send("INFO", "server"))
    except StoreLostError:
        message = "the store does not answer; is it running at OCS_STORE_URL?"
        raise StoreUnfitError(message) from None
    policy = config.get("maxmemory-policy", "")
    if policy != "noeviction":
        message = f"maxmemory-policy is {policy!r}, which deletes balances; set it to noeviction"
        raise StoreUnfitError(message)
    version = _version(info)
    if version < VERSION_LEAST:
        message = "the store must speak at least Redis 7.2"
        raise StoreUnfitError(message)
    if config.get("appendonly") != "yes":
        return "memory"
    return "always" if config.get("appendfsync") == "always" else "everysec"


async def _config(pipeline: Pipeline, name: str) -> Mapping[str, str]:
    return fields_of(await pipeline.send("CONFIG", "GET", name))


def _version(info: str) -> tuple[int, ...]:
    for line in info.splitlines():
        name, _, value = line.partition(":")
        if name == "redis_version":
            return tuple(int(part) for part in value.split(".")[:2])
    return (0, 0)
