"""Lines of an account: add one, give it other groups, remove one."""

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import AddSubscriber, RemoveSubscriber, UpdateSubscriber
from ocs.domain.decide.turn import Turn
from ocs.domain.spending_cap import subscriber_holder


def add_subscriber(turn: Turn, command: AddSubscriber) -> Answer:
    """Add a line with its groups; what was built when it was not there yet is stale."""
    if command.subscriber_id in turn.state.subscribers:
        return turn.refuse(Reason.SUBSCRIBER_EXISTS)
    turn.state.subscribers[command.subscriber_id] = command.group_ids
    turn.state.identities[command.subscriber_id] = command.identities
    turn.state.profile_version += 1
    turn.emit(
        EventKind.ADD_SUBSCRIBER, ref=command.subscriber_id, group_ids=list(command.group_ids)
    )
    return turn.answer(outcome=Outcome.DONE)


def update_subscriber(turn: Turn, command: UpdateSubscriber) -> Answer:
    """Give a line that holds nothing other groups."""
    if command.subscriber_id not in turn.state.subscribers:
        return turn.refuse(Reason.SUBSCRIBER_NOT_FOUND)
    if command.etag not in ("", str(turn.state.profile_version)):
        return turn.refuse(Reason.ETAG_MISMATCH)
    refusal = _holds(turn, command)
    if refusal is not None:
        return turn.refuse(refusal)
    turn.state.subscribers[command.subscriber_id] = command.group_ids
    turn.state.profile_version += 1
    turn.emit(
        EventKind.UPDATE_SUBSCRIBER, ref=command.subscriber_id, group_ids=list(command.group_ids)
    )
    return turn.answer(outcome=Outcome.DONE)


def remove_subscriber(turn: Turn, command: RemoveSubscriber) -> Answer:
    """Remove a line that holds nothing, with its caps; answer with its identities."""
    state, subscriber_id = turn.state, command.subscriber_id
    if subscriber_id not in state.subscribers:
        return turn.refuse(Reason.SUBSCRIBER_NOT_FOUND)
    refusal = _holds(turn, command)
    if refusal is not None:
        return turn.refuse(refusal)
    holder = subscriber_holder(subscriber_id)
    del state.subscribers[subscriber_id]
    identities = state.identities.pop(subscriber_id)
    state.caps = {key: cap for key, cap in state.caps.items() if key[0] != holder}
    state.counters = {key: one for key, one in state.counters.items() if key[0] != holder}
    state.slots = {key: one for key, one in state.slots.items() if key[0] != holder}
    state.profile_version += 1
    turn.emit(EventKind.REMOVE_SUBSCRIBER, ref=subscriber_id)
    return turn.answer(outcome=Outcome.DONE, identities=identities)


def _holds(turn: Turn, command: RemoveSubscriber | UpdateSubscriber) -> Reason | None:
    """Why the line stays as it is: it holds something, or more is open than the service saw."""
    state, subscriber_id = turn.state, command.subscriber_id
    if not state.holds.keys() <= set(command.open_ids):
        return Reason.STALE_PROFILE
    if any(state.reservations[name].subscriber_id == subscriber_id for name in state.holds):
        return Reason.SUBSCRIBER_HOLDS_RESERVATIONS
    return None
