"""One balance of an account: terms that say what it may pay for, and its figures."""

from dataclasses import dataclass, replace
from typing import Final

from ocs.domain.units import Unit

MAIN: Final = "main"
# Sorts `main` behind every other bucket, and never-ending buckets behind ending ones.
_LAST: Final = 2**62


@dataclass(frozen=True, slots=True)
class BucketTerms:
    """What a bucket may pay for, and when.

    priority: 0 .. 1000, lower first. start_ms, expire_ms: store time, 0 = no bound.
    service_ids, zones: sorted; empty = all. blocking: nothing behind it is drawn on.
    """

    unit: Unit
    priority: int
    start_ms: int = 0
    expire_ms: int = 0
    blocking: bool = False
    service_ids: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()

    def fields(self) -> tuple[str, ...]:
        """Spell them for the journal; - stands for all services or zones."""
        return (
            self.unit,
            str(self.priority),
            str(self.start_ms),
            str(self.expire_ms),
            "1" if self.blocking else "0",
            ",".join(self.service_ids) or "-",
            ",".join(self.zones) or "-",
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """Terms and figures of a bucket.

    credited = balance + spent + expired + withdrawn, and reserved = the sum of its open holds,
    after every operation (P3). All figures are 0 .. 2^53-1 but balance of `main`, which may go
    down to minus the credit limit.
    """

    bucket_id: str
    terms: BucketTerms
    balance: int = 0
    reserved: int = 0
    credited: int = 0
    spent: int = 0
    expired: int = 0
    withdrawn: int = 0

    def available(self, credit_limit: int) -> int:
        """Compute balance + credit_limit - reserved, at least 0; only `main` has a credit limit."""
        limit = credit_limit if self.bucket_id == MAIN else 0
        return max(0, self.balance + limit - self.reserved)

    def pays_for(self, unit: Unit, service_id: str, zone: str, now_ms: int) -> bool:
        """Say whether the bucket may pay for the service now, whatever is left in it."""
        terms = self.terms
        return (
            terms.unit in (unit, Unit.MICROS)
            and terms.start_ms <= now_ms
            and not self.ended(now_ms)
            and (not terms.service_ids or service_id in terms.service_ids)
            and (not terms.zones or zone in terms.zones)
        )

    def ended(self, now_ms: int) -> bool:
        """Say whether its validity is over; the instant of expiry is no longer valid."""
        return 0 < self.terms.expire_ms <= now_ms

    def pay(self, quantity: int) -> "Bucket":
        """Take a collected quantity out of the balance."""
        return replace(self, balance=self.balance - quantity, spent=self.spent + quantity)

    def hold(self, quantity: int) -> "Bucket":
        """Hold a quantity, or give back a negative one."""
        return replace(self, reserved=self.reserved + quantity)


def consumption_order(bucket: Bucket) -> tuple[int, int, int, str]:
    """Sort key: priority, units before money, earliest expiry, id; `main` last."""
    terms = bucket.terms
    if bucket.bucket_id == MAIN:
        return (_LAST, 1, _LAST, MAIN)
    return (
        terms.priority,
        1 if terms.unit is Unit.MICROS else 0,
        terms.expire_ms or _LAST,
        bucket.bucket_id,
    )
