"""Compares a stored account with the fold of its journal up to the same event."""

from collections.abc import Mapping

from ocs.domain.audit.folded import FoldedAccount
from ocs.domain.reservation import Hold
from ocs.domain.spending_cap import ACCOUNT_HOLDER, CapCounter, group_holder
from ocs.domain.state import AccountState

_FIGURES = ("balance", "reserved", "credited", "spent", "expired", "withdrawn", "terms")
_ABSENT = "absent"


def compare(account: FoldedAccount, state: AccountState) -> None:
    """Note every term of the state that differs in account.findings."""
    found = account.findings
    found.compare("seq", state.seq, account.seq)
    if state.floor_ms < account.store_ms:
        found.add("floor", state.floor_ms, f"{account.store_ms} or later")
    terms = (state.terms.currency, state.terms.anchor_day, state.terms.credit_limit)
    found.compare("terms", terms, tuple(account.terms) if account.terms is not None else _ABSENT)
    found.compare("status", state.status, account.status)
    _compare_buckets(account, state)
    _compare_caps(account, state)
    _compare_slots(account, state)
    _compare_bundles(account, state)
    for reservation_id in sorted(state.holds.keys() | account.holds.open.keys()):
        stored = _hold_text(state.holds.get(reservation_id))
        journal = _hold_text(account.holds.open.get(reservation_id))
        found.compare(f"hold {reservation_id}", stored, journal)
    for subscriber_id in sorted(state.subscribers.keys() | account.subscribers.keys()):
        found.compare(
            f"subscriber {subscriber_id}",
            _groups_text(state.subscribers.get(subscriber_id)),
            _groups_text(account.subscribers.get(subscriber_id)),
        )


def compare_copies(
    account: FoldedAccount,
    copies: Mapping[tuple[str, str], str],
    due: Mapping[tuple[str, str], str],
) -> None:
    """Note where a line's or group's own copies of live holds are not the account's holds.

    Keys are (holder, reservation_id).
    """
    for holder, reservation_id in sorted(copies.keys() | due.keys()):
        key = (holder, reservation_id)
        term = f"hold {reservation_id} of {holder}"
        account.findings.compare(term, copies.get(key, _ABSENT), due.get(key, _ABSENT))


def _compare_buckets(account: FoldedAccount, state: AccountState) -> None:
    found = account.findings
    for bucket_id in sorted(state.buckets.keys() | account.buckets.keys()):
        stored, folded = state.buckets.get(bucket_id), account.buckets.get(bucket_id)
        if stored is None or folded is None:
            texts = ["open" if bucket is not None else _ABSENT for bucket in (stored, folded)]
            found.add(f"bucket {bucket_id}", *texts)
            continue
        for name in _FIGURES:
            term = f"bucket {bucket_id} {name}"
            found.compare(term, getattr(stored, name), getattr(folded, name))


def _compare_caps(account: FoldedAccount, state: AccountState) -> None:
    found = account.findings
    groups = {group for names in state.subscribers.values() for group in names}
    # A group that no line is in has caps, but nothing counts there and no snapshot reads it.
    unread = {holder for holder, _ in account.caps if holder.startswith("group/")}
    unread -= {group_holder(group) for group in groups}
    for key in sorted(state.caps.keys() | account.caps.keys()):
        if key[0] not in unread:
            found.compare(f"cap {'/'.join(key)}", state.caps.get(key), account.caps.get(key))
    for place in state.slots:
        if (place[0], place[1]) not in account.caps:
            found.add(f"cap {place[0]}/{place[1]} slot {place[2]}", "stored", _ABSENT)
    for key in sorted(state.counters.keys() | account.counters.keys()):
        stored = state.counters.get(key, CapCounter(0))
        folded = account.counters.get(key, CapCounter(0))
        term = f"cap {'/'.join(key)}"
        found.compare(f"{term} period", stored.period_start_ms, folded.period_start_ms)
        found.compare(f"{term} spent", stored.spent, folded.spent)
        if key[0] == ACCOUNT_HOLDER:
            found.compare(f"{term} reserved", stored.reserved, folded.reserved)


def _compare_bundles(account: FoldedAccount, state: AccountState) -> None:
    found = account.findings
    parts: tuple[tuple[str, Mapping[str, object], Mapping[str, object]], ...] = (
        ("renewal of", state.renewals, account.renewals),
        ("roll-over of", state.roll_overs, account.roll_overs),
        ("threshold of", state.thresholds, account.thresholds),
    )
    for part, stored, folded in parts:
        for name in sorted(stored.keys() | folded.keys()):
            found.compare(f"{part} {name}", stored.get(name, _ABSENT), folded.get(name, _ABSENT))


def _compare_slots(account: FoldedAccount, state: AccountState) -> None:
    """Compare what is inside the windows at the account's own clock; empty ones are forgotten."""
    for (holder, cap_id), cap in account.caps.items():
        if cap.window is None:
            continue
        folded = account.slots_inside(cap, state.floor_ms)
        first = cap.window.first_slot(state.floor_ms)
        stored = {
            start: counter
            for (name, own_id, start), counter in state.slots.items()
            if (name, own_id) == (holder, cap_id) and start >= first
        }
        for start in sorted(stored.keys() | folded.keys()):
            own, due = stored.get(start, CapCounter(start)), folded.get(start, CapCounter(start))
            term = f"cap {holder}/{cap_id} slot {start}"
            account.findings.compare(f"{term} spent", own.spent, due.spent)
            if holder == ACCOUNT_HOLDER:
                account.findings.compare(f"{term} reserved", own.reserved, due.reserved)


def _hold_text(hold: Hold | None) -> str:
    if hold is None:
        return _ABSENT
    lines = [f"{bucket_id}:{quantity}" for bucket_id, quantity in hold.lines]
    lines += [
        f"{line.holder}:{line.cap_id}:{line.period_start_ms}:{line.quantity}"
        for line in hold.cap_lines
    ]
    return f"{hold.expire_ms} {hold.granted_units} {','.join(lines) or '-'}"


def _groups_text(groups: tuple[str, ...] | None) -> str:
    return _ABSENT if groups is None else ",".join(groups) or "no group"
