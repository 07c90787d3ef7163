"""Servers whose scripts are known to let an attacker out do not hold money."""

from collections.abc import Collection

import pytest

from ocs.settings import SettingsError, load_settings
from ocs.store.advisories import ADVISORIES, Product, Version, open_cves
from ocs.store.fitness import FITNESS, Demands, Level, StoreFacts

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


def refusal(said: str, accepted: Collection[str] = (), policy: str = "noeviction") -> str:
    """What a start refuses a server with that says this of itself; empty if it takes it."""
    lines = f"{said}\naof_enabled:1\nmaxmemory_policy:{policy}".splitlines()
    facts = StoreFacts(dict(line.split(":", 1) for line in lines), {"appendfsync": "always"})
    found = (check(facts, Demands("always", accepted)) for check in FITNESS)
    faults = (f"{one.found}: {one.step}" for one in found if one.level is Level.FAULT)
    return next(faults, "")


VALKEY_805 = "server_name:valkey\nredis_version:7.2.4\nvalkey_version:8.0.5"


def test_a_server_of_a_known_flaw_is_refused_with_its_numbers() -> None:
    text = refusal(VALKEY_805)

    assert text.startswith("the store is Valkey 8.0.5, whose scripts are open to CVE-2025-46817, ")
    assert "CVE-2025-49844" in text
    assert "OCS_STORE_CVES_ACCEPTED" in text


def test_an_operator_may_vouch_for_each_number() -> None:
    known = open_cves("Valkey", (8, 0, 5))

    assert refusal(VALKEY_805, known) == ""
    assert f"open to {known[0]}:" in refusal(VALKEY_805, known[1:])


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
def test_what_a_server_says_of_itself(text: str, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    "text", ["redis_version:8.8.2", "redis_version:7.2.4\nvalkey_version:9.1.2"]
)
def test_a_good_server_is_taken(text: str) -> None:
    assert refusal(text) == ""
    assert "deletes balances" in refusal(text, policy="allkeys-lru")


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
