"""Encoders of account keeping: what each command passes behind the common keys and arguments."""

from collections.abc import Callable
from typing import Final, TypeAlias

from ocs.domain.commands import (
    AddSubscriber,
    AdjustBucket,
    Call,
    CreateAccount,
    DeleteSpendingCap,
    Refund,
    RemoveSubscriber,
    ReverseTopUp,
    SetAccountStatus,
    SetSpendingCap,
    TopUp,
    UpdateAccount,
    UpdateSubscriber,
    WithdrawBalance,
)
from ocs.domain.known import Profile
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.domain.units import Unit
from ocs.store import keys
from ocs.store.keys import AccountKeys
from ocs.store.layout import cap_meaning, dash, terms_text

Argument: TypeAlias = str | bytes | int
Encoded: TypeAlias = tuple[str, list[str], list[Argument]]
CapsText: TypeAlias = Callable[[Profile, Unit, str, str, tuple[str, ...]], str]
Encoder: TypeAlias = Callable[[Call, AccountKeys, CapsText], Encoded]

# Compared with the headers; see ocs.store.encode.
BINDINGS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "top_up": (
        ("payment",),
        ("request_id", "refusal", "bucket_id", "terms", "unit", "quantity"),
    ),
    "create_account": (
        ("profile", "accounts"),
        ("currency", "time_zone", "anchor_day", "plan", "segment", "credit_limit"),
    ),
    "add_subscriber": (("subscriber", "subscribers"), ("subscriber_id", "identities", "groups")),
    "remove_subscriber": (
        ("subscriber", "subscribers", "reservations..."),
        ("subscriber_id", "open_ids"),
    ),
    "set_spending_cap": (("holder",), ("holder_name", "cap_id", "meaning", "limit")),
    "delete_spending_cap": (("holder",), ("holder_name", "cap_id")),
    "set_account_status": ((), ("status",)),
    "withdraw_balance": ((), ("bucket_id", "unit", "quantity")),
    "adjust_bucket": ((), ("bucket_id", "unit", "quantity")),
    "reverse_top_up": (("payment",), ("allow_partial",)),
    "refund": (
        ("refund", "profile", "archive", "holders..."),
        ("seq", "position", "line", "shares", "bucket_id", "holder_names"),
    ),
    "update_account": (("profile",), ("plan", "segment", "credit_limit", "etag")),
}


def holder_key(tenant: str, account_id: str, holder: str) -> str:
    """Key of the hash that keeps a holder's caps, counters and holds (not the account's)."""
    kind, _, holder_id = holder.partition("/")
    if kind == "subscriber":
        return keys.subscriber_key(tenant, account_id, holder_id)
    return keys.group_key(tenant, account_id, holder_id)


def _top_up(command: TopUp, known: AccountKeys, _: CapsText) -> Encoded:
    return (
        "top_up",
        [keys.payment_key(*known.at, command.payment_reference)],
        [
            command.request_id,
            command.refusal.value if command.refusal is not None else "",
            command.bucket_id,
            terms_text(command.terms) if command.terms is not None else "",
            command.unit,
            command.quantity,
        ],
    )


def _create_account(command: CreateAccount, known: AccountKeys, _: CapsText) -> Encoded:
    terms = command.terms
    return (
        "create_account",
        [keys.profile_key(*known.at), keys.accounts_key(known.partition)],
        [
            terms.currency,
            terms.time_zone,
            terms.anchor_day,
            terms.plan,
            terms.segment,
            terms.credit_limit,
        ],
    )


def _add_subscriber(command: AddSubscriber, known: AccountKeys, _: CapsText) -> Encoded:
    identities = ",".join(f"{kind}={value}" for kind, value in command.identities)
    return (
        "add_subscriber",
        [keys.subscriber_key(*known.at, command.subscriber_id), keys.subscribers_key(*known.at)],
        [command.subscriber_id, dash(identities), dash(",".join(command.group_ids))],
    )


def _remove_subscriber(command: RemoveSubscriber, known: AccountKeys, _: CapsText) -> Encoded:
    return (
        "remove_subscriber",
        [
            keys.subscriber_key(*known.at, command.subscriber_id),
            keys.subscribers_key(*known.at),
            *map(known.reservation, command.open_ids),
        ],
        [command.subscriber_id, " ".join(command.open_ids)],
    )


