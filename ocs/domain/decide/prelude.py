"""What every mutation does first and last: its request record."""

from dataclasses import replace

from ocs.domain.answer import RECORDED_REASONS, Answer, Reason
from ocs.domain.commands import Mutation
from ocs.domain.decide.turn import Turn
from ocs.domain.state import RequestRecord
from ocs.limits import REFUSALS_MAX, REFUSALS_WINDOW_MS, REQUEST_AHEAD_MAX_MS


def answer_from_record(turn: Turn, command: Mutation) -> Answer | None:
    """Replay the recorded answer, or refuse an id that means something else; None if unknown."""
    found = turn.state.records.get(command.request_id)
    if found is None or found.expire_ms <= turn.now_ms:
        return None
    if found.fingerprint != command.fingerprint:
        return turn.refuse(Reason.REQUEST_ID_REUSED)
    turn.state.replayed_count += 1
    return replace(found.answer, replayed=True)


def check_age(turn: Turn, command: Mutation) -> Answer | None:
    """Refuse what is from the future, and what is so old that its record may be gone."""
    if command.request_time_ms > turn.now_ms + REQUEST_AHEAD_MAX_MS:
        return turn.refuse(Reason.REQUEST_TIME_AHEAD)
    if command.request_time_ms + command.window_ms <= turn.now_ms:
        return turn.refuse(Reason.REQUEST_TOO_OLD)
    return None


def count_refusal(turn: Turn, answer: Answer) -> Answer:
    """Count a refusal that is to be stored; without room for it the account refuses even that."""
    if answer.reason not in RECORDED_REASONS:
        return answer
    since_ms, count = turn.state.refusals
    if since_ms + REFUSALS_WINDOW_MS <= turn.now_ms:
        since_ms, count = turn.now_ms, 0
    if count >= REFUSALS_MAX:
        return turn.refuse(Reason.TOO_MANY_REFUSALS)
    turn.state.refusals = (since_ms, count + 1)
    return answer


def record(turn: Turn, command: Mutation, answer: Answer) -> None:
    """Keep decisions, and refusals that depend on the state of what the call names."""
    if answer.reason is None or answer.reason in RECORDED_REASONS:
        until = max(turn.now_ms, command.request_time_ms) + command.window_ms
        turn.recorded = True
        turn.state.records[command.request_id] = RequestRecord(until, command.fingerprint, answer)
