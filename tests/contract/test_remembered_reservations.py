"""What a server remembers of reservations: those that are open."""

import pytest

from ocs.domain.answer import Outcome, Reason
from ocs.domain.commands import Release
from ocs.domain.reservation import Step
from tests.contract.bench import Bench

AT = ("main", "a1")
# The other ledger has nothing to remember: it has the accounts themselves.
pytestmark = pytest.mark.parametrize("bench", ["valkey"], indirect=True)


async def remembered(bench: Bench, name: str = "r1") -> bool:
    """Without asking the store."""
    return await bench.ledger.reservation_facts(*AT, name) is not None


async def test_a_reservation_is_remembered_until_it_ends(bench: Bench) -> None:
    await bench.open()
    await bench.reserve(100)
    granted = await remembered(bench)
    await bench.settle(10, Step.KEEP)
    kept = await remembered(bench)
    await bench.settle(10, Step.NEXT_GRANT)
    onward = await remembered(bench)
    await bench.settle(10, Step.CLOSE)

    assert (granted, kept, onward, await remembered(bench)) == (True, True, True, False)


async def test_a_release_ends_it_and_a_refused_commit_does_not(bench: Bench) -> None:
    await bench.open()
    await bench.reserve(100)
    call = bench.call()
    facts = await bench.ledger.reservation_facts(*AT, "r1")
    release = Release(
        profile=await bench.profile(), reservation=facts, reservation_id="r1", **call
    )  # fmt: skip
    released = await bench.ledger.execute(release)

    assert released.outcome is Outcome.RELEASED
    assert not await remembered(bench)
    assert (await bench.ledger.execute(release)).replayed
    # Asked again, the store says that it has ended.
    assert (await bench.settle(1, Step.CLOSE)).reason is Reason.RESERVATION_CLOSED
