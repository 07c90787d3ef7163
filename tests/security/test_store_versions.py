"""Servers whose scripts are known to let an attacker out do not hold money."""

import asyncio
from typing import Any

import pytest

from ocs.settings import SettingsError, load_settings
from ocs.store.advisories import ADVISORIES, Product, Version, open_cves
from ocs.store.connect import StoreUnfitError, check_store

OCTOBER_2025 = ["CVE-2025-46817", "CVE-2025-46818", "CVE-2025-46819", "CVE-2025-49844"]


@pytest.mark.parametrize(
    ("product", "bad", "good"),
    [
        ("Valkey", (7, 2, 10), (7, 2, 11)),
        ("Valkey", (8, 0, 5), (8, 0, 6)),
        ("Valkey", (8, 1, 3), (8, 1, 4)),
        ("Valkey", (8, 2, 0), (9, 0, 0)),
        ("Redis", (7, 2, 10), (7, 2, 11)),
        ("Redis", (7, 4, 5), (7, 4, 6)),
        ("Redis", (8, 0, 3), (8, 0, 4)),
        ("Redis", (8, 2, 1), (8, 2, 2)),
        ("Redis", (8, 1, 240), (8, 3, 0)),
    ],
)
def test_the_first_good_patch_of_a_branch(product: Product, bad: Version, good: Version) -> None:
    assert open_cves(product, bad)[:4] == OCTOBER_2025
    assert not set(OCTOBER_2025) & set(open_cves(product, good))


@pytest.mark.parametrize(
    ("product", "version", "cves"),
    [
        ("Valkey", (9, 0, 2), ["CVE-2025-67733", "CVE-2026-23631"]),
        ("Valkey", (9, 0, 3), ["CVE-2026-23631"]),
        ("Valkey", (9, 0, 4), []),
        ("Valkey", (8, 1, 7), []),
        ("Valkey", (9, 1, 0), []),
        ("Valkey", (255, 255, 255), []),
        ("Redis", (7, 2, 13), ["CVE-2026-23631"]),
        ("Redis", (7, 2, 14), []),
        ("Redis", (8, 0, 9), ["CVE-2026-23631"]),  # the branch had ended
        ("Redis", (8, 4, 3), []),
        ("Redis", (8, 8, 0), []),
    ],
)
def test_later_advisories(product: Product, version: Version, cves: list[str]) -> None:
    assert open_cves(product, version) == cves


def test_no_number_is_in_two_advisories() -> None:
    numbers = [cve for advisory in ADVISORIES for cve in advisory.cves]

    assert len(set(numbers)) == len(numbers)
    assert all(load_settings(store_cves_accepted=cve).cves_accepted == {cve} for cve in numbers)


class Server:
    """A store that says this of itself."""

    def __init__(self, server: str, policy: str = "noeviction") -> None:
        self.said = {
            "server": server,
            "memory": f"maxmemory_policy:{policy}",
            "persistence": "aof_enabled:1",
        }

    def send(self, *command: str) -> Any:
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if command[0] == "INFO":
            text = "# Section\r\n" + self.said[command[1]].replace("\n", "\r\n") + "\r\n"
            reply.set_result(text.encode())
        else:
            reply.set_result([b"appendfsync", b"always"])
        return reply


def pipeline(text: str, **said: str) -> Any:
    return Server(text, **said)


VALKEY_805 = "server_name:valkey\nredis_version:7.2.4\nvalkey_version:8.0.5"


async def test_a_server_of_a_known_flaw_is_refused_with_its_numbers() -> None:
    with pytest.raises(StoreUnfitError) as caught:
        await check_store(pipeline(VALKEY_805))

    text = str(caught.value)
    assert text.startswith("the store is Valkey 8.0.5, whose scripts are open to CVE-2025-46817, ")
    assert "CVE-2025-49844" in text
    assert "OCS_STORE_CVES_ACCEPTED" in text


async def test_an_operator_may_vouch_for_each_number() -> None:
    known = open_cves("Valkey", (8, 0, 5))

    assert await check_store(pipeline(VALKEY_805), known) == "always"
    with pytest.raises(StoreUnfitError, match=rf"open to {known[0]}:"):
        await check_store(pipeline(VALKEY_805), known[1:])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("redis_version:7.4.5", "the store is Redis 7.4.5, whose scripts"),
        ("redis_version:7.0.15", "at least Redis 7.2"),
        ("redis_version:6.2.20", "at least Redis 7.2"),
        ("nothing:of it", "at least Redis 7.2"),
        ("redis_version:next", "at least Redis 7.2"),
        ("redis_version:7.2.4\nvalkey_version:next", "the store is Valkey next, whose scripts"),
    ],
)
async def test_what_a_server_says_of_itself(text: str, message: str) -> None:
    with pytest.raises(StoreUnfitError, match=message):
        await check_store(pipeline(text))


@pytest.mark.parametrize(
    "text", ["redis_version:8.8.2", "redis_version:7.2.4\nvalkey_version:9.1.2"]
)
async def test_a_good_server_is_taken(text: str) -> None:
    assert await check_store(pipeline(text)) == "always"
    with pytest.raises(StoreUnfitError, match="deletes balances"):
        await check_store(pipeline(text, policy="allkeys-lru"))


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("", set()),
        ("CVE-2025-49844", {"CVE-2025-49844"}),
        ("CVE-2025-49844,CVE-2026-23631", {"CVE-2025-49844", "CVE-2026-23631"}),
    ],
)
def test_the_numbers_of_the_setting(value: str, numbers: set[str]) -> None:
    assert load_settings(store_cves_accepted=value).cves_accepted == numbers


@pytest.mark.parametrize("value", ["all", "CVE-1", "CVE-2025-49844,", "CVE-2025-49844 "])
def test_a_setting_that_names_no_number(value: str) -> None:
    with pytest.raises(SettingsError, match="OCS_STORE_CVES_ACCEPTED: must be like CVE-"):
        load_settings(store_cves_accepted=value)
