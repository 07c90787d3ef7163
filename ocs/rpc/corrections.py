"""The methods of AccountService that correct balances by hand."""

from ocs.domain.answer import Answer
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.method import Handler
from ocs.service.corrections import Corrections
from ocs.service.requests import CorrectionAsked, ReverseTopUpAsked
from ocs.v1 import account_service_pb2 as pb


class CorrectionHandlers:
    """Handlers of WithdrawBalance, AdjustBucket and ReverseTopUp."""

    def __init__(self, corrections: Corrections) -> None:
        self._corrections = corrections

    def handlers(self) -> dict[str, Handler]:
        """Name the handlers."""
        return {
            "WithdrawBalance": self.withdraw_balance,
            "AdjustBucket": self.adjust_bucket,
            "ReverseTopUp": self.reverse_top_up,
        }

    async def withdraw_balance(
        self, call: CallInfo, request: pb.WithdrawBalanceRequest
    ) -> pb.WithdrawBalanceResponse:
        """Take money or units out."""
        answer = await self._corrections.withdraw(_asked(call, request))
        response = pb.WithdrawBalanceResponse()
        _set_bucket(call, response, answer)
        return response

    async def adjust_bucket(
        self, call: CallInfo, request: pb.AdjustBucketRequest
    ) -> pb.AdjustBucketResponse:
        """Set a balance right."""
        ask = _asked(call, request)
        ask.decided_by = request.decided_by
        response = pb.AdjustBucketResponse()
        _set_bucket(call, response, await self._corrections.adjust(ask))
        return response

    async def reverse_top_up(
        self, call: CallInfo, request: pb.ReverseTopUpRequest
    ) -> pb.ReverseTopUpResponse:
        """Take a credit back."""
        answer = await self._corrections.reverse_top_up(
            ReverseTopUpAsked(
                convert.asked_by(call, request),
                request.account_id,
                request.payment_reference,
                request.allow_partial,
                request.reason,
            )
        )
        response = pb.ReverseTopUpResponse(reversed_quantity=answer.bucket_moved)
        _set_bucket(call, response, answer)
        return response


def _asked(
    call: CallInfo, request: pb.WithdrawBalanceRequest | pb.AdjustBucketRequest
) -> CorrectionAsked:
    unit = convert.UNITS[request.unit]
    assert unit is not None  # the rules require one
    return CorrectionAsked(
        convert.asked_by(call, request),
        request.account_id,
        request.bucket_id,
        request.quantity,
        unit,
        request.reason,
    )


def _set_bucket(
    call: CallInfo,
    response: pb.WithdrawBalanceResponse | pb.AdjustBucketResponse | pb.ReverseTopUpResponse,
    answer: Answer,
) -> None:
    call.replayed = answer.replayed
    response.bucket_id = answer.bucket_id
    response.balance = answer.bucket_balance
    response.available = answer.bucket_available
    convert.set_receipt(response.receipt, answer)
