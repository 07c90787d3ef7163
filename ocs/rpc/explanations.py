"""Explanations at the edge: the lines of a price, and ExplainCharge."""

from collections.abc import Sequence
from math import floor
from typing import Final

from ocs.domain.answer import Outcome
from ocs.domain.charge_explanation import Unexplained, sentence_of
from ocs.domain.charging_event import EventKind
from ocs.domain.explanation import Cause, ExplainedLine
from ocs.domain.rating import Stretch
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.events import KINDS
from ocs.rpc.method import Handler
from ocs.rpc.names import event_name, parse_event
from ocs.service.explanations import ExplainedEvent, Explanations
from ocs.v1 import charging_service_pb2 as pb

_CAUSES: Final = {
    cause: pb.ExplanationCause.Value(f"EXPLANATION_CAUSE_{cause.value}") for cause in Cause
}
_UNEXPLAINED: Final = {
    why: pb.UnexplainedCause.Value(f"UNEXPLAINED_CAUSE_{why.value}") for why in Unexplained
}


class ExplanationHandlers:
    """Handler of ExplainCharge."""

    def __init__(self, explanations: Explanations) -> None:
        self._explanations = explanations

    def handlers(self) -> dict[str, Handler]:
        """Name the handler."""
        return {"ExplainCharge": self.explain_charge}

    async def explain_charge(
        self, call: CallInfo, request: pb.ExplainChargeRequest
    ) -> pb.ExplainChargeResponse:
        """Explain a charge of the past."""
        account_id, seq = parse_event(request.event, call.tenant)
        call.account_id = account_id
        found = await self._explanations.explain(call.tenant, account_id, seq)
        event, context, explanation = found
        response = pb.ExplainChargeResponse(
            event=request.event,
            kind=KINDS[event.kind],
            service_id=context.service_id,
            zone=context.zone,
            used_units=event.used_units,
            charged_micros=_collected(found),
            uncollected_units=event.uncollected_units,
            uncollected_micros=event.uncollected_micros,
            currency=context.currency,
            tariff_version=context.tariff_version,
            unsplit=context.unsplit,
        )
        if event.outcome:
            response.outcome = convert.OUTCOMES[Outcome(event.outcome)]
        convert.set_time(response.store_time, event.store_ms)
        convert.set_time(response.event_time, context.event_time_ms)
        if event.position is not None:
            response.rated_units = event.position[3] - event.position[1]
        if explanation.unit is not None:
            response.unit = convert.UNIT_TYPES[explanation.unit]
        about = int(event.ref) if event.kind is EventKind.REFUND else context.corrects_seq
        if about:
            response.about_event = event_name(call.tenant, account_id, about)
        add_lines(response, explanation.lines)
        if explanation.unexplained is not None:
            response.unexplained = _UNEXPLAINED[explanation.unexplained]
            response.unexplained_text = sentence_of(explanation.unexplained, context)
        return response


def _collected(found: ExplainedEvent) -> int:
    if found.event.kind is EventKind.REFUND:
        return int(sum(line.micros for line in found.explanation.lines))
    return sum(payment.micros for payment in found.event.payments)


def add_lines(
    response: pb.QuoteResponse | pb.ExplainChargeResponse, lines: Sequence[ExplainedLine]
) -> None:
    """Write the lines of an explanation."""
    for line in lines:
        micros = floor(line.micros)
        rest = line.micros - micros
        message = response.explanation.add(
            cause=_CAUSES[line.cause],
            text=line.text,
            from_units=line.from_units,
            to_units=line.to_units,
            micros=micros,
            rest_numerator=rest.numerator,
            rest_denominator=rest.denominator,
            price_id=line.price_id,
            tariff_version=line.tariff_version,
            bucket_id=line.bucket_id,
            step_number=line.step_number,
        )
        if line.step is not None:
            set_step(message.step, line.step)


def set_step(message: pb.RateStep, step: Stretch) -> None:
    """Write a step of a price list."""
    message.from_units = step.start
    message.increment_units = step.increment
    message.micros = step.price.numerator
    message.per_units = step.price.denominator
