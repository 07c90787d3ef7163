"""What an account looks like at a moment, for readers: what is due counts as done."""

from dataclasses import replace
from typing import NamedTuple

from ocs.domain.allocation import cost_between
from ocs.domain.answer import Answer
from ocs.domain.commands import Debit
from ocs.domain.decide import decide
from ocs.domain.decide.expire import expire_due
from ocs.domain.decide.grant import CapInForce, cap_in_force, caps_in_force
from ocs.domain.decide.pricing import price_of_use
from ocs.domain.decide.turn import Turn
from ocs.domain.price_function import PriceFunction, connect_due
from ocs.domain.reservation import Hold, Reservation, ReservationState, SessionRating
from ocs.domain.state import AccountState


class ReservationView(NamedTuple):
    """A reservation as of a moment. hold: None unless it is open."""

    reservation: Reservation
    hold: Hold | None


def as_of(state: AccountState, now_ms: int) -> AccountState:
    """Return the state with everything that is due expired; nothing is written anywhere."""
    turn = Turn(state.clone(), max(now_ms, state.floor_ms))
    while expire_due(turn):
        continue
    turn.state.seq = state.seq
    return turn.state


def caps_of(state: AccountState, holder: str, now_ms: int) -> list[CapInForce]:
    """Return the caps of one holder in their current period, by id."""
    turn = Turn(state, max(now_ms, state.floor_ms))
    found = [cap for cap in state.caps.values() if cap.holder == holder]
    return [cap_in_force(turn, cap) for cap in sorted(found, key=lambda cap: cap.cap_id)]


def reservation_as_of(
    reservation: Reservation, hold: Hold | None, now_ms: int
) -> ReservationView | None:
    """Return a reservation at a moment: lapsed if its hold has, None once it is forgotten."""
    if reservation.forget_ms <= now_ms:
        return None
    if hold is not None and hold.expire_ms <= now_ms:
        hold = None
    if reservation.state is ReservationState.OPEN and hold is None:
        reservation = replace(reservation, state=ReservationState.EXPIRED)
    return ReservationView(reservation, hold)


class PricedUse(NamedTuple):
    """What use would cost a new session. price: None = there is none, or it is refused."""

    answer: Answer
    price: PriceFunction | None
    rated_units: int
    price_micros: int


def quote(state: AccountState, command: Debit, now_ms: int) -> PricedUse:
    """Answer as a debit would be now, with its price; nothing is written anywhere."""
    present = as_of(state, now_ms)
    answer = decide(present, command, now_ms).answer
    if command.terms is None:
        return PricedUse(answer, None, 0, 0)
    turn = Turn(present, max(now_ms, present.floor_ms))
    caps = caps_in_force(turn, command.terms, command.profile.subscriber_id, command.tiers())
    new = SessionRating(0)
    found = price_of_use(command.terms, new, command.used_units, command.pieces, caps)
    if found is None:
        return PricedUse(answer, None, 0, 0)
    price, rated = found
    micros = cost_between(price, 0, rated) + connect_due(price, 0, command.used_units)
    return PricedUse(answer, price, rated, micros)
