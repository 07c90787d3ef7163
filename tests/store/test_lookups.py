"""Claims of identities and payment references: one owner at a time, whoever dies in between."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.limits import CLAIM_PENDING_MS
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.ledger import ValkeyLedger

NOW_MS = 1_790_000_000_000
LAPSED_MS = NOW_MS + CLAIM_PENDING_MS
KEY = keys.lookup_key("main", "payment", "p1")
FIRST, OTHER = "a1/-/q1", "a2/-/q2"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("valkey")) as store:
        yield store


class Index:
    """The scripts of the index, at a time of the test's own."""

    def __init__(self, ledger: ValkeyLedger) -> None:
        self.ledger = ledger
        self.pipeline = ledger.pipeline_of("main", "p1")

    async def claim(self, owner: str, now_ms: int) -> str:
        return (await self.call("claim_lookup", str(now_ms), owner)).decode()

    async def settle(self, claim: str, verdict: str) -> None:
        _, owner, deadline_ms = claim.split(" ")
        await self.call("settle_lookup", owner, deadline_ms, verdict)

    async def call(self, name: str, *argv: str) -> bytes:
        reply = await self.ledger.call(self.pipeline, name, [KEY], argv, NOW_MS)
        assert isinstance(reply, bytes)
        return reply


@pytest.fixture
async def index(server: EmbeddedValkey) -> AsyncIterator[Index]:
    ledger = ValkeyLedger(make_pool(server.url, 1), connections=1, now_ms=lambda: NOW_MS)
    made = Index(ledger)
    await made.pipeline.send("DEL", KEY)
    yield made
    await ledger.close()


async def test_another_waits_until_the_claim_has_lapsed(index: Index) -> None:
    assert await index.claim(FIRST, NOW_MS) == f"claimed {FIRST} {LAPSED_MS}"
    assert await index.claim(OTHER, LAPSED_MS - 1) == f"pending {FIRST} {LAPSED_MS}"
    assert await index.claim(OTHER, LAPSED_MS) == f"lapsed {FIRST} {LAPSED_MS}"


async def test_who_claims_again_has_the_whole_time_again(index: Index) -> None:
    await index.claim(FIRST, NOW_MS)
    again = f"{FIRST} {LAPSED_MS + CLAIM_PENDING_MS}"
    assert await index.claim(FIRST, LAPSED_MS) == f"claimed {again}"
    assert await index.claim(OTHER, LAPSED_MS + 1) == f"pending {again}"


async def test_a_claim_made_anew_is_not_dropped_for_the_old_one(index: Index) -> None:
    await index.claim(FIRST, NOW_MS)
    lapsed = await index.claim(OTHER, LAPSED_MS)
    anew = await index.claim(FIRST, LAPSED_MS + 1)

    await index.settle(lapsed, "dropped")

    assert (await index.claim(OTHER, LAPSED_MS + 2)).startswith(f"pending {FIRST}")
    await index.settle(anew, "dropped")
    assert (await index.claim(OTHER, LAPSED_MS + 2)).startswith(f"claimed {OTHER}")


async def test_what_is_confirmed_is_taken_for_good(index: Index) -> None:
    claim = await index.claim(FIRST, NOW_MS)
    await index.settle(claim, "confirmed")
    await index.settle(claim, "dropped")

    assert await index.claim(FIRST, LAPSED_MS) == f"claimed {FIRST} 0"
    assert await index.claim(OTHER, LAPSED_MS) == f"taken {FIRST} 0"


async def test_what_is_confirmed_is_free_once_its_owner_has_it_no_more(index: Index) -> None:
    claim = await index.claim(FIRST, NOW_MS)
    await index.settle(claim, "released")
    assert await index.claim(OTHER, NOW_MS) == f"pending {FIRST} {LAPSED_MS}"
    await index.settle(claim, "confirmed")
    await index.settle(claim, "released")
    assert await index.claim(OTHER, NOW_MS) == f"taken {FIRST} 0"

    await index.settle(f"taken {OTHER} 0", "released")
    assert await index.claim(OTHER, NOW_MS) == f"taken {FIRST} 0"
    await index.settle(f"taken {FIRST} 0", "released")
    assert (await index.claim(OTHER, NOW_MS)).startswith(f"claimed {OTHER}")


async def test_another_owners_claim_is_not_settled(index: Index) -> None:
    first = await index.claim(FIRST, NOW_MS)
    await index.settle(first, "dropped")
    other = await index.claim(OTHER, NOW_MS)

    await index.settle(first, "confirmed")

    assert await index.claim(OTHER, NOW_MS) == other
