"""The life of a reservation: one table, complete, and every end is an end."""

from ocs.domain.answer import Reason
from ocs.domain.reservation import TRANSITIONS, ReservationState, Step


def test_the_table_knows_every_step_that_can_be_asked_for() -> None:
    asked = {
        (state, step)
        for state in ReservationState
        for step in Step
        # Only what is open can lapse.
        if step is not Step.EXPIRE or state is ReservationState.OPEN
    }

    assert set(TRANSITIONS) == asked


def test_closed_and_released_take_nothing_any_more() -> None:
    for state in (ReservationState.CLOSED, ReservationState.RELEASED):
        answers = {after for (before, _), after in TRANSITIONS.items() if before is state}

        assert answers == {Reason.RESERVATION_CLOSED}


def test_nothing_opens_again() -> None:
    for (before, _), after in TRANSITIONS.items():
        if after is ReservationState.OPEN:
            assert before is ReservationState.OPEN
