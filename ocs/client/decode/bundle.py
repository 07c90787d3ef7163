"""Bundles."""

from datetime import timedelta

from ocs.client import bundles as results
from ocs.client.decode.charge import bucket_charge, cap_reached, outcome, receipt, time, unit
from ocs.v1 import bundle_service_pb2 as bundles


def purchase(message: bundles.PurchaseBundleResponse) -> results.PurchaseResult:
    """The answer of PurchaseBundle."""
    return results.PurchaseResult(
        outcome=outcome(message.outcome),
        cap=cap_reached(message),
        charged_micros=message.charged_micros,
        charges=tuple(map(bucket_charge, message.charges)),
        buckets=tuple(map(bought_bucket, message.buckets)),
        expire_time=time(message, "expire_time"),
        renew_time=time(message, "renew_time"),
        event=message.event,
        receipt=receipt(message.receipt),
    )


def bought_bucket(message: bundles.BoughtBucket) -> results.BoughtBucket:
    """A bucket that a bundle opened."""
    return results.BoughtBucket(
        bucket_id=message.bucket_id, unit=unit(message.unit), units=message.units
    )


def list_bundles(message: bundles.ListBundlesResponse) -> results.ListBundlesResult:
    """The answer of ListBundles."""
    return results.ListBundlesResult(
        bundles=tuple(map(bundle, message.bundles)),
        renewals=tuple(map(renewal, message.renewals)),
        store_time=time(message, "store_time"),
    )


def bundle(message: bundles.Bundle) -> results.Bundle:
    """What the price book sells."""
    validity = timedelta(milliseconds=message.validity_ms) if message.validity_ms else None
    return results.Bundle(
        bundle_id=message.bundle_id,
        price_micros=message.price_micros,
        currency=message.currency,
        validity=validity,
        renewals=message.renewals,
        contents=tuple(map(content, message.contents)),
    )


def content(message: bundles.BundleContent) -> results.BundleContent:
    """One bucket that a bundle opens."""
    return results.BundleContent(
        unit=unit(message.unit),
        units=message.units,
        service_ids=tuple(message.service_ids),
        zones=tuple(message.zones),
        priority=message.priority,
        roll_over_units=message.roll_over_units,
        threshold=message.threshold if message.HasField("threshold") else None,
    )


def renewal(message: bundles.BundleRenewal) -> results.BundleRenewal:
    """A bundle that an account buys again by itself."""
    return results.BundleRenewal(
        bundle_id=message.bundle_id,
        renew_time=time(message, "renew_time"),
        expire_time=time(message, "expire_time"),
        renewals_left=message.renewals_left,
        failed_tries=message.failed_tries,
    )