def _update_subscriber(command: UpdateSubscriber, known: AccountKeys, _: CapsText) -> Encoded:
    return (
        "update_subscriber",
        [
            keys.subscriber_key(*known.at, command.subscriber_id),
            *map(known.reservation, command.open_ids),
        ],
        [
            command.subscriber_id,
            dash(",".join(command.group_ids)),
            command.etag,
            " ".join(command.open_ids),
        ],
    )


def _set_spending_cap(command: SetSpendingCap, known: AccountKeys, _: CapsText) -> Encoded:
    cap = command.cap
    return (
        "set_spending_cap",
        [_definitions_key(known, cap.holder)],
        [cap.holder, cap.cap_id, cap_meaning(cap), cap.limit],
    )


def _delete_spending_cap(command: DeleteSpendingCap, known: AccountKeys, _: CapsText) -> Encoded:
    key = _definitions_key(known, command.holder)
    return "delete_spending_cap", [key], [command.holder, command.cap_id]


def _definitions_key(known: AccountKeys, holder: str) -> str:
    """Key of the hash that keeps a holder's cap definitions."""
    if holder == ACCOUNT_HOLDER:
        return keys.profile_key(*known.at)
    return holder_key(*known.at, holder)


def _set_account_status(command: SetAccountStatus, known: AccountKeys, _: CapsText) -> Encoded:
    del known
    return "set_account_status", [], [command.status.value]


def _update_account(command: UpdateAccount, known: AccountKeys, _: CapsText) -> Encoded:
    return (
        "update_account",
        [keys.profile_key(*known.at)],
        [command.plan, command.segment, command.credit_limit, command.etag],
    )


def _correction(
    command: WithdrawBalance | AdjustBucket, known: AccountKeys, _: CapsText
) -> Encoded:
    del known
    name = "withdraw_balance" if isinstance(command, WithdrawBalance) else "adjust_bucket"
    return name, [], [command.bucket_id, command.unit.value, command.quantity]


def _reverse_top_up(command: ReverseTopUp, known: AccountKeys, _: CapsText) -> Encoded:
    payment = keys.payment_key(*known.at, command.payment_reference)
    return "reverse_top_up", [payment], [int(command.allow_partial)]


def _refund(command: Refund, known: AccountKeys, _: CapsText) -> Encoded:
    names = list(dict.fromkeys(holder for holder, _, _ in command.collected.counters))
    holders = [name for name in names if name != ACCOUNT_HOLDER]
    return (
        "refund",
        [
            keys.refund_key(*known.at, command.seq),
            keys.profile_key(*known.at),
            keys.archive_key(known.partition),
            *(holder_key(*known.at, holder) for holder in holders),
        ],
        [
            command.seq,
            command.position,
            command.line,
            dash(",".join(f"{name}:{quantity}" for name, quantity in command.shares)),
            dash(command.bucket_id),
            " ".join(holders),
        ],
    )


ENCODERS: Final[dict[type, Encoder]] = {
    TopUp: _top_up,  # type: ignore[dict-item]  # each takes the type it is listed under
    CreateAccount: _create_account,  # type: ignore[dict-item]
    AddSubscriber: _add_subscriber,  # type: ignore[dict-item]
    RemoveSubscriber: _remove_subscriber,  # type: ignore[dict-item]
    UpdateSubscriber: _update_subscriber,  # type: ignore[dict-item]
    SetSpendingCap: _set_spending_cap,  # type: ignore[dict-item]
    DeleteSpendingCap: _delete_spending_cap,  # type: ignore[dict-item]
    SetAccountStatus: _set_account_status,  # type: ignore[dict-item]
    UpdateAccount: _update_account,  # type: ignore[dict-item]
    WithdrawBalance: _correction,  # type: ignore[dict-item]
    AdjustBucket: _correction,  # type: ignore[dict-item]
    ReverseTopUp: _reverse_top_up,  # type: ignore[dict-item]
    Refund: _refund,  # type: ignore[dict-item]
}
