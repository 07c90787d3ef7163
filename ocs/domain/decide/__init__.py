"""The executable specification: decide(state, command, now) -> (state', answer, events).

Pure. The Lua scripts must do exactly this; the model test compares them after every step.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import (
    AddSubscriber,
    AdjustBucket,
    CancelBundleRenewal,
    Command,
    Commit,
    CreateAccount,
    Debit,
    DeleteSpendingCap,
    Expire,
    PurchaseBundle,
    Refund,
    Release,
    RemoveSubscriber,
    RenewBundle,
    Reserve,
    ReverseTopUp,
    SetAccountStatus,
    SetBucketThreshold,
    SetSpendingCap,
    TopUp,
    UpdateAccount,
    UpdateSubscriber,
    WithdrawBalance,
)
from ocs.domain.decide.accounts import create_account, top_up
from ocs.domain.decide.bundles import (
    cancel_bundle_renewal,
    ends,
    purchase_bundle,
    renew_bundle,
    set_bucket_threshold,
)
from ocs.domain.decide.caps import delete_spending_cap, set_spending_cap
from ocs.domain.decide.commit import commit
from ocs.domain.decide.corrections import adjust_bucket, reverse_top_up, withdraw_balance
from ocs.domain.decide.debit import debit
from ocs.domain.decide.expire import expire_due
from ocs.domain.decide.lines import add_subscriber, remove_subscriber, update_subscriber
from ocs.domain.decide.prelude import answer_from_record, check_age, count_refusal, record
from ocs.domain.decide.refund import refund
from ocs.domain.decide.release import release
from ocs.domain.decide.reserve import reserve
from ocs.domain.decide.status import set_account_status, update_account
from ocs.domain.decide.turn import Decision, Turn
from ocs.domain.known import ReservationFacts
from ocs.domain.state import AccountState, AccountStatus

__all__ = ["Decision", "decide"]

_OPERATIONS: Final[Mapping[type, Callable[[Turn, Any], Answer]]] = MappingProxyType(
    {
        Reserve: reserve,
        Commit: commit,
        Release: release,
        Debit: debit,
        TopUp: top_up,
        AddSubscriber: add_subscriber,
        RemoveSubscriber: remove_subscriber,
        UpdateSubscriber: update_subscriber,
        SetSpendingCap: set_spending_cap,
        DeleteSpendingCap: delete_spending_cap,
        SetAccountStatus: set_account_status,
        UpdateAccount: update_account,
        WithdrawBalance: withdraw_balance,
        AdjustBucket: adjust_bucket,
        ReverseTopUp: reverse_top_up,
        Refund: refund,
        SetBucketThreshold: set_bucket_threshold,
        PurchaseBundle: purchase_bundle,
        RenewBundle: renew_bundle,
        CancelBundleRenewal: cancel_bundle_renewal,
    }
)
# What a closed account takes no more.
_KEEPING = (
    TopUp
    | AddSubscriber
    | UpdateSubscriber
    | SetSpendingCap
    | DeleteSpendingCap
    | SetAccountStatus
    | UpdateAccount
)


def decide(state: AccountState | None, command: Command, now_ms: int) -> Decision:
    """Decide one command on one account.

    state: None for an unknown account; left unchanged. now_ms: the store's clock; the account's
    floor keeps it from going back. Order of checks: record, age, staleness, due expiries, then
    the operation's own.
    """
    if isinstance(command, CreateAccount):
        return create_account(state, command, now_ms)
    if state is None:
        return Decision(None, Answer(0, now_ms, reason=Reason.ACCOUNT_NOT_FOUND), [])
    turn = Turn(state.clone(), max(now_ms, state.floor_ms))
    if isinstance(command, Expire):
        more = expire_due(turn)
        reason = Reason.EXPIRE_MORE if more else None
        outcome = None if more else Outcome.DONE
        due = () if more else turn.state.due_renewals(turn.now_ms)
        parts = {"expired_count": len(turn.events), "renewals_due": due}
        return turn.finish(turn.answer(outcome=outcome, reason=reason, **parts))
    early = answer_from_record(turn, command) or check_age(turn, command)
    if early is None:
        early = _stale(turn, command)
    if early is not None:
        # Nothing is written but the count of replays.
        state = turn.state if early.replayed else state
        return Decision(state, early, [])
    if expire_due(turn):
        return turn.finish(turn.refuse(Reason.EXPIRE_MORE))
    answer = count_refusal(turn, _operate(turn, command))
    record(turn, command, answer)
    return turn.finish(answer)


def _stale(turn: Turn, command: Command) -> Answer | None:
    """Refuse a command that was built on an old view of the account; nothing is written."""
    state = turn.state
    if isinstance(command, Reserve | Debit):
        if command.profile.version != state.profile_version:
            return turn.refuse(Reason.STALE_PROFILE)
        subscriber_id = command.profile.subscriber_id
        if subscriber_id and subscriber_id not in state.subscribers:
            return turn.refuse(Reason.SUBSCRIBER_NOT_FOUND)
    if isinstance(command, PurchaseBundle | RenewBundle):
        return _stale_bundle(turn, command)
    if isinstance(command, Commit | Release):
        reservation = turn.reservation(command.reservation_id)
        if reservation is None:
            return turn.refuse(Reason.RESERVATION_NOT_FOUND)
        if command.reservation != ReservationFacts.of(reservation):
            return turn.refuse(Reason.STALE_RESERVATION)
        if command.profile is None or command.profile.version != state.profile_version:
            return turn.refuse(Reason.STALE_PROFILE)
    return None


def _stale_bundle(turn: Turn, command: PurchaseBundle | RenewBundle) -> Answer | None:
    if command.profile.version != turn.state.profile_version:
        return turn.refuse(Reason.STALE_PROFILE)
    if isinstance(command, RenewBundle):
        renewal = turn.state.renewals.get(command.bundle_id)
        if renewal is None or renewal.due_ms != command.due_ms or renewal.due_ms > turn.now_ms:
            return turn.refuse(Reason.RENEWAL_NOT_DUE)
    if command.bundle is not None and ends(turn, command) is None:
        return turn.refuse(Reason.STALE_PROFILE)
    return None


def _operate(turn: Turn, command: Command) -> Answer:
    if turn.state.status is AccountStatus.CLOSED and isinstance(command, _KEEPING):
        return turn.refuse(Reason.ACCOUNT_CLOSED)
    return _OPERATIONS[type(command)](turn, command)
