"""What a backup file is refused for, and a place that it is to be restored into."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ocs.store import keys
from ocs.store.backup_file import BackupError, Header, new_backup, unpack
from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey
from ocs.store.restore import restore_directory
from tests.security.test_store_user import HASH, OPERATIONS, PASSWORD, documented
from tests.store.backup.support import contents, ocs
from tests.support.live import connect

CALLERS = 12
BEFORE_COUNT = 300


def test_a_store_that_is_not_empty_is_refused_and_left_as_it_is(
    made: Path, tmp_path: Path, store: EmbeddedValkey
) -> None:
    with connect(store) as owner:
        owner.set("{x}:else", "1")
        was = contents(store.url)
        status, _, said = ocs("restore", str(made), "--store-url", store.url)
        assert status == 5
        assert "the store is not empty: stop every service on it" in said
        assert contents(store.url) == was

    (tmp_path / "dir").mkdir()
    store.stop()
    store.data_dir.rename(tmp_path / "dir" / "store")
    status, _, said = ocs("restore", str(made), "--data-dir", str(tmp_path / "dir"))
    assert status == 5
    assert "holds a store: restore into an empty directory" in said


def test_a_directory_in_use_is_refused(made: Path, tmp_path: Path) -> None:
    options = EmbeddedOptions(tmp_path / "dir" / "store", "memory")
    with EmbeddedValkey.start(options):
        status, _, said = ocs("restore", str(made), "--data-dir", str(tmp_path / "dir"))

    assert status == 5
    assert "is in use by process" in said


def damaged(made: Path) -> Iterator[tuple[str, bytes]]:
    whole = made.read_bytes()
    for cut in (0, 1, 12, 40, 120, len(whole) // 2, len(whole) - 96, len(whole) - 1):
        yield f"cut to {cut}", whole[:cut]
    for place in (20, 60, 200, len(whole) // 2, len(whole) - 100, len(whole) - 30):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        yield f"flipped at {place}", bytes(flipped)
    yield "too long", whole + b"\n"
    middle = len(whole) // 2
    yield "without a byte", whole[:middle] + whole[middle + 1 :]


def test_a_file_that_is_cut_or_changed_is_refused_and_leaves_nothing(
    made: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bad.ocs"
    for what, content in damaged(made):
        file.write_bytes(content)
        with pytest.raises(BackupError):
            restore_directory(file, tmp_path / "into", lambda *_: None)
        assert not list((tmp_path / "into").glob("append*")), what

    restore_directory(made, tmp_path / "into", lambda *_: None)
    assert list((tmp_path / "into").glob("append*"))


def test_the_command_says_what_is_wrong_with_a_file(made: Path, tmp_path: Path) -> None:
    whole = made.read_bytes()
    file = tmp_path / "bad.ocs"
    said = {}
    for name, content in {
        "cut": whole[:-10],
        "newer": whole.replace(b"OCS-BACKUP 1\n", b"OCS-BACKUP 2\n"),
        "newer layout": whole.replace(b'"1 256"', b'"2 256"'),
        "other": b"PK\x03\x04 something",
    }.items():
        file.write_bytes(content)
        status, _, said[name] = ocs("restore", str(file), "--data-dir", str(tmp_path / "into"))
        assert status == 5
    status, _, said["absent"] = ocs("restore", str(tmp_path / "no"), "--data-dir", str(tmp_path))

    assert "is not what was written: cut short, or changed" in said["cut"]
    assert "has backup format 2; this version reads 1" in said["newer"]
    assert "format 2, of a newer ocs" in said["newer layout"]
    assert "is no backup of ocs" in said["other"]
    assert "cannot be read: No such file" in said["absent"]
    assert not (tmp_path / "into").exists() or not list((tmp_path / "into").rglob("*.rdb"))


def test_a_seal_over_what_no_server_can_load_leaves_an_empty_directory(tmp_path: Path) -> None:
    file = tmp_path / "nonsense.ocs"
    with new_backup(file, Header("2026-11-23T00:00:00+00:00", "1 256", "Valkey", "9.1.2")) as out:
        out.write(b"REDIS0011 and then nothing of a snapshot")

    status, _, said = ocs("restore", str(file), "--data-dir", str(tmp_path / "into"))

    assert status == 5
    assert "ended at start" in said
    assert not (tmp_path / "into" / "store" / "appendonlydir").exists()


def test_a_backup_overwrites_nothing_and_leaves_no_part(
    made: Path, tmp_path: Path, store: EmbeddedValkey
) -> None:
    was = made.read_bytes()
    status, _, said = ocs("backup", str(made), "--store-url", store.url)
    assert (status, made.read_bytes()) == (5, was)
    assert "a backup never overwrites" in said

    status, _, said = ocs("backup", str(tmp_path / "no" / "x"), "--store-url", store.url)
    assert status == 5
    assert "cannot be written: No such file" in said

    left = tmp_path / "left.partial"
    left.write_bytes(b"of somebody else")
    status, _, said = ocs("backup", str(tmp_path / "left"), "--store-url", store.url)
    assert (status, left.read_bytes()) == (5, b"of somebody else")
    assert "left.partial exists: another backup writes it, or one was broken off" in said

    with pytest.raises(RuntimeError):
        break_off(tmp_path / "part")
    assert not list(tmp_path.glob("part*"))


def break_off(path: Path) -> None:
    with new_backup(path, Header("", "", "", "")) as writer:
        writer.write(b"half")
        raise RuntimeError


def test_a_backup_is_its_owners_alone(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o600


def test_the_documented_backup_login_is_enough_and_reads_no_account(
    tmp_path: Path, store: EmbeddedValkey
) -> None:
    page = OPERATIONS.read_text("utf-8")
    found = re.search(r"^user ocs-backup on #<[^>]*> (.+)$", page, re.MULTILINE)
    assert found is not None
    with connect(store) as owner:
        rules = found[1].split(" ")
        owner.execute_command("ACL", "SETUSER", "ocs-backup", "reset", "on", f"#{HASH}", *rules)
        owner.set("{00zs}:else", "1")
    url = store.url.replace("unix://", "unix://ocs-backup@") + f"?password={PASSWORD}"

    status, _, said = ocs("backup", str(tmp_path / "b"), "--store-url", url)

    assert (status, said) == (0, "")
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as login:
        for command in (("GET", "{00zs}:else"), ("SET", "{00zs}:layout", "1"), ("KEYS", "*")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                login.execute_command(*command)


def test_a_login_without_the_right_is_told(tmp_path: Path, store: EmbeddedValkey) -> None:
    with connect(store) as owner:
        rules = documented().split(" ")
        owner.execute_command("ACL", "SETUSER", "ocs", "reset", "on", f"#{HASH}", *rules)
    url = store.url.replace("unix://", "unix://ocs@") + f"?password={PASSWORD}"

    status, _, said = ocs("backup", str(tmp_path / "b"), "--store-url", url)

    assert status == 5
    assert "the login may not take a snapshot" in said
    assert not list(tmp_path.glob("b*"))


def test_a_store_that_is_half_restored_is_neither_served_nor_backed_up(
    made: Path, tmp_path: Path, store: EmbeddedValkey
) -> None:
    with connect(store) as owner:
        owner.set(keys.layout_key(), "restoring")

    assert "has not ended" in ocs("backup", str(tmp_path / "b"), "--store-url", store.url)[2]
    assert "not empty" in ocs("restore", str(made), "--store-url", store.url)[2]


def test_a_target_without_room_says_so_and_stays_marked(made: Path, store: EmbeddedValkey) -> None:
    with connect(store) as owner:
        owner.config_set("maxmemory", "1mb")
        status, _, said = ocs("restore", str(made), "--store-url", store.url)

        assert status == 5
        assert "too little memory" in said


def test_unpack_tells_how_far_it_is(made: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    unpack(made, tmp_path / "snapshot", lambda done, total: told.append((done, total)))

    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {made.stat().st_size}
