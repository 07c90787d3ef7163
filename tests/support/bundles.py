"""Requests about bundles and thresholds."""

from typing import Any

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import types_pb2
from tests.support.live import Live


def purchase(live: Live, account_id: str, bundle_id: str, *, renew: bool = False) -> Any:
    """Buy a bundle."""
    return live.stamped(
        bundles.PurchaseBundleRequest(account_id=account_id, bundle_id=bundle_id, renew=renew)
    )


def cancel(live: Live, account_id: str, bundle_id: str) -> Any:
    """Let a bundle end."""
    return live.stamped(
        bundles.CancelBundleRenewalRequest(account_id=account_id, bundle_id=bundle_id)
    )


def mark(live: Live, account_id: str, **fields: Any) -> Any:
    """Set the threshold of the main bucket, unless fields say otherwise."""
    given: dict[str, Any] = {"bucket_id": "main", "unit": types_pb2.UNIT_TYPE_MICROS} | fields
    return live.stamped(accounts.SetBucketThresholdRequest(account_id=account_id, **given))
