"""Status and terms of an account: suspend, resume, close, update."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.bucket import MAIN
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import SetAccountStatus, UpdateAccount
from ocs.domain.decide.turn import Turn
from ocs.domain.state import AccountStatus
from ocs.limits import QUANTITY_MAX

_DENIALS: Final[Mapping[AccountStatus, Outcome | None]] = MappingProxyType(
    {
        AccountStatus.ACTIVE: None,
        AccountStatus.SUSPENDED: Outcome.ACCOUNT_SUSPENDED,
        AccountStatus.CLOSED: Outcome.ACCOUNT_CLOSED,
    }
)
_KINDS: Final[Mapping[AccountStatus, EventKind]] = MappingProxyType(
    {
        AccountStatus.ACTIVE: EventKind.RESUME_ACCOUNT,
        AccountStatus.SUSPENDED: EventKind.SUSPEND_ACCOUNT,
        AccountStatus.CLOSED: EventKind.CLOSE_ACCOUNT,
    }
)


def status_denial(turn: Turn) -> Outcome | None:
    """Say why the account's status grants nothing; None if it is active."""
    return _DENIALS[turn.state.status]


def set_account_status(turn: Turn, command: SetAccountStatus) -> Answer:
    """Change the status; again to the same one, too, for it may have another reason."""
    if command.status is AccountStatus.CLOSED:
        if turn.state.holds:
            return turn.refuse(Reason.ACCOUNT_HOLDS_RESERVATIONS)
        if any(bucket.balance for bucket in turn.state.buckets.values()):
            return turn.refuse(Reason.ACCOUNT_HAS_BALANCE)
    turn.state.status = command.status
    turn.emit(_KINDS[command.status])
    return turn.answer(outcome=Outcome.DONE)


def update_account(turn: Turn, command: UpdateAccount) -> Answer:
    """Change plan, segment or credit limit; a lowered limit only stops new grants."""
    state = turn.state
    old = state.terms
    if command.etag and command.etag != str(state.profile_version):
        return turn.refuse(Reason.ETAG_MISMATCH)
    limit = old.credit_limit if command.credit_limit < 0 else command.credit_limit
    if state.buckets[MAIN].credited + limit > QUANTITY_MAX:
        return turn.refuse(Reason.BALANCE_LIMIT)
    state.terms = replace(
        old,
        plan=command.plan or old.plan,
        segment=command.segment or old.segment,
        credit_limit=limit,
    )
    state.profile_version += 1
    turn.emit(
        EventKind.UPDATE_ACCOUNT,
        terms=[("w", str(old.credit_limit), str(limit))],
    )
    return turn.answer(outcome=Outcome.DONE)
