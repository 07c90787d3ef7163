"""Commit: settle used units, then close, keep or hold anew."""

from dataclasses import dataclass, replace

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import Commit
from ocs.domain.decide.grant import (
    CapInForce,
    GrantDecision,
    HoldPrice,
    apply_hold,
    caps_in_force,
    decide_grant,
)
from ocs.domain.decide.pricing import price_of_hold, price_of_use
from ocs.domain.decide.reserve import grant_parts, hold_parts
from ocs.domain.decide.sequence import Order, advance, order_of
from ocs.domain.decide.settle import Settlement, settle_available, settle_hold, stretches_of
from ocs.domain.decide.status import status_denial
from ocs.domain.decide.turn import Turn
from ocs.domain.price_function import PriceFunction, connect_due, steps_of
from ocs.domain.reservation import (
    TRANSITIONS,
    Hold,
    Reservation,
    ReservationState,
    ServiceTerms,
    SessionRating,
    Step,
)
from ocs.limits import EXPIRE_GRACE_MIN_MS, REMEMBER_MS


@dataclass(slots=True)
class _Case:
    """One commit in the making."""

    turn: Turn
    command: Commit
    reservation: Reservation
    session: SessionRating
    order: Order
    hold: Hold | None
    price: PriceFunction
    target: int

    def caps(self) -> list[CapInForce]:
        """The caps that count, as they stand by now."""
        terms = self.reservation.terms
        return caps_in_force(self.turn, terms, self.reservation.subscriber_id, self.command.tiers())


def commit(turn: Turn, command: Commit) -> Answer:
    """Check everything, settle, then decide what becomes of the rest."""
    reservation = turn.reservation(command.reservation_id)
    assert reservation is not None
    refusal = _refusal(turn, command, reservation)
    terms = reservation.terms
    session = turn.session(reservation.session_id, terms.service_id)
    order = order_of(session, command.sequence_number)
    if refusal is None and order.reused:
        refusal = Reason.SEQUENCE_NUMBER_REUSED
    caps = caps_in_force(turn, terms, reservation.subscriber_id, command.tiers())
    priced = price_of_use(terms, session, command.used_units, command.pieces, caps)
    if refusal is None and priced is None:
        refusal = Reason.CHARGE_LIMIT
    if refusal is not None:
        return turn.refuse(refusal)
    assert priced is not None
    price, target = priced
    hold = turn.state.holds.get(command.reservation_id)
    case = _Case(turn, command, reservation, session, order, hold, price, target)
    settlement = _settle(case)
    after = advance(session, command.sequence_number)
    after = replace(after, position=session.position + command.used_units, paid_to=target)
    grant = _next_grant(case, after) if command.wish is not None else None
    return _conclude(case, settlement, after, grant)


def _refusal(turn: Turn, command: Commit, reservation: Reservation) -> Reason | None:
    allowed = TRANSITIONS[(reservation.state, command.step)]
    if isinstance(allowed, Reason):
        return allowed
    if command.refusal is not None:
        return command.refusal
    hold = turn.state.holds.get(command.reservation_id)
    held_units = hold.granted_units if hold is not None else 0
    if command.reject_overrun and command.used_units > held_units:
        return Reason.COMMIT_EXCEEDS_RESERVED
    opens = command.step is Step.NEXT_GRANT and reservation.state is ReservationState.EXPIRED
    if opens and turn.reservation(command.next_reservation_id) is not None:
        return Reason.RESERVATION_EXISTS
    return None


def _settle(case: _Case) -> Settlement:
    turn, terms, hold = case.turn, case.reservation.terms, case.hold
    used_units = case.command.used_units
    fee = connect_due(case.price, case.session.position, used_units)
    settlement = Settlement(case.price, case.session.paid_to, case.target, fee)
    if hold is not None:
        keep = case.command.step is Step.KEEP
        settle_hold(turn, hold, settlement, keep=keep)
        del turn.state.holds[case.command.reservation_id]
        if settlement.remaining is not None:
            left = max(0, hold.granted_units - used_units)
            kept = replace(settlement.remaining, granted_units=left)
            turn.state.holds[case.command.reservation_id] = kept
    settle_available(turn, terms, settlement, case.caps())
    return settlement


def _next_grant(case: _Case, after: SessionRating) -> GrantDecision:
    denial = status_denial(case.turn) or case.command.grant_refusal
    if denial is not None:
        return GrantDecision(denial)
    if case.order.out_of_order:
        return GrantDecision(Outcome.OUT_OF_ORDER)
    turn, command, wish = case.turn, case.command, case.command.wish
    assert wish is not None
    terms, change_ms = case.reservation.terms, case.reservation.change_ms
    if command.terms is not None:
        terms, change_ms = command.terms, command.change_ms
    caps = case.caps()
    price = price_of_hold(terms, command.later, after, wish, caps)
    others_hold = bool(turn.state.holds)
    priced = HoldPrice(terms, price, change_ms)
    return decide_grant(turn, priced, after, wish, caps, others_hold=others_hold)


