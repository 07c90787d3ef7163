"""What must be true of a store before it may hold money, each as a finding.

The start of a service and `ocs doctor` ask the same functions, so that neither takes what the
other refuses.
"""

import enum
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from redis.exceptions import ResponseError

from ocs.store.advisories import Product, Version, open_cves
from ocs.store.embedded_config import Durability
from ocs.store.pipeline import Pipeline
from ocs.store.replies import fields_of, text_of

VERSION_LEAST: Final = (7, 2)
SECTIONS: Final = ("server", "memory", "persistence", "replication")
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)", re.ASCII)

# From the least on.
DURABILITIES: Final[tuple[Durability, ...]] = ("memory", "everysec", "always")


class Level(enum.StrEnum):
    """How bad it is. FAULT: the store is not to hold money like this."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, how bad it is, what was found, and what to do (empty if it is well)."""

    check: str
    level: Level
    found: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class Demands:
    """What the operator asks of the store.

    durability: the least that will do. cves_accepted: flaws that the operator vouches for.
    """

    durability: Durability = "always"
    cves_accepted: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the store says of itself: INFO, and of its configuration what our login may read."""

    info: Mapping[str, str]
    config: Mapping[str, str]

    @property
    def product(self) -> Product:
        """Valkey says, beside its own version, for which Redis it may be taken."""
        return "Valkey" if "valkey_version" in self.info else "Redis"

    @property
    def version(self) -> str:
        """The product's own version, as it spells it."""
        return self.info.get("valkey_version") or self.info.get("redis_version", "")

    @property
    def durability(self) -> Durability:
        """What an acknowledged write survives, as far as it can be told."""
        fsync = self.config.get("appendfsync", "")
        if self.info.get("aof_enabled") != "1" or fsync == "no":
            return "memory"
        return "always" if fsync == "always" else "everysec"


async def read_facts(pipeline: Pipeline) -> StoreFacts:
    """Ask the store. Raises StoreLostError, ResponseError (INFO is refused)."""
    info: dict[str, str] = {}
    for section in SECTIONS:
        info |= await read_section(pipeline, section)
    config: dict[str, str] = {}
    for name in ("appendfsync", "hash-max-listpack-value"):
        # A user that can read the configuration can read its passwords: ours should not.
        reply = await pipeline.send("CONFIG", "GET", name)
        config |= {} if isinstance(reply, ResponseError) else fields_of(reply)
    return StoreFacts(info, config)


async def read_section(pipeline: Pipeline, section: str) -> dict[str, str]:
    """Read a section of INFO. Raises StoreLostError, ResponseError."""
    lines = text_of(await pipeline.send("INFO", section)).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def check_version(facts: StoreFacts, _: Demands) -> Finding:
    """The commands and the behaviour that scripts rely on."""
    spoken = facts.info.get("redis_version", "")
    if _parts(spoken)[:2] < VERSION_LEAST:
        found = f"the store says it is {facts.product} {facts.version or 'without a version'}"
        return Finding("version", Level.FAULT, found, "it must speak at least Redis 7.2: upgrade")
    return Finding("version", Level.OK, f"{facts.product} {facts.version}")


def check_flaws(facts: StoreFacts, demands: Demands) -> Finding:
    """Scripts that get out of their cage (decision 0021)."""
    known = open_cves(facts.product, _parts(facts.version))
    left = [cve for cve in known if cve not in demands.cves_accepted]
    if left:
        return Finding(
            "flaws",
            Level.FAULT,
            f"the store is {facts.product} {facts.version}, whose scripts are open to "
            + ", ".join(left),
            "upgrade it, or name them in OCS_STORE_CVES_ACCEPTED if your build has the fixes",
        )
    vouched = f"; vouched for: {', '.join(known)}" if known else ""
    return Finding("flaws", Level.OK, f"no advisory about its scripts is open{vouched}")


def check_eviction(facts: StoreFacts, _: Demands) -> Finding:
    """A full store must refuse, and never delete."""
    policy = facts.info.get("maxmemory_policy", "")
    if policy != "noeviction":
        found = f"maxmemory-policy is {policy!r}, which deletes balances"
        return Finding("eviction", Level.FAULT, found, "set it to noeviction")
    return Finding("eviction", Level.OK, "noeviction")


def check_durability(facts: StoreFacts, demands: Demands) -> Finding:
    """What an acknowledged charge survives, against what is wanted."""
    kept, wanted = facts.durability, demands.durability
    found = _durability_found(facts)
    if facts.info.get("aof_last_write_status", "ok") != "ok":
        step = "see the store's log and its disk"
        return Finding("durability", Level.FAULT, "the store cannot write its log", step)
    if DURABILITIES.index(kept) >= DURABILITIES.index(wanted):
        return Finding("durability", Level.OK, found)
    repair = {
        "everysec": "set appendfsync always",
        "memory": f"set appendonly yes and appendfsync {wanted}",
    }[kept]
    if kept == "everysec" and "appendfsync" not in facts.config:
        repair = "let the store's login ask with +config|get"
    step = f"{repair}, or accept {kept} by name: OCS_DURABILITY={kept}, --durability {kept}"
    return Finding("durability", Level.FAULT, f"{found}; {wanted} is wanted", step)


def _durability_found(facts: StoreFacts) -> str:
    if facts.info.get("aof_enabled") != "1":
        return "memory: the store keeps no log, a restart loses every balance"
    fsync = facts.config.get("appendfsync", "")
    return {
        "always": "always: on disk before it is acknowledged",
        "no": "memory: the log goes to disk whenever the system likes (appendfsync no)",
        "everysec": "everysec: a crash of the machine loses about the last second",
    }.get(fsync, "everysec at least: there is a log, and this login may not ask for appendfsync")


def check_role(facts: StoreFacts, _: Demands) -> Finding:
    """Only a primary takes writes."""
    if facts.info.get("role", "master") != "master":
        step = "name its primary in OCS_STORE_URL"
        return Finding("role", Level.FAULT, "the store is a replica, which takes no writes", step)
    return Finding("role", Level.OK, f"primary, {facts.info.get('connected_slaves', '0')} replicas")


# In the order in which a start refuses.
FITNESS: Final[tuple[Callable[[StoreFacts, Demands], Finding], ...]] = (
    check_version,
    check_flaws,
    check_role,
    check_eviction,
    check_durability,
)


def _parts(version: str) -> Version:
    """The three numbers of a version; zeros if it is none."""
    found = _VERSION.match(version)
    return (0, 0, 0) if found is None else (int(found[1]), int(found[2]), int(found[3]))
