"""Accounts as messages."""

from typing import Final

from ocs.domain.bucket import Bucket
from ocs.domain.decide.grant import CapInForce
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.domain.state import AccountState, AccountStatus
from ocs.domain.view import caps_of
from ocs.limits import SUBSCRIBERS_LISTED_MAX
from ocs.ports import AccountSummary
from ocs.rpc import convert
from ocs.rpc.names import reservation_name
from ocs.rpc.spending_cap import set_cap
from ocs.v1 import account_service_pb2 as pb

SEGMENT_DEFAULT: Final = "none"
_STATUSES: Final = {
    status: pb.AccountStatus.Value(f"ACCOUNT_STATUS_{status.name}") for status in AccountStatus
}


def set_account(message: pb.Account, state: AccountState, store_ms: int) -> None:
    """Write an account as it stands at store_ms."""
    terms = state.terms
    message.account_id = state.account_id
    message.currency = terms.currency
    message.time_zone = terms.time_zone
    message.billing_anchor_day = terms.anchor_day
    message.plan = terms.plan
    message.segment = terms.segment
    message.credit_limit_micros = terms.credit_limit
    message.account_seq = state.seq
    message.status = _STATUSES[state.status]
    message.etag = str(state.profile_version)
    convert.set_time(message.create_time, state.create_ms)
    for bucket in state.in_consumption_order():
        shown = message.buckets.add()
        _set_bucket(shown, bucket, terms.credit_limit, store_ms)
        mark = state.thresholds.get(bucket.bucket_id)
        if mark is not None:
            shown.threshold = mark.quantity
            shown.low = mark.low
    caps: list[CapInForce] = caps_of(state, ACCOUNT_HOLDER, store_ms)
    for cap in caps:
        set_cap(message.caps.add(), cap)
    # Ties by id, so that the same state always reads the same.
    in_order = sorted(state.holds.items(), key=lambda item: (item[1].expire_ms, item[0]))
    for reservation_id, hold in in_order:
        held = message.open_reservations.add(
            reservation=reservation_name(state.tenant, state.account_id, reservation_id)
        )
        convert.set_time(held.expire_time, hold.expire_ms)
        for bucket_id, quantity in hold.lines:
            held.held.add(bucket_id=bucket_id, quantity=quantity)
    message.subscriber_ids.extend(sorted(state.subscribers)[:SUBSCRIBERS_LISTED_MAX])


def set_summary(message: pb.AccountSummary, summary: AccountSummary) -> None:
    """Write what a list says of an account."""
    terms = summary.terms
    message.account_id = summary.account_id
    message.status = _STATUSES[summary.status]
    message.currency = terms.currency
    message.plan = terms.plan
    message.segment = terms.segment
    message.credit_limit_micros = terms.credit_limit
    convert.set_time(message.create_time, summary.create_ms)


def _set_bucket(message: pb.Bucket, bucket: Bucket, credit_limit: int, store_ms: int) -> None:
    terms = bucket.terms
    message.bucket_id = bucket.bucket_id
    message.unit = convert.UNIT_TYPES[terms.unit]
    message.balance = bucket.balance
    message.reserved = bucket.reserved
    if terms.start_ms <= store_ms and not bucket.ended(store_ms):
        message.available = bucket.available(credit_limit)
    message.priority = terms.priority
    convert.set_time(message.start_time, terms.start_ms)
    convert.set_time(message.expire_time, terms.expire_ms)
    message.service_ids.extend(terms.service_ids)
    message.zones.extend(terms.zones)
    message.blocking = terms.blocking
    message.credited = bucket.credited
    message.spent = bucket.spent