def _conclude(
    case: _Case, settlement: Settlement, after: SessionRating, grant: GrantDecision | None
) -> Answer:
    turn, command, late = case.turn, case.command, case.hold is None
    current_id = command.next_reservation_id if late and grant is not None else ""
    holding = _hold_after(case, settlement, grant, current_id or command.reservation_id)
    until = holding.expire_ms if holding is not None else turn.now_ms
    after = replace(after, expire_ms=max(after.expire_ms, until + REMEMBER_MS))
    turn.save_session(case.reservation.session_id, case.reservation.terms.service_id, after)
    outcome = Outcome.CHARGED if grant is None else grant.outcome
    successor = current_id if grant is not None and grant.hold is not None else ""
    flags = ("l" if late else "") + case.order.flags
    flags += "f" if grant is not None and grant.final_grant else ""
    before = case.session
    turn.emit(
        EventKind.COMMIT,
        ref=command.reservation_id,
        outcome=outcome,
        requested_units=command.wish.requested_units if command.wish is not None else 0,
        used_units=command.used_units,
        position=(before.position, before.paid_to, after.position, after.paid_to),
        payments=list(settlement.payments()),
        steps=steps_of(settlement.price, settlement.start, settlement.end),
        stretches=stretches_of(settlement.segments),
        uncollected_units=settlement.uncollected_units,
        uncollected_micros=settlement.uncollected_micros,
        connect_micros=settlement.connect_micros,
        successor_id=successor,
        flags=flags,
        **(hold_parts(grant) if grant is not None and grant.hold is not None else _rest(holding)),
    )
    return turn.answer(
        outcome=outcome,
        reservation_id=successor or command.reservation_id,
        **(grant_parts(grant) if grant is not None else {}),
        **charge_parts(settlement),
        late=late,
        sequence_gap=case.order.gap,
        out_of_order=case.order.out_of_order,
    )


def _hold_after(
    case: _Case, settlement: Settlement, grant: GrantDecision | None, holder_id: str
) -> Hold | None:
    """Settle what the reservation (or its successor) holds, and what is remembered of it."""
    turn, reservation = case.turn, case.reservation
    late = case.hold is None
    if grant is None:
        state = TRANSITIONS[(reservation.state, case.command.step)]
        assert isinstance(state, ReservationState)
        forget = reservation.forget_ms
        if state is ReservationState.CLOSED and not late:
            forget = turn.now_ms + REMEMBER_MS
        turn.state.reservations[reservation.reservation_id] = replace(
            reservation, state=state, forget_ms=forget
        )
        return settlement.remaining and turn.state.holds[reservation.reservation_id]
    if grant.hold is None and late:
        return None
    hold = grant.hold or _empty_hold(turn, reservation)
    apply_hold(turn, holder_id, hold)
    turn.state.reservations[holder_id] = Reservation(
        holder_id,
        ReservationState.OPEN,
        hold.expire_ms + REMEMBER_MS,
        reservation.session_id,
        reservation.subscriber_id,
        *_price_after(case, grant),
    )
    return hold


def _price_after(case: _Case, grant: GrantDecision) -> tuple[ServiceTerms, str, int]:
    """Return what a reservation is priced by from its next grant on: as before if refused."""
    command, reservation = case.command, case.reservation
    if command.terms is None or grant.hold is None:
        return reservation.terms, reservation.plan, reservation.change_ms
    assert command.profile is not None
    return command.terms, command.profile.terms.plan, command.change_ms


def _empty_hold(turn: Turn, reservation: Reservation) -> Hold:
    """Keep a reservation open that was refused its next grant: it holds nothing."""
    validity = reservation.terms.validity_ms
    return Hold(turn.now_ms + validity + max(validity, EXPIRE_GRACE_MIN_MS), 0)


def _rest(hold: Hold | None) -> dict[str, object]:
    if hold is None:
        return {"hold": (0, 0)}
    return {
        "hold": (hold.expire_ms, hold.granted_units),
        "hold_lines": list(hold.lines),
        "cap_lines": list(hold.cap_lines),
    }


def charge_parts(settlement: Settlement) -> dict[str, object]:
    """Return the fields of the answer that tell of a charge."""
    return {
        "rated_units": settlement.end - settlement.start,
        "charged_micros": settlement.charged_micros,
        "uncollected_units": settlement.uncollected_units,
        "uncollected_micros": settlement.uncollected_micros,
        "payments": settlement.payments(),
    }
