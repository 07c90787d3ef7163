"""Reserve: hold units of one service."""

from dataclasses import replace

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import Reserve
from ocs.domain.decide.grant import (
    GrantDecision,
    HoldPrice,
    apply_hold,
    caps_in_force,
    decide_grant,
)
from ocs.domain.decide.pricing import price_of_hold
from ocs.domain.decide.sequence import Order, advance, order_of
from ocs.domain.decide.status import status_denial
from ocs.domain.decide.turn import Turn
from ocs.domain.reservation import Reservation, ReservationState
from ocs.limits import REMEMBER_MS


def reserve(turn: Turn, command: Reserve) -> Answer:
    """Decide, then hold. A denial is an event; a refusal with a reason is not."""
    if isinstance(command.refusal, Reason):
        return turn.refuse(command.refusal)
    if turn.reservation(command.reservation_id) is not None:
        return turn.refuse(Reason.RESERVATION_EXISTS)
    session = turn.session(command.session_id, command.service_id)
    order = order_of(session, command.sequence_number)
    if order.reused:
        return turn.refuse(Reason.SEQUENCE_NUMBER_REUSED)
    grant = _decide(turn, command, order)
    session = advance(session, command.sequence_number)
    if grant.hold is not None:
        until = max(session.expire_ms, grant.hold.expire_ms + REMEMBER_MS)
        session = replace(session, expire_ms=until)
        _open(turn, command, grant)
    turn.save_session(command.session_id, command.service_id, session)
    flags = order.flags + ("f" if grant.final_grant else "")
    turn.emit(
        EventKind.RESERVE,
        ref=command.reservation_id,
        outcome=grant.outcome,
        requested_units=command.wish.requested_units,
        flags=flags,
        **hold_parts(grant),
    )
    return turn.answer(
        outcome=grant.outcome,
        reservation_id=command.reservation_id if grant.hold is not None else "",
        **grant_parts(grant),
        sequence_gap=order.gap,
        out_of_order=order.out_of_order,
    )


def _decide(turn: Turn, command: Reserve, order: Order) -> GrantDecision:
    denial = status_denial(turn) or command.refusal
    if isinstance(denial, Outcome):
        return GrantDecision(denial)
    if order.out_of_order:
        return GrantDecision(Outcome.OUT_OF_ORDER)
    assert command.terms is not None
    session = turn.session(command.session_id, command.service_id)
    caps = caps_in_force(turn, command.terms, command.profile.subscriber_id, command.tiers())
    price = price_of_hold(command.terms, command.later, session, command.wish, caps)
    return decide_grant(
        turn,
        HoldPrice(command.terms, price, command.change_ms),
        session,
        command.wish,
        caps,
        others_hold=bool(turn.state.holds),
    )


def _open(turn: Turn, command: Reserve, grant: GrantDecision) -> None:
    assert command.terms is not None
    assert grant.hold is not None
    turn.state.reservations[command.reservation_id] = Reservation(
        command.reservation_id,
        ReservationState.OPEN,
        grant.hold.expire_ms + REMEMBER_MS,
        command.session_id,
        command.profile.subscriber_id,
        command.terms,
        command.profile.terms.plan,
        command.change_ms,
    )
    apply_hold(turn, command.reservation_id, grant.hold)


def grant_parts(grant: GrantDecision) -> dict[str, object]:
    """Return the fields of the answer that tell of a grant."""
    return {
        "granted_units": grant.granted_units,
        "valid_until_ms": grant.valid_until_ms,
        "expire_ms": grant.hold.expire_ms if grant.hold is not None else 0,
        "final_grant": grant.final_grant,
        "held_micros": grant.held_micros,
        "price_change_ms": grant.change_ms,
        "cap": grant.cap,
    }


def hold_parts(grant: GrantDecision) -> dict[str, object]:
    """Return the fields of the event that tell of a hold."""
    if grant.hold is None:
        return {}
    return {
        "granted_units": grant.granted_units,
        "hold": (grant.hold.expire_ms, grant.hold.granted_units),
        "hold_lines": list(grant.hold.lines),
        "cap_lines": list(grant.hold.cap_lines),
    }
