"""Bundles as a human reads them; registered with views."""

from ocs.cli.output import Block, Fields, Listing
from ocs.cli.parse import decimal_of
from ocs.cli.reading_views import blocks_of
from ocs.cli.views import cap_reached, moment, quantity, receipt
from ocs.client import BundleContent, ListBundlesResult, PurchaseResult

__all__ = ["blocks_of"]


@blocks_of.register
def _(result: PurchaseResult) -> list[Block]:
    rows = [("outcome", result.outcome.value)]
    if result.bought:
        paid = ", ".join(f"{line.bucket_id}: {decimal_of(line.micros)}" for line in result.charges)
        opened = ", ".join(
            f"{bucket.bucket_id}: {quantity(bucket.units, bucket.unit)}"
            for bucket in result.buckets
        )
        rows += [
            ("price", decimal_of(result.charged_micros)),
            ("paid by", paid),
            ("buckets", opened),
            ("expires", moment(result.expire_time)),
            ("renews", moment(result.renew_time)),
        ]
    rows += [("event", result.event)]
    return [Fields(rows + cap_reached(result.cap) + receipt(result.receipt))]


@blocks_of.register
def _(result: ListBundlesResult) -> list[Block]:
    for_sale = Listing(
        ("bundle", "price", "valid", "renewals", "contents"),
        [
            (
                bundle.bundle_id,
                f"{decimal_of(bundle.price_micros)} {bundle.currency}",
                str(bundle.validity) if bundle.validity is not None else "month",
                str(bundle.renewals or ""),
                "; ".join(map(_content, bundle.contents)),
            )
            for bundle in result.bundles
        ],
    )
    renewals = Listing(
        ("renews", "next", "period ends", "left", "failed"),
        [
            (
                renewal.bundle_id,
                moment(renewal.renew_time),
                moment(renewal.expire_time),
                str(renewal.renewals_left),
                str(renewal.failed_tries or ""),
            )
            for renewal in result.renewals
        ],
    )
    blocks: list[Block] = [for_sale]
    if result.renewals:
        blocks.append(renewals)
    return [*blocks, Fields([("as of", moment(result.store_time))])]


def _content(content: BundleContent) -> str:
    scope = ", ".join((*content.service_ids, *content.zones))
    return quantity(content.units, content.unit) + (f" of {scope}" if scope else "")
