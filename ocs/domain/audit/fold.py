"""Folds one account's events, and checks each against all that came before it.

An event says what it changed twice: as figures before and after, and as payments and hold lines.
The fold compares the two, so that an altered event contradicts itself, its predecessor or its
successor. After a contradiction the event's own figures stand, so that one fault is told once.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ocs.domain.answer import Outcome
from ocs.domain.audit.bundles import (
    SALES,
    apply_bundle,
    check_thresholds,
    hasten_renewals,
    rolled_over,
)
from ocs.domain.audit.counters import apply_counters
from ocs.domain.audit.difference import Findings
from ocs.domain.audit.folded import FoldedAccount, FoldedBucket
from ocs.domain.audit.moves import apply_buckets, apply_hold
from ocs.domain.audit.shape import contradictions
from ocs.domain.audit.terms import (
    bucket_terms,
    closing_totals,
    fields_of,
    opening_terms,
    spending_cap,
)
from ocs.domain.bucket import MAIN, BucketTerms
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.spending_cap import subscriber_holder
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from ocs.limits import BUCKET_PRIORITY_MAX, OPEN_RESERVATIONS_MAX

_STATUSES: Final[Mapping[EventKind, AccountStatus]] = MappingProxyType(
    {
        EventKind.SUSPEND_ACCOUNT: AccountStatus.SUSPENDED,
        EventKind.RESUME_ACCOUNT: AccountStatus.ACTIVE,
        EventKind.CLOSE_ACCOUNT: AccountStatus.CLOSED,
    }
)
_STATUS_DENIALS: Final[Mapping[str, AccountStatus]] = MappingProxyType(
    {
        Outcome.ACCOUNT_SUSPENDED: AccountStatus.SUSPENDED,
        Outcome.ACCOUNT_CLOSED: AccountStatus.CLOSED,
    }
)
# What a closed account takes no more.
_KEEPING: Final = frozenset(
    {
        EventKind.TOP_UP,
        EventKind.ADD_SUBSCRIBER,
        EventKind.UPDATE_SUBSCRIBER,
        EventKind.SET_SPENDING_CAP,
        EventKind.DELETE_SPENDING_CAP,
        EventKind.UPDATE_ACCOUNT,
        *_STATUSES,
    }
)


class AccountFold:
    """The fold of one account's journal."""

    def __init__(self, tenant: str, account_id: str) -> None:
        self.tenant = tenant
        self.account_id = account_id
        self.findings = Findings(tenant, account_id)
        self.account = FoldedAccount(self.findings)

    @property
    def seq(self) -> int:
        """Number of the last event folded; 0 if there was none."""
        return self.account.seq

    def apply(self, position: str, event: ChargingEvent) -> None:
        """Fold the account's next event, found at a position."""
        account = self.account
        if not _follows(account, position, event):
            return
        for part, stated, due in contradictions(event):
            account.differ(event, part, stated, due)
        _check_deadlines(account, event)
        _check_status(account, event)
        try:
            _apply_terms(account, event)
        except ValueError:
            account.differ(event, "terms", event.terms, "terms that can be read")
        old, new = apply_hold(account, event)
        _check_denial(account, event)
        apply_buckets(account, event, old, new)
        check_thresholds(account, event)
        apply_counters(account, event, old, new)


def _follows(account: FoldedAccount, position: str, event: ChargingEvent) -> bool:
    """Say whether the event is a later one; an event that comes twice counts once."""
    seq, due = event.seq, account.seq + 1
    if seq < due:
        account.findings.add(f"event {seq}", f"again at {position}", "once")
        return False
    if seq > due:
        missing = f"event {due}" if seq == due + 1 else f"event {due}..{seq - 1}"
        account.findings.add(missing, "absent", f"before event {seq}")
    if event.prev != account.position:
        account.differ(event, "prev", event.prev or "none", account.position or "none")
    if event.store_ms < account.store_ms:
        account.differ(event, "store time", event.store_ms, f"{account.store_ms} or later")
    account.seq, account.position, account.store_ms = seq, position, event.store_ms
    return True


def _check_deadlines(account: FoldedAccount, event: ChargingEvent) -> None:
    """What is due expires before anything else happens, oldest first (P7)."""
    earliest = account.holds.earliest()
    due = earliest is not None and earliest[0] <= event.store_ms
    named = f"hold {earliest[1]} due {earliest[0]}" if earliest is not None else "no hold"
    if event.kind is EventKind.EXPIRE:
        if not due or earliest is None or earliest[1] != event.ref:
            account.differ(event, "expires", f"hold {event.ref} at {event.store_ms}", named)
    elif due:
        account.differ(event, "time", event.store_ms, f"after the expiry of {named}")


def _check_status(account: FoldedAccount, event: ChargingEvent) -> None:
    """A status grants or refuses what it says; a closed account is changed no more."""
    denied = _STATUS_DENIALS.get(event.outcome)
    sold = event.kind in SALES and event.outcome == Outcome.CHARGED
    if (denied is not None or sold or event.outcome == Outcome.GRANTED) and (
        account.status is not (denied or AccountStatus.ACTIVE)
    ):
        account.differ(event, "outcome", event.outcome, f"of an account that is {account.status}")
    if account.status is AccountStatus.CLOSED and event.kind in _KEEPING:
        account.differ(event, "kind", event.kind, "none: the account is closed")
    if event.kind is EventKind.CLOSE_ACCOUNT and account.holds.open:
        account.differ(event, "closed", f"{len(account.holds.open)} reservations open", "none")
    if event.kind is EventKind.CLOSE_ACCOUNT:
        for bucket_id, bucket in account.buckets.items():
            if bucket.balance:
                account.differ(event, f"bucket {bucket_id} balance", bucket.balance, 0)
    account.status = _STATUSES.get(event.kind, account.status)


