"""ChargingService at the edge: messages to use cases and back."""

from typing import Final, Literal

from google.protobuf.descriptor import MethodDescriptor

from ocs import limits
from ocs.domain.answer import Outcome, Reason
from ocs.domain.commands import Basis, GrantWish
from ocs.domain.reservation import Step
from ocs.domain.use_pieces import Segment
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.charge_corrections import ChargeCorrectionHandlers
from ocs.rpc.charge_stream import ChargeStreamMethod
from ocs.rpc.explanations import ExplanationHandlers
from ocs.rpc.method import CallHost, Handler, RpcService
from ocs.rpc.names import parse_reservation, reservation_name
from ocs.rpc.queries import QueryHandlers, place_of
from ocs.rpc.refund import RefundHandlers
from ocs.rpc.validate import VIOLATIONS_MAX
from ocs.service.charge_corrections import ChargeCorrections
from ocs.service.charging import Charging
from ocs.service.errors import ServiceError
from ocs.service.explanations import Explanations
from ocs.service.queries import Queries
from ocs.service.refunds import Refunds
from ocs.service.requests import CommitAsked, DebitAsked, ReleaseAsked, ReserveAsked
from ocs.v1 import charging_service_pb2 as pb

_BASES = {pb.DEBIT_BASIS_AUTHORIZE: Basis.AUTHORIZE, pb.DEBIT_BASIS_USED: Basis.USED}
_SEGMENT_TIMES: Final[tuple[Literal["start_time"], Literal["end_time"]]] = (
    "start_time",
    "end_time",
)
_STEPS = {"close": Step.CLOSE, "keep": Step.KEEP, "next_grant": Step.NEXT_GRANT}


