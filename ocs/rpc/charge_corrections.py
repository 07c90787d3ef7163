"""ChargingService.CorrectCharge at the edge."""

from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.method import Handler
from ocs.rpc.names import parse_event
from ocs.service.charge_corrections import ChargeCorrections
from ocs.service.requests import CorrectChargeAsked
from ocs.v1 import charging_service_pb2 as pb


class ChargeCorrectionHandlers:
    """Handler of CorrectCharge."""

    def __init__(self, corrections: ChargeCorrections) -> None:
        self._corrections = corrections

    def handlers(self) -> dict[str, Handler]:
        """Name the handler."""
        return {"CorrectCharge": self.correct_charge}

    async def correct_charge(
        self, call: CallInfo, request: pb.CorrectChargeRequest
    ) -> pb.CorrectChargeResponse:
        """Charge more for an event."""
        account_id, seq = parse_event(request.event, call.tenant)
        call.account_id = account_id
        answer = await self._corrections.correct(
            CorrectChargeAsked(
                convert.asked_by(call, request),
                account_id,
                seq,
                request.micros,
                request.tariff_version,
                request.reason,
            )
        )
        convert.note(call, answer, account_id)
        response = pb.CorrectChargeResponse()
        convert.set_charge(response.charge, answer, call.tenant, account_id)
        convert.set_receipt(response.receipt, answer)
        return response