def _check_denial(account: FoldedAccount, event: ChargingEvent) -> None:
    """Compare a refusal with the state that it was decided on, as far as the journal has it."""
    open_count = len(account.holds.open)
    if event.outcome == Outcome.TOO_MANY_RESERVATIONS:
        if open_count < OPEN_RESERVATIONS_MAX:
            account.differ(event, "outcome", event.outcome, f"{open_count} reservations are open")
    elif event.outcome == Outcome.SPENDING_CAP_REACHED and not account.caps:
        account.differ(event, "outcome", event.outcome, "no cap is set")


def _apply_terms(account: FoldedAccount, event: ChargingEvent) -> None:
    """Take over the terms that an event carries; ValueError if they cannot be read."""
    match event.kind:
        case EventKind.CREATE_ACCOUNT:
            _open_account(account, event)
        case EventKind.ADD_SUBSCRIBER:
            if event.ref in account.subscribers:
                account.differ(event, "subscriber", f"{event.ref} again", "a new one")
            account.subscribers[event.ref] = tuple(event.group_ids)
        case EventKind.UPDATE_SUBSCRIBER:
            if event.ref not in account.subscribers:
                account.differ(event, "subscriber", event.ref, "one of the account's")
            account.subscribers[event.ref] = tuple(event.group_ids)
        case EventKind.REMOVE_SUBSCRIBER:
            _remove_subscriber(account, event)
        case EventKind.SET_SPENDING_CAP:
            _set_cap(account, event)
        case EventKind.DELETE_SPENDING_CAP:
            _delete_cap(account, event)
        case EventKind.UPDATE_ACCOUNT:
            _update_account(account, event)
        case EventKind.TOP_UP:
            _open_bucket(account, event)
            hasten_renewals(account, event)
        case EventKind.BUCKET_CLOSED:
            _close_bucket(account, event)
        case _:
            apply_bundle(account, event)


def _open_account(account: FoldedAccount, event: ChargingEvent) -> None:
    if event.seq != 1:
        account.differ(event, "kind", event.kind, "an account is opened once, first")
    account.terms = opening_terms(fields_of(event, "a") or ())
    main = BucketTerms(Unit.MICROS, BUCKET_PRIORITY_MAX)
    account.buckets.setdefault(MAIN, FoldedBucket(main))


def _update_account(account: FoldedAccount, event: ChargingEvent) -> None:
    before, after = map(int, fields_of(event, "w") or ())
    if account.terms is not None:
        if before != account.terms.credit_limit:
            account.differ(event, "credit limit before", before, account.terms.credit_limit)
        account.terms = account.terms._replace(credit_limit=after)


def _remove_subscriber(account: FoldedAccount, event: ChargingEvent) -> None:
    """A line that goes holds nothing, and takes its caps along."""
    if account.subscribers.pop(event.ref, None) is None:
        account.differ(event, "subscriber", event.ref, "one that was added")
    holder = subscriber_holder(event.ref)
    for reservation_id, hold in account.holds.open.items():
        if any(line.holder == holder for line in hold.cap_lines):
            account.differ(event, f"hold {reservation_id}", "open", f"none of {holder}")
    for key in [key for key in account.caps if key[0] == holder]:
        del account.caps[key]
        account.counters.pop(key, None)
        account.forget_slots(key)


def _set_cap(account: FoldedAccount, event: ChargingEvent) -> None:
    cap = spending_cap(fields_of(event, "q") or ())
    if cap.cap_id != event.ref:
        account.differ(event, "ref", event.ref, cap.cap_id)
    old = account.caps.get((cap.holder, cap.cap_id))
    if old is not None and not old.same_meaning(cap):
        account.differ(event, "cap", cap, old)
    account.caps[(cap.holder, cap.cap_id)] = cap


def _delete_cap(account: FoldedAccount, event: ChargingEvent) -> None:
    cap = spending_cap(fields_of(event, "q") or ())
    key = (cap.holder, cap.cap_id)
    if cap.cap_id != event.ref:
        account.differ(event, "ref", event.ref, cap.cap_id)
    old = account.caps.pop(key, None)
    if old != cap:
        account.differ(event, "cap", cap, old or "none")
    account.counters.pop(key, None)
    account.forget_slots(key)
    account.holds.forget_cap(key)


def _open_bucket(account: FoldedAccount, event: ChargingEvent) -> None:
    fields = fields_of(event, "t")
    known = event.ref in account.buckets
    if known == (fields is not None):
        account.differ(event, "terms", fields or "none", "none" if known else "of a new bucket")
    if fields is not None:
        account.buckets[event.ref] = FoldedBucket(bucket_terms(fields))


def _close_bucket(account: FoldedAccount, event: ChargingEvent) -> None:
    bucket = account.buckets.pop(event.ref, None)
    term = f"bucket {event.ref}"
    totals = closing_totals(fields_of(event, "z") or ())
    if bucket is None:
        account.differ(event, term, "closed", "unknown")
        return
    if bucket.reserved or not 0 < bucket.terms.expire_ms <= event.store_ms:
        due = f"reserved {bucket.reserved} until {bucket.terms.expire_ms}"
        account.differ(event, term, "closed", due)
    account.thresholds.pop(event.ref, None)
    moved = rolled_over(account, event, bucket)
    expired, withdrawn = bucket.expired + bucket.balance - moved, bucket.withdrawn + moved
    folded = (bucket.credited, bucket.spent, expired, withdrawn)
    if folded != totals:
        account.differ(event, f"{term} totals", tuple(totals), folded)
