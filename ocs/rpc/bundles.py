"""BundleService at the edge: messages to use cases and back."""

from ocs.domain.bundle import Bundle, BundleContent, Renewal
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.method import RpcService
from ocs.rpc.names import event_name
from ocs.service.bundles import Bundles
from ocs.service.requests import CancelBundleRenewalAsked, PurchaseBundleAsked
from ocs.v1 import bundle_service_pb2 as pb


class BundleServicer:
    """Handlers of ocs.v1.BundleService."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles

    def service(self) -> RpcService:
        """Name the handlers for the server."""
        return RpcService(
            pb.DESCRIPTOR.services_by_name["BundleService"],
            {
                "PurchaseBundle": self.purchase_bundle,
                "CancelBundleRenewal": self.cancel_bundle_renewal,
                "ListBundles": self.list_bundles,
            },
        )

    async def purchase_bundle(
        self, call: CallInfo, request: pb.PurchaseBundleRequest
    ) -> pb.PurchaseBundleResponse:
        """Buy a bundle."""
        asked = convert.asked_by(call, request)
        answer = await self._bundles.purchase(
            PurchaseBundleAsked(asked, request.account_id, request.bundle_id, request.renew)
        )
        convert.note(call, answer, request.account_id)
        assert answer.outcome is not None
        response = pb.PurchaseBundleResponse(
            outcome=convert.OUTCOMES[answer.outcome],
            charged_micros=answer.charged_micros,
            event=event_name(asked.tenant, request.account_id, answer.seq),
        )
        if answer.cap is not None:
            convert.set_cap_reached(response.cap, answer.cap)
        for payment in answer.payments:
            response.charges.add(bucket_id=payment.bucket_id, micros=payment.micros)
        for bought in answer.bought:
            response.buckets.add(
                bucket_id=bought.bucket_id,
                unit=convert.UNIT_TYPES[bought.unit],
                units=bought.quantity,
            )
        convert.set_time(response.expire_time, answer.expire_ms)
        convert.set_time(response.renew_time, answer.renew_ms)
        convert.set_receipt(response.receipt, answer)
        return response

    async def cancel_bundle_renewal(
        self, call: CallInfo, request: pb.CancelBundleRenewalRequest
    ) -> pb.CancelBundleRenewalResponse:
        """Let a bundle end."""
        asked = convert.asked_by(call, request)
        answer = await self._bundles.cancel_renewal(
            CancelBundleRenewalAsked(asked, request.account_id, request.bundle_id)
        )
        call.replayed = answer.replayed
        response = pb.CancelBundleRenewalResponse()
        convert.set_receipt(response.receipt, answer)
        return response

    async def list_bundles(
        self, call: CallInfo, request: pb.ListBundlesRequest
    ) -> pb.ListBundlesResponse:
        """Read what is for sale, and what renews."""
        bundles, state, store_ms = await self._bundles.list(call.tenant, request.account_id)
        response = pb.ListBundlesResponse()
        for bundle in bundles:
            _set_bundle(response.bundles.add(), bundle, state.terms.currency)
        for bundle_id, renewal in sorted(state.renewals.items()):
            _set_renewal(response.renewals.add(), bundle_id, renewal)
        convert.set_time(response.store_time, store_ms)
        return response


def _set_bundle(message: pb.Bundle, bundle: Bundle, currency: str) -> None:
    message.bundle_id = bundle.bundle_id
    message.price_micros = bundle.price_micros
    message.currency = currency
    message.validity_ms = bundle.span_ms
    message.renewals = bundle.renewals
    for content in bundle.contents:
        _set_content(message.contents.add(), content)


def _set_content(message: pb.BundleContent, content: BundleContent) -> None:
    message.unit = convert.UNIT_TYPES[content.unit]
    message.units = content.quantity
    message.service_ids.extend(content.service_ids)
    message.zones.extend(content.zones)
    message.priority = content.priority
    message.roll_over_units = content.roll_over
    if content.threshold >= 0:
        message.threshold = content.threshold


def _set_renewal(message: pb.BundleRenewal, bundle_id: str, renewal: Renewal) -> None:
    message.bundle_id = bundle_id
    convert.set_time(message.renew_time, renewal.due_ms)
    convert.set_time(message.expire_time, renewal.end_ms)
    message.renewals_left = renewal.left
    message.failed_tries = renewal.tries
