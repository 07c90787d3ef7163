"""Debit: charge at once, without a reservation."""

from dataclasses import replace

from ocs.domain.allocation import allocate, fee_in, reached
from ocs.domain.answer import Answer, CapReached, Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import Basis, Debit
from ocs.domain.decide.commit import charge_parts
from ocs.domain.decide.grant import CapInForce, caps_in_force, sources_for
from ocs.domain.decide.pricing import price_of_use
from ocs.domain.decide.sequence import advance, order_of
from ocs.domain.decide.settle import Settlement, settle_available, stretches_of
from ocs.domain.decide.status import status_denial
from ocs.domain.decide.turn import Turn
from ocs.domain.price_function import connect_due, steps_of
from ocs.domain.reservation import ServiceTerms, SessionRating
from ocs.domain.units import Unit


def debit(turn: Turn, command: Debit) -> Answer:
    """AUTHORIZE takes all or is refused; USED takes what there is (P8)."""
    if isinstance(command.refusal, Reason):
        return turn.refuse(command.refusal)
    session = SessionRating(0)
    if command.session_id:
        session = turn.session(command.session_id, command.service_id)
    order = order_of(session, command.sequence_number)
    if order.reused:
        return turn.refuse(Reason.SEQUENCE_NUMBER_REUSED)
    refusal = command.refusal
    if command.basis is Basis.AUTHORIZE:
        refusal = status_denial(turn) or refusal
    if isinstance(refusal, Outcome):
        return _deny(turn, command, session, refusal, None)
    terms = command.terms
    assert terms is not None
    caps = caps_in_force(turn, terms, command.profile.subscriber_id, command.tiers())
    priced = price_of_use(terms, session, command.used_units, command.pieces, caps)
    if priced is None:
        return turn.refuse(Reason.CHARGE_LIMIT)
    price, target = priced
    fee = connect_due(price, session.position, command.used_units)
    settlement = Settlement(price, session.paid_to, target, fee)
    if command.basis is Basis.AUTHORIZE:
        refused, cap = denial(turn, terms, settlement, caps)
        if refused is not None:
            return _deny(turn, command, session, refused, cap)
    settle_available(turn, terms, settlement, caps)
    after = advance(session, command.sequence_number)
    after = replace(after, position=session.position + command.used_units, paid_to=target)
    turn.save_session(command.session_id, command.service_id, after)
    turn.emit(
        EventKind.DEBIT,
        outcome=Outcome.CHARGED,
        used_units=command.used_units,
        position=(session.position, session.paid_to, after.position, after.paid_to),
        payments=list(settlement.payments()),
        steps=steps_of(settlement.price, settlement.start, settlement.end),
        stretches=stretches_of(settlement.segments),
        uncollected_units=settlement.uncollected_units,
        uncollected_micros=settlement.uncollected_micros,
        connect_micros=settlement.connect_micros,
        flags=order.flags,
    )
    return turn.answer(
        outcome=Outcome.CHARGED,
        **charge_parts(settlement),
        sequence_gap=order.gap,
        out_of_order=order.out_of_order,
    )


def denial(
    turn: Turn, terms: ServiceTerms, settlement: Settlement, caps: list[CapInForce]
) -> tuple[Outcome | None, CapReached | None]:
    """Say why a charge cannot be paid for in full, or passes which cap; None if nothing does."""
    start, target, fee = settlement.start, settlement.end, settlement.connect_micros
    segments = allocate(settlement.price, start, target, sources_for(turn, terms), fee)
    if reached(segments, start) < target or fee_in(segments) < fee:
        return Outcome.CREDIT_LIMIT_REACHED, None
    money = sum(segment.quantity for segment in segments if segment.source.money)
    for cap in caps:
        quantity = money if cap.cap.unit is Unit.MICROS else target - start
        if quantity > max(0, cap.headroom):
            return Outcome.SPENDING_CAP_REACHED, cap.reached()
    return None, None


def _deny(
    turn: Turn, command: Debit, session: SessionRating, outcome: Outcome, cap: CapReached | None
) -> Answer:
    order = order_of(session, command.sequence_number)
    turn.save_session(
        command.session_id, command.service_id, advance(session, command.sequence_number)
    )
    turn.emit(
        EventKind.DEBIT,
        outcome=outcome,
        used_units=command.used_units if command.basis is Basis.USED else 0,
        requested_units=command.used_units if command.basis is Basis.AUTHORIZE else 0,
        flags=order.flags,
    )
    return turn.answer(
        outcome=outcome, cap=cap, sequence_gap=order.gap, out_of_order=order.out_of_order
    )
