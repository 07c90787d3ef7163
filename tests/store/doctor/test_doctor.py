"""The doctor and the start of a service, on real servers that are set up wrong."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ocs.settings import load_settings
from ocs.store import keys
from ocs.store.connect import StoreUnfitError, check_store, make_pool
from ocs.store.doctor import check_memory, check_skew, examine
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.fitness import Demands, Finding, Level, StoreFacts
from ocs.store.pipeline import Pipeline
from ocs.store.record import RECORD
from ocs.store.rights import NEEDED
from tests.security.test_store_user import HASH, PASSWORD, documented
from tests.support.stages import now_ms

ALWAYS = Demands("always")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("doctor"), "always") as running:
        yield running


@pytest.fixture
def owner(server: EmbeddedValkey) -> Iterator[Any]:
    """The server's owner; what a test sets up wrong is right again after it."""
    path = str(server.socket_path)
    with redis.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0)) as client:
        names = ("maxmemory", "maxmemory-policy", "appendfsync", "hash-max-listpack-value")
        right: Any = client.config_get(*names, "appendonly")
        client.flushall()
        yield client
        client.replicaof("NO", "ONE")
        for name, value in right.items():
            client.config_set(name, value)


async def examined(
    server: EmbeddedValkey, demands: Demands = ALWAYS, url: str = ""
) -> dict[str, Finding]:
    findings = await examine(url or server.url, demands, now_ms)
    return {one.check: one for one in findings}


async def refusal(server: EmbeddedValkey, demands: Demands = ALWAYS) -> str:
    """What a start says; empty if it takes the store."""
    pipeline = Pipeline(make_pool(server.url, 1))
    try:
        await check_store(pipeline, demands)
    except StoreUnfitError as error:
        return str(error)
    finally:
        await pipeline.close()
    return ""


def faults(findings: dict[str, Finding]) -> set[str]:
    return {name for name, one in findings.items() if one.level is Level.FAULT}


async def test_a_good_store_has_no_finding(server: EmbeddedValkey, owner: Any) -> None:
    findings = await examined(server)

    assert {one.level for one in findings.values()} == {Level.OK}
    assert not [one.step for one in findings.values() if one.step]
    assert list(findings) == [
        "version", "flaws", "role", "eviction", "durability", "layout",
        "clock", "memory", "hashes", "rights",
    ]  # fmt: skip
    assert findings["durability"].found.startswith("always")
    assert owner.dbsize() == 0  # it changes nothing


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_store_that_evicts_is_refused_whatever_is_named(
    server: EmbeddedValkey, owner: Any, policy: str
) -> None:
    owner.config_set("maxmemory-policy", policy)
    for durability in ("memory", "everysec", "always"):
        demands = Demands(durability)
        assert faults(await examined(server, demands)) == {"eviction"}
        assert "deletes balances: set it to noeviction" in await refusal(server, demands)


LOSSY = [
    ({"appendonly": "no"}, "memory"),
    ({"appendfsync": "no"}, "memory"),
    ({"appendfsync": "everysec"}, "everysec"),
]


@pytest.mark.parametrize(("config", "kept"), LOSSY)
async def test_a_store_that_loses_is_refused_unless_that_is_named(
    server: EmbeddedValkey, owner: Any, config: dict[str, str], kept: str
) -> None:
    for name, value in config.items():
        owner.config_set(name, value)
    order = ["memory", "everysec", "always"]

    for wanted in order:
        demands = Demands(wanted)  # type: ignore[arg-type]
        lossy = order.index(kept) < order.index(wanted)
        findings = await examined(server, demands)
        assert faults(findings) == ({"durability"} if lossy else set())
        said = await refusal(server, demands)
        assert bool(said) is lossy
        if lossy:
            assert f"{wanted} is wanted" in said
            assert f"OCS_DURABILITY={kept}" in said
            assert f"--durability {kept}" in findings["durability"].step


async def test_a_replica_is_refused(server: EmbeddedValkey, owner: Any) -> None:
    owner.replicaof("127.0.0.1", 1)

    assert faults(await examined(server)) == {"role"}
    assert "is a replica" in await refusal(server)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("2 256", "format 2, of a newer ocs; this one knows format 1: run the newer version"),
        ("1 512", "format 1 and 512 partitions; this version works on format 1 with 256"),
        ("0 256", "format 0 and 256 partitions"),
        ("restoring", "a restore into this store has not ended"),
        ("one", "cannot be read"),
    ],
)
async def test_a_layout_of_another_version_is_left_alone(
    server: EmbeddedValkey, owner: Any, record: str, said: str
) -> None:
    owner.set(keys.layout_key(), record)

    assert faults(await examined(server)) == {"layout"}
    assert said in await refusal(server)
    assert owner.get(keys.layout_key()) == record.encode()


async def test_a_start_records_the_layout_once(server: EmbeddedValkey, owner: Any) -> None:
    assert (await examined(server))["layout"].found.startswith("none recorded yet")

    assert await refusal(server) == ""
    assert owner.get(keys.layout_key()) == RECORD.encode() == b"1 256"
    assert await refusal(server) == ""
    assert (await examined(server))["layout"].found == "format 1, 256 partitions"


async def test_a_store_that_has_little_room_left(server: EmbeddedValkey, owner: Any) -> None:
    owner.config_set("maxmemory", "0")
    assert (await examined(server))["memory"].level is Level.WARNING
    owner.config_set("maxmemory", "1mb")

    found = (await examined(server))["memory"]

    assert found.level is Level.FAULT
    assert "nothing is granted" in found.step


