"""Answers of reads."""

from ocs.client import readings
from ocs.client.decode.account import status
from ocs.client.decode.charge import (
    bucket_charge,
    cap_reached,
    charge,
    grant,
    held_quantity,
    holder,
    outcome,
    receipt,
    time,
    unit,
)
from ocs.client.decode.event import event_kind
from ocs.client.values import ExplanationCause, ReservationState, UnexplainedCause
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging

_CAUSES: dict[int, ExplanationCause] = {
    charging.ExplanationCause.Value(f"EXPLANATION_CAUSE_{one}"): one for one in ExplanationCause
}
_UNEXPLAINED: dict[int, UnexplainedCause] = {
    charging.UnexplainedCause.Value(f"UNEXPLAINED_CAUSE_{one}"): one for one in UnexplainedCause
}
_STATES: dict[int, ReservationState] = {
    charging.ReservationState.Value(f"RESERVATION_STATE_{one}"): one for one in ReservationState
}


def _step(step: charging.RateStep) -> readings.RateStep:
    return readings.RateStep(step.from_units, step.increment_units, step.micros, step.per_units)


def _steps(
    message: charging.QuoteResponse | charging.Reservation,
) -> tuple[readings.RateStep, ...]:
    return tuple(map(_step, message.steps))


def _explanation(
    message: charging.QuoteResponse | charging.ExplainChargeResponse,
) -> tuple[readings.ExplanationLine, ...]:
    return tuple(
        readings.ExplanationLine(
            cause=_CAUSES.get(line.cause, ExplanationCause.UNSPECIFIED),
            text=line.text,
            from_units=line.from_units,
            to_units=line.to_units,
            micros=line.micros,
            rest_numerator=line.rest_numerator,
            rest_denominator=line.rest_denominator,
            price_id=line.price_id,
            tariff_version=line.tariff_version,
            bucket_id=line.bucket_id,
            step_number=line.step_number,
            step=_step(line.step) if line.HasField("step") else None,
        )
        for line in message.explanation
    )


def explain_charge(message: charging.ExplainChargeResponse) -> readings.ExplainChargeResult:
    """The answer of ExplainCharge."""
    unexplained = None
    if message.unexplained:
        unexplained = _UNEXPLAINED.get(message.unexplained, UnexplainedCause.UNSPECIFIED)
    return readings.ExplainChargeResult(
        event=message.event,
        kind=event_kind(message.kind),
        outcome=outcome(message.outcome) if message.outcome else None,
        store_time=time(message, "store_time"),
        event_time=time(message, "event_time"),
        service_id=message.service_id,
        unit=unit(message.unit),
        zone=message.zone,
        used_units=message.used_units,
        rated_units=message.rated_units,
        charged_micros=message.charged_micros,
        uncollected_units=message.uncollected_units,
        uncollected_micros=message.uncollected_micros,
        currency=message.currency,
        tariff_version=message.tariff_version,
        explanation=_explanation(message),
        unexplained=unexplained,
        unexplained_text=message.unexplained_text,
        about_event=message.about_event,
        unsplit=message.unsplit,
    )


def quote(message: charging.QuoteResponse) -> readings.QuoteResult:
    """The answer of Quote."""
    return readings.QuoteResult(
        outcome=outcome(message.outcome),
        unit=unit(message.unit),
        rated_units=message.rated_units,
        price_micros=message.price_micros,
        lines=tuple(bucket_charge(line) for line in message.lines),
        cap=cap_reached(message),
        currency=message.currency,
        zone=message.zone,
        tariff_version=message.tariff_version,
        steps=_steps(message),
        connect_micros=message.connect_micros,
        explanation=_explanation(message),
        grant_min_units=message.grant_min_units,
        grant_default_units=message.grant_default_units,
        grant_max_units=message.grant_max_units,
        store_time=time(message, "store_time"),
    )


def reservation(message: charging.Reservation) -> readings.ReservationReading:
    """A reservation."""
    return readings.ReservationReading(
        reservation=message.reservation,
        state=_STATES.get(message.state, ReservationState.UNSPECIFIED),
        session_id=message.session_id,
        subscriber_id=message.subscriber_id,
        service_id=message.service_id,
        unit=unit(message.unit),
        zone=message.zone,
        granted_units=message.granted_units,
        held=tuple(map(held_quantity, message.held)),
        held_in_caps=tuple(
            readings.HeldInCap(
                cap_id=line.cap_id,
                holder=holder(line.holder),
                period_start_time=time(line, "period_start_time"),
                quantity=line.quantity,
            )
            for line in message.held_in_caps
        ),
        expire_time=time(message, "expire_time"),
        forget_time=time(message, "forget_time"),
        tariff_version=message.tariff_version,
        steps=_steps(message),
    )


def get_reservation(message: charging.GetReservationResponse) -> readings.GetReservationResult:
    """The answer of GetReservation."""
    return readings.GetReservationResult(
        reservation=reservation(message.reservation), store_time=time(message, "store_time")
    )


def reservation_page(message: charging.ListReservationsResponse) -> readings.ReservationPage:
    """The answer of ListReservations."""
    return readings.ReservationPage(
        tuple(map(reservation, message.reservations)), message.next_page_token
    )


def get_request(message: charging.GetRequestResponse) -> readings.GetRequestResult:
    """The answer of GetRequest."""
    granted = None
    if message.HasField("grant"):
        granted = grant(message.reservation, message.grant, message.receipt)
    return readings.GetRequestResult(
        outcome=outcome(message.outcome) if message.outcome else None,
        reason=message.reason,
        charge=charge(message.charge) if message.HasField("charge") else None,
        grant=granted,
        reservation=message.reservation,
        bucket_id=message.bucket_id,
        receipt=receipt(message.receipt),
        expire_time=time(message, "expire_time"),
    )


def account_page(message: accounts.ListAccountsResponse) -> readings.AccountPage:
    """The answer of ListAccounts."""
    return readings.AccountPage(
        tuple(
            readings.AccountSummary(
                account_id=one.account_id,
                status=status(one.status),
                currency=one.currency,
                plan=one.plan,
                segment=one.segment,
                credit_limit_micros=one.credit_limit_micros,
                create_time=time(one, "create_time"),
            )
            for one in message.accounts
        ),
        message.next_page_token,
    )
