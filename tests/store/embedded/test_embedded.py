"""What the embedded store promises about its settings, its data and its directory."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ocs.store.embedded import (
    Durability,
    EmbeddedOptions,
    EmbeddedStoreError,
    EmbeddedValkey,
    private_valkey,
)
from ocs.store.embedded_config import half_of_memory_bytes
from tests.store.embedded.support import (
    Serve,
    Start,
    connect,
    is_running,
    log_of_reads,
    newest_log,
)


@pytest.mark.parametrize(
    ("durability", "appendonly", "appendfsync"),
    [("memory", "no", "no"), ("everysec", "yes", "everysec"), ("always", "yes", "always")],
)
def test_server_runs_with_the_promised_settings(
    start: Start,
    data_dir: Path,
    durability: Durability,
    appendonly: str,
    appendfsync: str,
) -> None:
    store = start(durability=durability)

    promised = {
        "appendonly": appendonly,
        "appendfsync": appendfsync,
        "no-appendfsync-on-rewrite": "no",
        "aof-load-truncated": "yes",
        "save": "",
        "port": "0",
        "maxmemory": str(half_of_memory_bytes()),
        "maxmemory-policy": "noeviction",
        "hash-max-listpack-value": "256",
        "active-expire-effort": "10",
        "unixsocketperm": "700",
        "dir": str(data_dir),
    }
    assert promised == connect(store).config_get(*promised)
    assert durability == store.durability


def test_maxmemory_is_what_was_asked_for(start: Start) -> None:
    store = start(durability="memory", maxmemory_bytes=50_000_000)

    assert connect(store).config_get("maxmemory") == {"maxmemory": "50000000"}


@pytest.mark.parametrize("bad", [{"maxmemory_bytes": 0}, {"start_timeout_s": 0.0}])
def test_option_out_of_bounds_is_refused_by_name(data_dir: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        EmbeddedOptions(data_dir=data_dir, **bad)


def test_only_the_owner_reaches_directory_and_socket(start: Start, data_dir: Path) -> None:
    data_dir.mkdir(mode=0o755)

    store = start()

    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.socket_path.stat().st_mode) == 0o700
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) & 0o677 for path in files}


def test_data_survive_a_stop_and_a_start(start: Start) -> None:
    for expected in (1, 2, 3):
        store = start()
        assert expected == connect(store).incr("figure")
        store.stop()


@pytest.mark.parametrize("durability", ["everysec", "always"])
def test_data_survive_sigkill_and_the_url_stays(start: Start, durability: Durability) -> None:
    store = start(durability=durability)
    url, first_pid = store.url, store.pid
    connect(store).incrby("figure", 41)

    store.kill()
    assert store.wait_dead(10)
    assert not store.is_alive
    store.restart()

    assert connect(store).incr("figure") == 42
    assert (url, True) == (store.url, store.is_alive)
    assert first_pid != store.pid


def test_private_store_of_a_test_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for expected in (1, 2):
        with private_valkey(tmp_path, "always") as store:
            assert tmp_path / "valkey" == store.data_dir
            assert expected == connect(store).incr("figure")


@pytest.mark.parametrize("name", ["d" * 120, 'a "b"\\c\n\tü'])
def test_any_directory_name_works(start: Start, tmp_path: Path, name: str) -> None:
    store = start(data_dir=tmp_path / name / "data")
    connect(store).incr("figure")
    store.kill()
    assert store.wait_dead(10)
    store.stop()

    again = start(data_dir=tmp_path / name / "data")

    assert connect(again).incr("figure") == 2
    assert {"dir": str(tmp_path / name / "data")} == connect(again).config_get("dir")


def test_long_directory_has_its_socket_in_a_short_private_one(
    start: Start, serve: Serve, data_dir: Path
) -> None:
    long_dir = data_dir / ("d" * 120)
    store = start(data_dir=long_dir)
    private_dir = store.socket_path.parent

    assert Path(tempfile.gettempdir()) == private_dir.parent
    assert stat.S_IMODE(private_dir.stat().st_mode) == 0o700
    assert str(store.socket_path) == (long_dir / "socket_path").read_text("utf-8")
    store.kill()
    assert store.wait_dead(10)
    store.restart()
    assert private_dir == store.socket_path.parent

    store.stop()
    assert not private_dir.exists()
    assert not (long_dir / "socket_path").exists()

    orphaned = serve(long_dir, tie="free")
    orphaned.kill()
    assert connect(start(data_dir=long_dir)).incr("figure") == 2
    assert not is_running(orphaned.store_pid)


def test_torn_tail_of_the_log_loses_the_last_write_only(start: Start, data_dir: Path) -> None:
    store = start()
    for _ in range(3):
        connect(store).incr("figure")
    store.stop()
    log = newest_log(data_dir)
    os.truncate(log, log.stat().st_size - 5)

    assert connect(start()).get("figure") == "2"


def test_corrupt_log_is_an_error_that_names_the_cause_and_frees_the_directory(
    start: Start, data_dir: Path
) -> None:
    store = start()
    for _ in range(100):
        connect(store).incr("figure")
    store.stop()
    log = newest_log(data_dir)
    sound = log.read_bytes()
    log.write_bytes(sound[:200] + b"\xff" * 50 + sound[250:])

    with pytest.raises(EmbeddedStoreError) as refused:
        start()

    assert f"data_dir {data_dir} ended at start (exit 1)" in str(refused.value)
    assert "Bad file format reading the append only file" in str(refused.value)
    log.write_bytes(sound)
    assert connect(start()).get("figure") == "100"


def test_loading_is_reported_and_ends_with_the_data(start: Start, data_dir: Path) -> None:
    start().stop()
    newest_log(data_dir).write_bytes(log_of_reads("figure", 4_000_000, 10_000))
    lines: list[str] = []

    store = start(lines.append)

    assert [line for line in lines if line.startswith("loading the log: ") and " % of " in line]
    assert connect(store).strlen("figure") == 4_000_001


def test_durability_memory_keeps_nothing_and_never_passes_over_a_log(
    start: Start, data_dir: Path
) -> None:
    store = start(durability="memory")
    connect(store).incr("figure")
    store.stop()
    store = start(durability="always")
    assert connect(store).incr("figure") == 1
    store.stop()

    with pytest.raises(EmbeddedStoreError, match=f"{data_dir} holds a log"):
        start(durability="memory")


def test_logs_of_old_runs_are_few(start: Start, data_dir: Path) -> None:
    for _ in range(7):
        start(durability="memory").stop()
    store = start(durability="memory")

    kept = sorted(path.name for path in data_dir.glob("valkey.log*"))
    assert ["valkey.log", *(f"valkey.log.{age}" for age in range(1, 6))] == kept
    assert f"pid={store.pid}" in (data_dir / "valkey.log").read_text("utf-8")


def test_unusable_directory_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedStoreError, match=f"data_dir {tmp_path}/file cannot be used"):
        EmbeddedValkey.start(EmbeddedOptions(data_dir=tmp_path / "file"))
