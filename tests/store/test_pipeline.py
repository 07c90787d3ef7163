"""Batches on one connection to a real server: order, faults, and that nobody waits for ever."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.exceptions import OutOfMemoryError, ResponseError

from ocs.store import link
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.pipeline import BATCH_MAX, Pipeline, StoreLostError


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("valkey")) as store:
        yield store


@pytest.fixture
async def pipeline(server: EmbeddedValkey) -> AsyncIterator[Pipeline]:
    made = Pipeline(make_pool(server.url, 1))
    assert await made.send("FLUSHALL") == b"OK"
    yield made
    await made.close()


async def test_every_caller_gets_the_reply_to_its_own_command(pipeline: Pipeline) -> None:
    texts = [str(number) * (number % 97) for number in range(3 * BATCH_MAX)]
    replies = await asyncio.gather(*(pipeline.send("ECHO", text) for text in texts))
    assert replies == [text.encode() for text in texts]


async def test_commands_of_one_turn_share_a_batch_and_later_ones_wait_for_it(
    pipeline: Pipeline,
) -> None:
    before = pipeline.batch_count
    first = [pipeline.send("INCR", "n") for _ in range(BATCH_MAX + 1)]
    await first[0]
    later = [pipeline.send("INCR", "n") for _ in range(3)]
    assert [await each for each in first + later] == list(range(1, BATCH_MAX + 5))
    assert pipeline.batch_count - before in (2, 3)  # the last of the first may go with the later


async def test_a_refusal_is_a_value_and_spares_its_neighbours(pipeline: Pipeline) -> None:
    wrong, right = pipeline.send("NOSUCH"), pipeline.send("PING")
    assert isinstance(await wrong, ResponseError)
    assert await right == b"PONG"


async def test_refusals_keep_their_kind(server: EmbeddedValkey, pipeline: Pipeline) -> None:
    assert await pipeline.send("CONFIG", "SET", "maxmemory", "1") == b"OK"
    try:
        assert isinstance(await pipeline.send("SET", "a", "b"), OutOfMemoryError)
    finally:
        assert await pipeline.send("CONFIG", "SET", "maxmemory", "0") == b"OK"
    assert server.is_alive


async def test_a_caller_that_leaves_disturbs_no_other(pipeline: Pipeline) -> None:
    left, stays = pipeline.send("ECHO", "left"), pipeline.send("ECHO", "stays")
    left.cancel()
    assert await stays == b"stays"
    assert await pipeline.send("ECHO", "next") == b"next"


async def test_an_argument_that_cannot_be_sent_is_the_fault_of_its_caller(
    pipeline: Pipeline,
) -> None:
    with pytest.raises(TypeError):
        pipeline.send("ECHO", None)  # type: ignore[arg-type]
    assert await pipeline.send("PING") == b"PONG"


async def test_not_let_in_is_a_lost_store_not_an_answer(
    server: EmbeddedValkey, pipeline: Pipeline
) -> None:
    stranger = Pipeline(make_pool(server.url, 1))
    assert await pipeline.send("CONFIG", "SET", "requirepass", "secret") == b"OK"
    try:
        with pytest.raises(StoreLostError):
            await stranger.send("PING")  # refused while it connects
        assert await pipeline.send("RESET") == b"RESET"  # forgets that it was let in
        with pytest.raises(StoreLostError, match="AuthenticationError"):
            await pipeline.send("PING")
        assert await pipeline.send("AUTH", "secret") == b"OK"
    finally:
        assert await pipeline.send("CONFIG", "SET", "requirepass", "") == b"OK"
    assert await stranger.send("PING") == b"PONG"
    await stranger.close()


async def test_a_killed_store_fails_what_was_sent_and_a_new_one_is_found(tmp_path: Path) -> None:
    with private_valkey(tmp_path, "always") as store:
        pipeline = Pipeline(make_pool(store.url, 1))
        assert await pipeline.send("SET", "a", "1") == b"OK"
        os.kill(store.pid, signal.SIGSTOP)
        sent = [pipeline.send("INCR", "a") for _ in range(3)]
        await asyncio.sleep(0)
        store.kill()
        for each in await asyncio.gather(*sent, return_exceptions=True):
            assert isinstance(each, StoreLostError)
        with pytest.raises(StoreLostError):
            await pipeline.send("PING")  # nobody listens
        store.wait_dead()
        store.restart()
        assert int(await pipeline.send("GET", "a") or 0) in range(1, 5)  # type: ignore[arg-type]
        await pipeline.close()


async def test_a_silent_store_is_taken_for_lost(
    server: EmbeddedValkey, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "SILENCE_MAX_S", 0.05)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreLostError, match="TimeoutError"):
            await pipeline.send("PING")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert await pipeline.send("PING") == b"PONG"


async def test_closing_finishes_what_is_queued(server: EmbeddedValkey) -> None:
    pipeline = Pipeline(make_pool(server.url, 1))
    sent = [pipeline.send("ECHO", str(number)) for number in range(2 * BATCH_MAX)]
    await pipeline.close()
    assert [each.result() for each in sent] == [str(n).encode() for n in range(2 * BATCH_MAX)]


async def test_closing_while_nobody_listens_ends(tmp_path: Path) -> None:
    pipeline = Pipeline(make_pool(f"unix://{tmp_path}/none", 1))
    sent = pipeline.send("PING")
    await pipeline.close()
    with pytest.raises(StoreLostError):
        await sent
