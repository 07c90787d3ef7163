"""What BundleService answers. As in results."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ocs.client.results import BucketCharge, CapReached, Receipt
from ocs.client.values import Outcome, Unit


@dataclass(frozen=True, slots=True)
class BoughtBucket:
    """A bucket that a bundle opened."""

    bucket_id: str
    unit: Unit | None
    units: int


@dataclass(frozen=True, slots=True)
class PurchaseResult:
    """What became of the wish to buy a bundle."""

    outcome: Outcome
    cap: CapReached | None
    charged_micros: int
    charges: tuple[BucketCharge, ...]
    buckets: tuple[BoughtBucket, ...]
    expire_time: datetime | None
    renew_time: datetime | None  # None: it is not bought again
    event: str
    receipt: Receipt

    @property
    def bought(self) -> bool:
        """Whether the bundle was bought."""
        return self.outcome is Outcome.CHARGED


@dataclass(frozen=True, slots=True)
class BundleContent:
    """One bucket that a bundle opens."""

    unit: Unit | None
    units: int
    service_ids: tuple[str, ...]
    zones: tuple[str, ...]
    priority: int
    roll_over_units: int
    threshold: int | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the price book sells."""

    bundle_id: str
    price_micros: int
    currency: str
    validity: timedelta | None  # None: to the end of the account's billing month
    renewals: int
    contents: tuple[BundleContent, ...]


@dataclass(frozen=True, slots=True)
class BundleRenewal:
    """A bundle that an account buys again by itself."""

    bundle_id: str
    renew_time: datetime | None
    expire_time: datetime | None
    renewals_left: int
    failed_tries: int


@dataclass(frozen=True, slots=True)
class ListBundlesResult:
    """What an account may buy, and what renews."""

    bundles: tuple[Bundle, ...]
    renewals: tuple[BundleRenewal, ...]
    store_time: datetime | None
