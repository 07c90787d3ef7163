"""Operations of BundleService: units that are bought together."""

from typing import Unpack

from ocs.client import encode
from ocs.client.bundles import ListBundlesResult, PurchaseResult
from ocs.client.decode import account as decode_account
from ocs.client.decode import bundle as decode
from ocs.client.operation import Operation, Sending, identify, mutation, read
from ocs.client.results import ReceiptResult
from ocs.v1 import bundle_service_pb2 as bundles


def purchase_bundle(
    account_id: str, bundle_id: str, *, renew: bool = False, **sending: Unpack[Sending]
) -> Operation[PurchaseResult]:
    """Buy a bundle of the price book; renew buys it again at its end, as often as the book says.

    A refusal is an outcome. NotFoundError if the book has none such.
    """
    sent = identify(sending)
    request = bundles.PurchaseBundleRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        bundle_id=bundle_id,
        renew=renew,
    )
    return mutation("bundles", "PurchaseBundle", request, decode.purchase, sent)


def cancel_bundle_renewal(
    account_id: str, bundle_id: str, **sending: Unpack[Sending]
) -> Operation[ReceiptResult]:
    """Let a bundle end; what was bought stays until then. NotFoundError if it does not renew."""
    sent = identify(sending)
    request = bundles.CancelBundleRenewalRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        bundle_id=bundle_id,
    )
    return mutation("bundles", "CancelBundleRenewal", request, decode_account.receipt_only, sent)


def list_bundles(
    account_id: str, *, timeout_s: float | None = None
) -> Operation[ListBundlesResult]:
    """What an account may buy by its plan, and which bundles it buys again by itself."""
    request = bundles.ListBundlesRequest(account_id=account_id)
    return read("bundles", "ListBundles", request, decode.list_bundles, timeout_s)
