"""What an operator should know of a store: the checks of a start, and what a start lets pass."""

import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import ResponseError

from ocs.limits import CLOCK_SKEW_MAX_MS
from ocs.store.connect import examine_fitness, make_pool
from ocs.store.fitness import Demands, Finding, Level, StoreFacts
from ocs.store.pipeline import Pipeline
from ocs.store.replies import texts_of
from ocs.store.rights import check_rights

# Bucket and cap fields are up to 64 bytes, hold fields longer; beyond this a hash is converted,
# takes several times the memory and is never converted back.
LISTPACK_VALUE_LEAST: Final = 256
SKEW_WARNING_MS: Final = 500
_FULL_WARNING: Final = 0.75
_FULL_FAULT: Final = 0.95
_MIB: Final = 1_048_576


async def examine(url: str, demands: Demands, now_ms: Callable[[], int]) -> list[Finding]:
    """Check a store over a connection of its own; it changes nothing.

    now_ms: the service's clock. Raises StoreUnfitError if there is nothing to check,
    StoreLostError if it is lost on the way.
    """
    pipeline = Pipeline(make_pool(url, 1))
    try:
        facts, findings = await examine_fitness(pipeline, demands)
        findings.append(await _check_clock(pipeline, now_ms))
        findings.append(check_memory(facts))
        findings.append(check_small_hashes(facts))
        findings.append(await check_rights(pipeline, url))
    finally:
        await pipeline.close()
    return findings


async def _check_clock(pipeline: Pipeline, now_ms: Callable[[], int]) -> Finding:
    started = time.monotonic_ns()
    before_ms = now_ms()
    reply = await pipeline.send("TIME")
    if isinstance(reply, ResponseError):
        found = "the store does not tell the time"
        return Finding("clock", Level.FAULT, found, "see what `rights` says")
    seconds, micros = map(int, texts_of(reply))
    middle_ms = before_ms + (time.monotonic_ns() - started) // 2_000_000
    return check_skew(seconds * 1000 + micros // 1000 - middle_ms)


def check_skew(ahead_ms: int) -> Finding:
    """How far the store's clock is ahead of the service's; beyond 5 s every charge is refused."""
    found = f"the store's clock is {abs(ahead_ms)} ms {'behind' if ahead_ms < 0 else 'ahead'}"
    if abs(ahead_ms) > CLOCK_SKEW_MAX_MS:
        step = "set both clocks by NTP: every charge is refused with CLOCK_SKEW"
        return Finding("clock", Level.FAULT, found, step)
    if abs(ahead_ms) > SKEW_WARNING_MS:
        step = f"set both clocks by NTP; beyond {CLOCK_SKEW_MAX_MS} ms every charge is refused"
        return Finding("clock", Level.WARNING, found, step)
    return Finding("clock", Level.OK, found)


def check_memory(facts: StoreFacts) -> Finding:
    """How much room is left; a full store grants and credits nothing."""
    used, limit = int(facts.info["used_memory"]), int(facts.info.get("maxmemory", "0"))
    if limit == 0:
        found = f"{used // _MIB} MiB used, no maxmemory: the system would end the store when full"
        step = "set maxmemory to half of the machine's memory, as log rewrites copy"
        return Finding("memory", Level.WARNING, found, step)
    share = used / limit
    found = f"{used // _MIB} of {limit // _MIB} MiB used ({share:.0%})"
    if share >= _FULL_WARNING:
        level = Level.FAULT if share >= _FULL_FAULT else Level.WARNING
        step = "give the store more memory; when it is full nothing is granted or credited"
        return Finding("memory", level, found, step)
    return Finding("memory", Level.OK, found)


def check_small_hashes(facts: StoreFacts) -> Finding:
    """Whether accounts are kept in their compact form."""
    text = facts.config.get("hash-max-listpack-value", "")
    step = f"set hash-max-listpack-value {LISTPACK_VALUE_LEAST}"
    if not text:
        found = "hash-max-listpack-value is not for this login to read"
        return Finding("hashes", Level.WARNING, found, f"{step} and see to it by yourself")
    found = f"hash-max-listpack-value {text}"
    if int(text) < LISTPACK_VALUE_LEAST:
        return Finding("hashes", Level.WARNING, f"{found}: accounts take more memory", step)
    return Finding("hashes", Level.OK, found)
