"""Caps: set one, remove one."""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import DeleteSpendingCap, SetSpendingCap
from ocs.domain.decide.turn import Turn
from ocs.domain.spending_cap import SpendingCap
from ocs.limits import CAPS_PER_HOLDER_MAX


def set_spending_cap(turn: Turn, command: SetSpendingCap) -> Answer:
    """Create a cap, or change the limit of one; what it counts never changes."""
    cap = command.cap
    key = (cap.holder, cap.cap_id)
    kind, _, holder_id = cap.holder.partition("/")
    if kind == "subscriber" and holder_id not in turn.state.subscribers:
        return turn.refuse(Reason.SUBSCRIBER_NOT_FOUND)
    old = turn.state.caps.get(key)
    if old is not None and not old.same_meaning(cap):
        return turn.refuse(Reason.CAP_MISMATCH)
    held = sum(1 for other in turn.state.caps.values() if other.holder == cap.holder)
    if old is None and held >= CAPS_PER_HOLDER_MAX:
        return turn.refuse(Reason.TOO_MANY_CAPS)
    turn.state.caps[key] = cap
    turn.state.profile_version += 1
    turn.emit(EventKind.SET_SPENDING_CAP, ref=cap.cap_id, terms=[_cap_token(cap)])
    return turn.answer(outcome=Outcome.DONE)


def delete_spending_cap(turn: Turn, command: DeleteSpendingCap) -> Answer:
    """Remove a cap with all that refers to it: its id may count something else from then on."""
    key = (command.holder, command.cap_id)
    kind, _, holder_id = command.holder.partition("/")
    if kind == "subscriber" and holder_id not in turn.state.subscribers:
        return turn.refuse(Reason.SUBSCRIBER_NOT_FOUND)
    cap = turn.state.caps.pop(key, None)
    if cap is None:
        return turn.refuse(Reason.CAP_NOT_FOUND)
    turn.state.counters.pop(key, None)
    for place in [place for place in turn.state.slots if place[:2] == key]:
        del turn.state.slots[place]
    for reservation_id, hold in turn.state.holds.items():
        turn.state.holds[reservation_id] = hold.without(key)
    turn.state.profile_version += 1
    turn.emit(EventKind.DELETE_SPENDING_CAP, ref=cap.cap_id, terms=[_cap_token(cap)])
    return turn.answer(outcome=Outcome.DONE)


def _cap_token(cap: SpendingCap) -> tuple[str, ...]:
    return (
        "q",
        cap.holder,
        cap.cap_id,
        cap.unit,
        str(cap.limit),
        cap.period_text,
        cap.service_id or "-",
        cap.zone or "-",
    )
