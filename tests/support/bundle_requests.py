"""Requests about bundles and thresholds."""

from typing import Any

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import types_pb2
from tests.support.live import Live

MONEY = 100_000_000


def purchase(
    live: Live, account_id: str, bundle_id: str = "day-1gb", *, renew: bool = False
) -> Any:
    """Buy a bundle of the shipped book."""
    return live.stamped(
        bundles.PurchaseBundleRequest(account_id=account_id, bundle_id=bundle_id, renew=renew)
    )


def cancel(live: Live, account_id: str) -> Any:
    """Cancel the renewal of the one that renews."""
    return live.stamped(
        bundles.CancelBundleRenewalRequest(account_id=account_id, bundle_id="data-10gb")
    )


def mark(live: Live, account_id: str, threshold: int = 5) -> Any:
    """Mark the account's money."""
    return live.stamped(
        accounts.SetBucketThresholdRequest(
            account_id=account_id,
            bucket_id="main",
            threshold=threshold,
            unit=types_pb2.UNIT_TYPE_MICROS,
        )
    )


async def cancelling(live: Live, account_id: str) -> Any:
    """Cancel a renewal that is there."""
    listed = await live.call(bundles.ListBundlesRequest(account_id=account_id))
    if not listed.renewals:
        await live.call(live.top_up(account_id, micros=MONEY))
        await live.call(purchase(live, account_id, "data-10gb", renew=True))
    return cancel(live, account_id)
