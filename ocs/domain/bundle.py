"""Bundles: units that are bought together, and what is kept of them on an account."""

from dataclasses import dataclass

from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.units import Unit
from ocs.limits import RENEWAL_LEAD_MAX_MS


@dataclass(frozen=True, slots=True)
class BundleContent:
    """One bucket that a bundle opens.

    quantity: 1 .. 2^53-1. priority: 1 .. 1000. roll_over: how much of what is left goes on to the
    next period, at most; 0 = nothing. threshold: of the bucket, below quantity; -1 = none.
    """

    unit: Unit
    quantity: int
    priority: int
    service_ids: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    roll_over: int = 0
    threshold: int = -1


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the price book sells.

    price_micros: 0 .. 2^53-1. span_ms: how long it is valid, 0 = to the end of the account's
    billing month. renewals: how often it can be bought again by itself; 0 = never. plans: sold to
    accounts of these only; empty = to all.
    """

    bundle_id: str
    price_micros: int
    span_ms: int
    contents: tuple[BundleContent, ...]
    renewals: int = 0
    plans: frozenset[str] = frozenset()
    tariff_version: str = ""

    def terms(self) -> ServiceTerms:
        """How it is paid for: as a service under its id, metered in micro-units at one each.

        Only money can pay for it, and only caps of money count it.
        """
        rate = Rate.flat(1, 1, 1)
        version = self.tariff_version
        return ServiceTerms(self.bundle_id, Unit.MICROS, "", rate, 1, 1_000, version)

    def end(self, start_ms: int, month_ends: tuple[int, int]) -> int | None:
        """When it ends if it starts then.

        month_ends: ends of two billing months in a row. None: it starts in neither.
        """
        if self.span_ms:
            return start_ms + self.span_ms
        return next((end_ms for end_ms in month_ends if start_ms < end_ms), None)


@dataclass(frozen=True, slots=True)
class Renewal:
    """A bundle that an account buys again by itself; one per bundle.

    due_ms: when to try next. end_ms: end of the present period, where the next one begins.
    left: renewals still to come, 1 or more. tries: those that failed since the last success.
    """

    due_ms: int
    end_ms: int
    left: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class RollOver:
    """Where what is left in a bucket goes when it ends.

    to_bucket_id: empty while its bundle is not renewed yet; until then it stays where it is, past
    its end too. most: at most so much.
    """

    bundle_id: str
    to_bucket_id: str
    most: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """A mark on a bucket's balance. low: reached, and not left again by a credit since."""

    quantity: int
    low: bool


def renewal_due(start_ms: int, end_ms: int) -> int:
    """When a period that lasts so long is renewed: a little early, so that no call finds a gap."""
    return end_ms - min(RENEWAL_LEAD_MAX_MS, (end_ms - start_ms) // 10)
