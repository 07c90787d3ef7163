"""Release: give everything held back."""

from dataclasses import replace

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import Release
from ocs.domain.decide.turn import Turn
from ocs.domain.reservation import TRANSITIONS, Step
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.domain.units import Unit
from ocs.limits import REMEMBER_MS


def release(turn: Turn, command: Release) -> Answer:
    """End the reservation unused; nothing is charged."""
    reservation = turn.reservation(command.reservation_id)
    assert reservation is not None
    after = TRANSITIONS[(reservation.state, Step.RELEASE)]
    if isinstance(after, Reason):
        return turn.refuse(after)
    hold = turn.state.holds.pop(command.reservation_id)
    released_micros = 0
    for bucket_id, quantity in hold.lines:
        turn.hold(bucket_id, -quantity)
        if turn.state.buckets[bucket_id].terms.unit is Unit.MICROS:
            released_micros += quantity
    for line in hold.cap_lines:
        key = (line.holder, line.cap_id)
        if line.holder == ACCOUNT_HOLDER and turn.counts_in(key, line.period_start_ms):
            turn.count(key, line.period_start_ms, spent=0, held=-line.quantity)
    turn.state.reservations[command.reservation_id] = replace(
        reservation, state=after, forget_ms=turn.now_ms + REMEMBER_MS
    )
    turn.emit(EventKind.RELEASE, ref=command.reservation_id, outcome=Outcome.RELEASED, hold=(0, 0))
    return turn.answer(
        outcome=Outcome.RELEASED,
        reservation_id=command.reservation_id,
        held_micros=released_micros,
    )
