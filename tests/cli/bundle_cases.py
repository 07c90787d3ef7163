"""Command lines about bundles."""

from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import types_pb2
from tests.cli.case import RECEIPT, Case

PURCHASED = bundles.PurchaseBundleResponse(
    outcome=types_pb2.OUTCOME_CHARGED,
    charged_micros=10_000_000,
    charges=[types_pb2.BucketCharge(bucket_id="main", micros=10_000_000)],
    buckets=[
        bundles.BoughtBucket(
            bucket_id="family-10gb.3.1", unit=types_pb2.UNIT_TYPE_OCTETS, units=2**53 - 1
        )
    ],
    event="tenants/main/accounts/alice/events/3",
    receipt=RECEIPT,
)
FOR_SALE = bundles.ListBundlesResponse(
    bundles=[
        bundles.Bundle(
            bundle_id="family-10gb",
            price_micros=10_000_000,
            currency="EUR",
            validity_ms=86_400_000,
            renewals=12,
            contents=[
                bundles.BundleContent(
                    unit=types_pb2.UNIT_TYPE_OCTETS, units=2**40, service_ids=["data"], threshold=0
                )
            ],
        )
    ],
    renewals=[bundles.BundleRenewal(bundle_id="family-10gb", renewals_left=3, failed_tries=1)],
)

BUNDLE_CASES = [
    Case(
        "bundle buy alice family-10gb --renew",
        "PurchaseBundle",
        PURCHASED,
        {"account_id": "alice", "bundle_id": "family-10gb", "renew": True},
    ),
    Case(
        "bundle cancel alice family-10gb",
        "CancelBundleRenewal",
        bundles.CancelBundleRenewalResponse(receipt=RECEIPT),
        {"account_id": "alice", "bundle_id": "family-10gb"},
    ),
    Case(
        "bundle list alice",
        "ListBundles",
        FOR_SALE,
        {"account_id": "alice"},
    ),
]
