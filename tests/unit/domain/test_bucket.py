"""The order of consumption and what a bucket may pay for."""

import pytest

from ocs.domain.bucket import MAIN, Bucket, BucketTerms, consumption_order
from ocs.domain.units import Unit


def bucket(name: str, unit: Unit = Unit.OCTETS, priority: int = 5, expire_ms: int = 0) -> Bucket:
    return Bucket(name, BucketTerms(unit, priority, expire_ms=expire_ms))


def test_order_of_consumption() -> None:
    expected = [
        bucket("early", priority=1),
        bucket("ends-first", expire_ms=10),
        bucket("ends-later", expire_ms=20),
        bucket("a-never-ends"),
        bucket("b-never-ends"),
        bucket("a-money", Unit.MICROS),
        bucket("z-late", priority=900),
        bucket(MAIN, Unit.MICROS, priority=0),
    ]

    shuffled = expected[3:] + expected[:3]

    assert sorted(shuffled, key=consumption_order) == expected


@pytest.mark.parametrize(
    ("terms", "pays"),
    [
        (BucketTerms(Unit.OCTETS, 1), True),
        (BucketTerms(Unit.MICROS, 1), True),
        (BucketTerms(Unit.SECONDS, 1), False),
        (BucketTerms(Unit.OCTETS, 1, start_ms=100), True),
        (BucketTerms(Unit.OCTETS, 1, start_ms=101), False),
        (BucketTerms(Unit.OCTETS, 1, expire_ms=101), True),
        (BucketTerms(Unit.OCTETS, 1, expire_ms=100), False),
        (BucketTerms(Unit.OCTETS, 1, service_ids=("data",)), True),
        (BucketTerms(Unit.OCTETS, 1, service_ids=("video",)), False),
        (BucketTerms(Unit.OCTETS, 1, zones=("home",)), False),
        (BucketTerms(Unit.OCTETS, 1, zones=("roam",)), True),
    ],
)
def test_what_a_bucket_pays_for(terms: BucketTerms, *, pays: bool) -> None:
    assert Bucket("b", terms).pays_for(Unit.OCTETS, "data", "roam", now_ms=100) is pays


def test_only_main_has_a_credit_limit() -> None:
    main = Bucket(MAIN, BucketTerms(Unit.MICROS, 1000), balance=-30, reserved=20)
    other = Bucket("b", BucketTerms(Unit.MICROS, 1), balance=30, reserved=20)

    assert main.available(100) == 50
    assert main.available(40) == 0
    assert other.available(100) == 10
