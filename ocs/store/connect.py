"""Connections to the store, and what must be true of it before it may hold money."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from redis.asyncio.connection import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from ocs.store.advisories import Product, Version, open_cves
from ocs.store.pipeline import Pipeline, StoreLostError
from ocs.store.replies import fields_of, text_of

SOCKET_TIMEOUT_S: Final = 5.0
VERSION_LEAST: Final = (7, 2)
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)", re.ASCII)


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


async def check_store(pipeline: Pipeline, cves_accepted: Collection[str] = ()) -> str:
    """Check version, known flaws and eviction; return the durability the store promises.

    One of `memory`, `everysec`, `always`. cves_accepted: flaws that the operator vouches for.
    Raises StoreUnfitError.
    """
    try:
        info = {name: await _info(pipeline, name) for name in ("server", "memory", "persistence")}
        fsync = await _appendfsync(pipeline)
    except StoreLostError:
        message = "the store does not answer; is it running at OCS_STORE_URL, and lets us in?"
        raise StoreUnfitError(message) from None
    except ResponseError:
        message = "the store refuses INFO; its user needs what docs/operations.md lists"
        raise StoreUnfitError(message) from None
    _check_version(info["server"], cves_accepted)
    policy = info["memory"].get("maxmemory_policy", "")
    if policy != "noeviction":
        message = f"maxmemory-policy is {policy!r}, which deletes balances; set it to noeviction"
        raise StoreUnfitError(message)
    if info["persistence"].get("aof_enabled") != "1":
        return "memory"
    return "always" if fsync == "always" else "everysec"


def _check_version(server: Mapping[str, str], cves_accepted: Collection[str]) -> None:
    if _version(server.get("redis_version", ""))[:2] < VERSION_LEAST:
        message = "the store must speak at least Redis 7.2"
        raise StoreUnfitError(message)
    # Valkey says, beside its own version, for which Redis it may be taken.
    product: Product = "Valkey" if "valkey_version" in server else "Redis"
    version = server.get("valkey_version") or server["redis_version"]
    known = [cve for cve in open_cves(product, _version(version)) if cve not in cves_accepted]
    if known:
        raise StoreUnfitError(
            f"the store is {product} {version}, whose scripts are open to {', '.join(known)}:"
            " upgrade it, or name them in OCS_STORE_CVES_ACCEPTED if your build has the fixes"
        )


async def _info(pipeline: Pipeline, section: str) -> Mapping[str, str]:
    lines = text_of(await pipeline.send("INFO", section)).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


async def _appendfsync(pipeline: Pipeline) -> str:
    """When the log is written to disk; empty if our user may not ask, as it should not."""
    reply = await pipeline.send("CONFIG", "GET", "appendfsync")
    return "" if isinstance(reply, ResponseError) else fields_of(reply).get("appendfsync", "")


def _version(text: str) -> Version:
    """The three numbers of a version; zeros if it is none."""
    found = _VERSION.match(text)
    return (0, 0, 0) if found is None else (int(found[1]), int(found[2]), int(found[3]))
