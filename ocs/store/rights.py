"""Whether the store's login may do what the service does.

Each command is queued in a transaction that cannot run: the first command in it is none, so EXEC
discards all. The store says of each, as it queues it, whether this login may.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from redis.exceptions import NoPermissionError

from ocs.store import keys
from ocs.store.fitness import Finding, Level
from ocs.store.pipeline import Argument, Pipeline, Reply
from ocs.store.replies import text_of

_KEY: Final = keys.probe_key()
_HASH: Final = (_KEY, "f", "1")
# By the name that an ACL rule has for it; docs/operations.md grants these and no others.
NEEDED: Final[Mapping[str, tuple[Argument, ...]]] = MappingProxyType(
    {
        "client|setinfo": ("CLIENT", "SETINFO", "LIB-NAME", "ocs"),
        "fcall": ("FCALL", "ocs", 0),
        "function|load": ("FUNCTION", "LOAD", "ocs"),
        "time": ("TIME",),
        "info": ("INFO", "server"),
        "multi": ("MULTI",),
        "exec": ("EXEC",),
        "scan": ("SCAN", 0),
        "get": ("GET", _KEY),
        "set": ("SET", _KEY, "1", "PX", 1),
        "del": ("DEL", _KEY),
        "exists": ("EXISTS", _KEY),
        "pexpire": ("PEXPIRE", _KEY, 1),
        "hget": ("HGET", _KEY, "f"),
        "hgetall": ("HGETALL", _KEY),
        "hset": ("HSET", *_HASH),
        "hdel": ("HDEL", _KEY, "f"),
        "hlen": ("HLEN", _KEY),
        "hincrby": ("HINCRBY", *_HASH),
        "sadd": ("SADD", _KEY, "m"),
        "scard": ("SCARD", _KEY),
        "smembers": ("SMEMBERS", _KEY),
        "zadd": ("ZADD", _KEY, 0, "m"),
        "zrange": ("ZRANGE", _KEY, 0, 0),
        "zrem": ("ZREM", _KEY, "m"),
        "zcard": ("ZCARD", _KEY),
        "xadd": ("XADD", _KEY, "*", "f", "v"),
        "xrange": ("XRANGE", _KEY, "-", "+"),
        "xread": ("XREAD", "STREAMS", _KEY, "0-0"),
        "xlen": ("XLEN", _KEY),
        "xtrim": ("XTRIM", _KEY, "MINID", "0-0"),
        "memory|usage": ("MEMORY", "USAGE", _KEY),
    }
)
_AROUND: Final = ("multi", "exec")
_NO_COMMAND: Final = ("OCS.NO-COMMAND",)


async def check_rights(pipeline: Pipeline, url: str) -> Finding:
    """Whether the login may run each command on our keys, and is not everybody's.

    url: of the store. The pipeline must be idle and is nobody else's. Raises StoreLostError.
    """
    step = "give it the rules that docs/operations.md lists"
    missing = await _missing(pipeline)
    if missing:
        found = f"the store's login may not run {', '.join(missing)} on the keys of this layout"
        return Finding("rights", Level.FAULT, found, step)
    who = await pipeline.send("ACL", "WHOAMI")
    if isinstance(who, NoPermissionError):
        return Finding("rights", Level.OK, f"a login of its own, with all {len(NEEDED)} commands")
    name = text_of(who)
    if name != "default":
        return Finding("rights", Level.OK, f"login {name}, with all {len(NEEDED)} commands")
    if url.startswith("unix://"):
        return Finding("rights", Level.OK, "the default login, over a socket of this machine")
    found = "the service logs in as default, who may do everything"
    return Finding("rights", Level.WARNING, found, f"make a login of its own: {step}")


async def _missing(pipeline: Pipeline) -> list[str]:
    # Alone first: without a right to MULTI the commands would run.
    missing = await _denied(pipeline, [])
    return missing or await _denied(pipeline, [name for name in NEEDED if name not in _AROUND])


async def _denied(pipeline: Pipeline, names: list[str]) -> list[str]:
    """Queue commands in a transaction that is discarded; return those that are not allowed."""
    # In one go on an idle connection: one batch, so all of it is on the same connection.
    queued = [pipeline.send(*NEEDED["multi"]), pipeline.send(*_NO_COMMAND)]
    queued += [pipeline.send(*NEEDED[name]) for name in names]
    queued.append(pipeline.send(*NEEDED["exec"]))
    multi, _, *replies, discarded = await asyncio.gather(*queued)
    asked = zip((*_AROUND, *names), (multi, discarded, *replies), strict=True)
    return [name for name, reply in asked if _is_denial(reply)]


def _is_denial(reply: Reply) -> bool:
    # That of EXEC comes inside the word that the transaction is discarded.
    return isinstance(reply, NoPermissionError) or "NOPERM" in str(reply)
