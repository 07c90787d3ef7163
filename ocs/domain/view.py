"""What an account looks like at a moment, for readers: what is due counts as done."""

from ocs.domain.decide.expire import expire_due
from ocs.domain.decide.grant import CapInForce, cap_in_force
from ocs.domain.decide.turn import Turn
from ocs.domain.state import AccountState


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
