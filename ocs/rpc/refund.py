"""ChargingService.Refund at the edge."""

from ocs.domain.answer import Reason
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.method import Handler
from ocs.rpc.names import event_name, parse_event
from ocs.service.errors import ServiceError
from ocs.service.refunds import Refunds
from ocs.service.requests import RefundAsked
from ocs.v1 import charging_service_pb2 as pb


class RefundHandlers:
    """Handler of Refund."""

    def __init__(self, refunds: Refunds) -> None:
        self._refunds = refunds

    def handlers(self) -> dict[str, Handler]:
        """Name the handler."""
        return {"Refund": self.refund}

    async def refund(self, call: CallInfo, request: pb.RefundRequest) -> pb.RefundResponse:
        """Give a charge back."""
        account_id, seq = parse_event(request.event, call.tenant)
        call.account_id = account_id
        shares = tuple((share.bucket_id, share.quantity) for share in request.shares)
        if len({bucket_id for bucket_id, _ in shares}) != len(shares):
            rule = "must not name a bucket twice"
            raise ServiceError(Reason.INVALID_FIELD, violations=[("shares", rule)])
        answer = await self._refunds.refund(
            RefundAsked(
                convert.asked_by(call, request),
                account_id,
                seq,
                shares,
                request.bucket_id,
                request.reason,
            )
        )
        call.replayed = answer.replayed
        response = pb.RefundResponse(
            refunded_micros=answer.refunded_micros,
            event=event_name(call.tenant, account_id, answer.seq),
        )
        for line in answer.refunds:
            response.lines.add(
                bucket_id=line.bucket_id,
                to_bucket_id=line.to_bucket_id,
                quantity=line.quantity,
            )
        convert.set_receipt(response.receipt, answer)
        return response