@pytest.mark.parametrize(
    ("used", "level"), [(74, Level.OK), (75, Level.WARNING), (94, Level.WARNING), (95, Level.FAULT)]
)
def test_how_full_is_full(used: int, level: Level) -> None:
    facts = StoreFacts({"used_memory": str(used), "maxmemory": "100"}, {})

    assert check_memory(facts).level is level


@pytest.mark.parametrize(
    ("ahead_ms", "level"),
    [
        (0, Level.OK), (-500, Level.OK), (501, Level.WARNING), (-5000, Level.WARNING),
        (5001, Level.FAULT), (-5001, Level.FAULT),
    ],
)  # fmt: skip
def test_how_far_clocks_may_be_apart(ahead_ms: int, level: Level) -> None:
    found = check_skew(ahead_ms)

    assert found.level is level
    assert ("behind" in found.found) is (ahead_ms < 0)


async def test_the_clocks_are_compared(server: EmbeddedValkey, owner: Any) -> None:
    del owner
    findings = await examine(server.url, ALWAYS, lambda: now_ms() - 10_000)

    (clock,) = [one for one in findings if one.check == "clock"]
    assert clock.level is Level.FAULT
    assert "ahead" in clock.found


async def test_hashes_that_would_not_stay_small(server: EmbeddedValkey, owner: Any) -> None:
    owner.config_set("hash-max-listpack-value", 64)

    found = (await examined(server))["hashes"]

    assert (found.level, found.step) == (Level.WARNING, "set hash-max-listpack-value 256")


# What else cannot be said without it.
BESIDE = {"time": {"clock"}, "get": {"layout"}}


@pytest.fixture
def login(server: EmbeddedValkey, owner: Any) -> Iterator[str]:
    """The URL of the documented login."""
    rules = documented().split(" ")
    owner.execute_command("ACL", "SETUSER", "ocs", "reset", "on", f"#{HASH}", *rules)
    yield server.url.replace("unix://", "unix://ocs@") + f"?password={PASSWORD}"
    owner.execute_command("ACL", "DELUSER", "ocs")


def test_the_rights_that_are_asked_for_are_those_that_are_documented() -> None:
    granted = {rule[1:] for rule in documented().split(" ") if rule.startswith("+")}

    assert set(NEEDED) == granted


async def test_the_documented_login_has_all_it_needs(
    server: EmbeddedValkey, owner: Any, login: str
) -> None:
    findings = await examined(server, Demands("everysec"), login)

    assert findings["rights"].level is Level.OK
    assert "a login of its own" in findings["rights"].found
    assert findings["durability"].found.startswith("everysec at least")
    assert not faults(findings)
    assert owner.dbsize() == 0
    assert owner.function_list() == []

    unproven = (await examined(server, ALWAYS, login))["durability"]
    assert unproven.level is Level.FAULT
    assert "+config|get" in unproven.step


@pytest.mark.parametrize("name", sorted(set(NEEDED) - {"info"}))
async def test_each_right_that_is_missing_is_named(
    server: EmbeddedValkey, owner: Any, login: str, name: str
) -> None:
    owner.execute_command("ACL", "SETUSER", "ocs", f"-{name}")
    findings = await examined(server, Demands("everysec"), login)

    found = findings["rights"]
    assert faults(findings) == {"rights"} | BESIDE.get(name, set())
    assert f"may not run {name} on" in found.found
    assert "docs/operations.md" in found.step
    assert owner.dbsize() == 0


async def test_a_login_for_other_keys_is_named(
    server: EmbeddedValkey, owner: Any, login: str
) -> None:
    owner.execute_command("ACL", "SETUSER", "ocs", "resetkeys", "~other:*", f"~{keys.layout_key()}")

    found = (await examined(server, Demands("everysec"), login))["rights"]

    assert found.level is Level.FAULT
    assert "get, set, del" in found.found
    assert "time" not in found.found


def doctor(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {f"OCS_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "ocs", "doctor", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_command_says_one_line_per_check(server: EmbeddedValkey, owner: Any) -> None:
    owner.config_set("appendfsync", "everysec")

    refused = doctor("--store-url", server.url)
    named = doctor("--durability", "everysec", store_url=server.url)
    by_setting = doctor(store_url=server.url, durability="everysec")
    machine = doctor("--json", store_url=server.url)

    assert (refused.returncode, named.returncode, by_setting.returncode) == (1, 0, 0)
    assert refused.stdout.count("\n") == 10
    assert "fault    durability  everysec: " in refused.stdout
    assert "; next: set appendfsync always, or accept everysec by name" in refused.stdout
    report = orjson.loads(machine.stdout)
    assert (machine.returncode, report["ok"]) == (1, False)
    (fault,) = [one for one in report["checks"] if one["result"] == "fault"]
    assert fault["check"] == "durability"
    assert {one["next"] for one in report["checks"] if one["result"] == "ok"} == {None}


def test_the_command_finds_the_store_of_a_directory(tmp_path: Path) -> None:
    with private_valkey(tmp_path):
        (tmp_path / "valkey").rename(tmp_path / "store")
        absent = doctor("--data-dir", str(tmp_path / "nothing"))
        unreachable = doctor("--store-url", f"unix://{tmp_path}/nobody")
        wrong = doctor(store_url="http://x")

    assert (absent.returncode, unreachable.returncode, wrong.returncode) == (5, 5, 5)
    assert "there is no store in" in absent.stderr
    assert "does not answer" in unreachable.stderr
    assert "OCS_STORE_URL: must start with" in wrong.stderr


def test_the_setting_of_a_service_is_what_the_doctor_demands() -> None:
    assert load_settings().durability == ALWAYS.durability
