"""Thresholds of buckets, on both ledgers."""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import SetBucketThreshold
from ocs.domain.reservation import Step
from ocs.domain.units import Unit
from tests.contract.bench import Bench


async def threshold(bench: Bench, quantity: int, name: str = "main") -> Answer:
    unit = Unit.MICROS if name == "main" else Unit.OCTETS
    return await bench.ledger.execute(
        SetBucketThreshold(bucket_id=name, unit=unit, threshold=quantity, **bench.call())
    )


async def low(bench: Bench, name: str = "main") -> bool:
    return (await bench.state()).thresholds[name].low


async def test_a_balance_is_low_at_its_threshold_and_not_before(bench: Bench) -> None:
    """Held money is still there; what is used is not."""
    await bench.open()
    await threshold(bench, 400)

    await bench.reserve(300)
    held = await low(bench)
    await bench.settle(299, Step.KEEP)
    above = await low(bench)
    await bench.settle(1, Step.CLOSE)
    at = await low(bench)
    await bench.top_up("main", 1)
    armed = await low(bench)

    assert (held, above, at, armed) == (False, False, True, False)


async def test_a_threshold_names_a_bucket_as_it_is(bench: Bench) -> None:
    await bench.open()
    wrong = SetBucketThreshold(bucket_id="main", unit=Unit.COUNT, threshold=1, **bench.call())

    assert (await threshold(bench, 1, "b9")).reason is Reason.BUCKET_NOT_FOUND
    assert (await bench.ledger.execute(wrong)).reason is Reason.BUCKET_MISMATCH
    assert (await threshold(bench, 1_000)).outcome is Outcome.DONE
    assert await low(bench)
    assert (await threshold(bench, -1)).outcome is Outcome.DONE
    assert (await bench.state()).thresholds == {}
