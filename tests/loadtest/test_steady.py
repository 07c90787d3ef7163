"""A short share of the steady load runs, and its books are right. No figure is judged."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from loadtest.memory import Series
from loadtest.steady import VERDICT_MIN_S, Steady, age
from ocs.store.embedded import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.xdist_group("services")
def test_it_runs_and_shows_rate_lag_and_memory() -> None:
    sizes = {"minutes": "0.05", "warm-s": "1", "age-s": "10", "accounts": "20"}

    done = subprocess.run(
        [sys.executable, "-m", "loadtest.steady", *(f"--{k}={v}" for k, v in sizes.items())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"audit: ok \(20 accounts, [1-9]\d* events\)", lines[0])
    assert re.match(r"unary at full rate: [\d,]+ calls/s, [1-9][\d,]* calls", lines[1])
    assert re.match(r"lag from charge to view: median \d+\.\d\d s, p99 ", lines[2])
    assert re.match(r"store aged by [1-9][\d,]* copies", lines[3])
    shown = [line[:16].strip() for line in lines[5:10]]
    assert shown == ["store", "journal in it", "service", "archiver", "figures"]
    assert lines[10] == "memory: no verdict, too short"


@pytest.fixture
def asking(store: EmbeddedValkey) -> Iterator["redis.Redis"]:
    with redis.Redis(unix_socket_path=str(store.socket_path)) as client:
        client.flushall()
        yield client
        client.flushall()


def test_an_aged_store_holds_what_the_load_would_have_left(asking: "redis.Redis") -> None:
    asking.set("{tag}:record:before", "kept", px=100_000)
    asking.set("{tag}:account:a", "no life of its own")
    before = set(asking.keys())
    asking.hset("{tag}:record:new", "field", "value")
    asking.pexpire("{tag}:record:new", 100_000)
    asking.set("{tag}:account:b", "opened by the load")

    made = age(asking, before, ran_s=30.0, age_s=60.0)

    # 70 s and 40 s are left of it; the third copy would be of before the time asked for.
    copies = sorted(asking.keys("*~*"))
    assert (made, copies) == (2, [b"{tag}:record:new~30000", b"{tag}:record:new~60000"])
    assert [asking.hget(copy, "field") for copy in copies] == [b"value"] * 2
    lives_ms = [asking.pttl(copy) for copy in copies]
    assert 60_000 < lives_ms[0] <= 70_000
    assert 30_000 < lives_ms[1] <= 40_000


def test_nothing_is_copied_that_would_be_gone(asking: "redis.Redis") -> None:
    asking.set("{tag}:record:new", "value", px=100_000)

    assert age(asking, (), ran_s=40.0, age_s=3_600.0) == 2


@pytest.mark.parametrize(("last", "unflat"), [(100, []), (105, []), (106, ["store"])])
def test_memory_that_grows_is_named(last: int, unflat: list[str]) -> None:
    values = [50] * 3 + [100] * 3 + [last] * 3
    series = Series("store", list(range(len(values))), values)
    flat = Series("service", list(range(3)), [7, 7, 7])
    cache = Series("figures", list(range(3)), [1, 2, 3])
    seen = {"store": series, "service": flat, "figures": cache}

    found = Steady(calls=1, seconds=VERDICT_MIN_S, series=seen)

    assert found.unflat() == unflat