class ChargingServicer:
    """Handlers of ocs.v1.ChargingService."""

    def __init__(
        self,
        charging: Charging,
        refunds: Refunds,
        corrections: ChargeCorrections,
        queries: Queries,
        explanations: Explanations,
    ) -> None:
        self._charging = charging
        self._queries = QueryHandlers(queries)
        self._explanations = ExplanationHandlers(explanations)
        self._refunds = RefundHandlers(refunds)
        self._corrections = ChargeCorrectionHandlers(corrections)

    def service(self) -> RpcService:
        """Name the handlers for the server."""
        return RpcService(
            pb.DESCRIPTOR.services_by_name["ChargingService"],
            {
                **self._charges(),
                **self._refunds.handlers(),
                **self._corrections.handlers(),
                **self._queries.handlers(),
                **self._explanations.handlers(),
            },
            request_bytes_max=limits.UNARY_CHARGING_BYTES_MAX,
            streams={"ChargeStream": self._charge_stream},
        )

    def _charge_stream(self, method: MethodDescriptor, host: CallHost) -> ChargeStreamMethod:
        return ChargeStreamMethod(method, host, self._charges(), self._charging.account_of)

    def _charges(self) -> dict[str, Handler]:
        """What may travel alone or in a batch."""
        return {
            "Reserve": self.reserve,
            "Commit": self.commit,
            "Release": self.release,
            "Debit": self.debit,
        }

    async def reserve(self, call: CallInfo, request: pb.ReserveRequest) -> pb.ReserveResponse:
        """Hold units."""
        ask = ReserveAsked(
            convert.asked_by(call, request),
            convert.payer_of(request),
            place_of(request),
            GrantWish(
                requested_units=request.requested_units,
                all_or_nothing=request.all_or_nothing,
                validity_ms=convert.duration_ms(request.validity_duration),
            ),
            request.reservation_id,
            request.session_id,
            request.sequence_number if request.HasField("sequence_number") else -1,
        )
        answer, profile, terms = await self._charging.reserve(ask)
        convert.note(call, answer, profile.account_id, profile.terms.currency)
        response = pb.ReserveResponse()
        if answer.reservation_id:
            response.reservation = reservation_name(
                call.tenant, profile.account_id, answer.reservation_id
            )
        convert.set_grant(response.grant, answer, terms.unit if terms is not None else None)
        convert.set_receipt(response.receipt, answer)
        return response

    async def commit(self, call: CallInfo, request: pb.CommitRequest) -> pb.CommitResponse:
        """Settle use."""
        account_id, reservation_id = parse_reservation(request.reservation, call.tenant)
        call.account_id = account_id
        rest = request.WhichOneof("rest")
        assert rest is not None  # the rules require one
        ask = CommitAsked(
            convert.asked_by(call, request),
            account_id,
            reservation_id,
            _segments(request),
            _STEPS[rest],
            _next_wish(request.next_grant) if rest == "next_grant" else None,
            request.next_grant.next_reservation_id,
            request.sequence_number if request.HasField("sequence_number") else -1,
            request.overrun_policy == pb.OVERRUN_POLICY_REJECT,
            convert.UNITS[request.unit],
        )
        answer, facts, profile = await self._charging.commit(ask)
        currency = profile.terms.currency if profile is not None else ""
        convert.note(call, answer, account_id, currency)
        response = pb.CommitResponse(
            reservation=reservation_name(call.tenant, account_id, answer.reservation_id)
        )
        convert.set_charge(response.charge, answer, call.tenant, account_id)
        if answer.outcome is not Outcome.CHARGED:
            convert.set_grant(response.grant, answer, facts.unit if facts is not None else None)
        convert.set_receipt(response.receipt, answer)
        return response

    async def release(self, call: CallInfo, request: pb.ReleaseRequest) -> pb.ReleaseResponse:
        """Give everything back."""
        account_id, reservation_id = parse_reservation(request.reservation, call.tenant)
        call.account_id = account_id
        answer = await self._charging.release(
            ReleaseAsked(convert.asked_by(call, request), account_id, reservation_id)
        )
        convert.note(call, answer, account_id)
        response = pb.ReleaseResponse(
            outcome=convert.OUTCOMES[Outcome.RELEASED], released_micros=answer.held_micros
        )
        convert.set_receipt(response.receipt, answer)
        return response

    async def debit(self, call: CallInfo, request: pb.DebitRequest) -> pb.DebitResponse:
        """Charge at once."""
        ask = DebitAsked(
            convert.asked_by(call, request),
            convert.payer_of(request),
            place_of(request),
            _BASES[request.basis],
            request.used_units,
            request.session_id,
            request.sequence_number if request.HasField("sequence_number") else -1,
        )
        answer, profile = await self._charging.debit(ask)
        convert.note(call, answer, profile.account_id, profile.terms.currency)
        assert answer.outcome is not None
        response = pb.DebitResponse(outcome=convert.OUTCOMES[answer.outcome])
        convert.set_charge(response.charge, answer, call.tenant, profile.account_id)
        if answer.cap is not None:
            convert.set_cap_reached(response.cap, answer.cap)
        convert.set_receipt(response.receipt, answer)
        return response


def _next_wish(next_grant: pb.NextGrant) -> GrantWish:
    return GrantWish(
        requested_units=next_grant.requested_units,
        all_or_nothing=next_grant.all_or_nothing,
        validity_ms=convert.duration_ms(next_grant.validity_duration),
    )


def _segments(request: pb.CommitRequest) -> tuple[Segment, ...]:
    """Read reported use. All of it says when it happened, in order, or none of it does."""
    timed = any(used.HasField("start_time") or used.HasField("end_time") for used in request.used)
    if not timed:
        return tuple((used.units, 0, 0) for used in request.used)
    segments: list[Segment] = []
    broken = []
    for index, used in enumerate(request.used):
        path = f"used[{index}]"
        broken += [
            (f"{path}.{name}", "is required where another time is given")
            for name in _SEGMENT_TIMES
            if not used.HasField(name)
        ]
        if broken:
            continue
        start_ms = convert.time_ms(used.start_time, f"{path}.start_time")
        end_ms = convert.time_ms(used.end_time, f"{path}.end_time")
        if end_ms < start_ms:
            broken.append((f"{path}.end_time", "must not be before start_time"))
        if segments and start_ms < segments[-1][2]:
            rule = f"must not be before the end_time of used[{index - 1}]"
            broken.append((f"{path}.start_time", rule))
        segments.append((used.units, start_ms, end_ms))
    if broken:
        raise ServiceError(Reason.INVALID_FIELD, violations=broken[:VIOLATIONS_MAX])
    return tuple(segments)
