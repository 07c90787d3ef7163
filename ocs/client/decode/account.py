"""Accounts, their lines, balances and caps."""

from ocs.client import corrections, results
from ocs.client.decode.charge import held_quantity, holder, receipt, time, unit
from ocs.client.values import AccountStatus, Period, Unit
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import spending_cap_service_pb2 as spending_caps
from ocs.v1 import types_pb2 as types

_PERIODS: dict[int, Period] = {types.CapPeriod.Value(f"CAP_PERIOD_{one}"): one for one in Period}

_STATUSES: dict[int, AccountStatus] = {
    accounts.AccountStatus.Value(f"ACCOUNT_STATUS_{one}"): one for one in AccountStatus
}


def status(number: int) -> AccountStatus:
    """Whether an account may be granted anything."""
    return _STATUSES.get(number, AccountStatus.UNSPECIFIED)


def bucket(message: accounts.Bucket) -> results.Bucket:
    """One balance."""
    return results.Bucket(
        bucket_id=message.bucket_id,
        unit=unit(message.unit),
        balance=message.balance,
        reserved=message.reserved,
        available=message.available,
        priority=message.priority,
        start_time=time(message, "start_time"),
        expire_time=time(message, "expire_time"),
        service_ids=tuple(message.service_ids),
        zones=tuple(message.zones),
        blocking=message.blocking,
        credited=message.credited,
        spent=message.spent,
        threshold=message.threshold if message.HasField("threshold") else None,
        low=message.low,
    )


def open_reservation(message: accounts.OpenReservation) -> results.OpenReservation:
    """A held reservation."""
    return results.OpenReservation(
        reservation=message.reservation,
        expire_time=time(message, "expire_time"),
        held=tuple(map(held_quantity, message.held)),
    )


def spending_cap(message: spending_caps.SpendingCap) -> results.SpendingCap:
    """A cap and where it stands."""
    scope, limit = message.WhichOneof("scope"), message.WhichOneof("limit")
    by_units = limit == "limit_units"
    return results.SpendingCap(
        cap_id=message.cap_id,
        holder=holder(message.holder),
        service_id=message.service_id if scope == "service_id" else None,
        zone=message.zone if scope == "zone" else None,
        limit_micros=message.limit_micros if limit == "limit_micros" else None,
        limit_units=message.limit_units.units if by_units else None,
        unit=unit(message.limit_units.unit) if by_units else Unit.MICROS,
        period=_PERIODS.get(message.period),
        spent=message.spent,
        reserved=message.reserved,
        remaining=message.remaining,
        period_start_time=time(message, "period_start_time"),
        reset_time=time(message, "reset_time"),
        window=message.window.ToTimedelta() if message.HasField("window") else None,
        window_slots=message.window_slots if message.HasField("window_slots") else None,
    )


def account(message: accounts.Account) -> results.Account:
    """A payer's store of value."""
    return results.Account(
        account_id=message.account_id,
        currency=message.currency,
        time_zone=message.time_zone,
        billing_anchor_day=message.billing_anchor_day,
        plan=message.plan,
        segment=message.segment,
        credit_limit_micros=message.credit_limit_micros,
        buckets=tuple(bucket(one) for one in message.buckets),
        caps=tuple(spending_cap(one) for one in message.caps),
        open_reservations=tuple(open_reservation(one) for one in message.open_reservations),
        account_seq=message.account_seq,
        create_time=time(message, "create_time"),
        subscriber_ids=tuple(message.subscriber_ids),
        status=status(message.status),
        etag=message.etag,
    )


def create_account(message: accounts.CreateAccountResponse) -> results.CreateAccountResult:
    """The answer of CreateAccount."""
    return results.CreateAccountResult(
        account=account(message.account), receipt=receipt(message.receipt)
    )


def update_account(message: accounts.UpdateAccountResponse) -> results.UpdateAccountResult:
    """The answer of UpdateAccount."""
    return results.UpdateAccountResult(
        account=account(message.account), receipt=receipt(message.receipt)
    )


def receipt_only(
    message: accounts.SuspendAccountResponse
    | accounts.ResumeAccountResponse
    | accounts.CloseAccountResponse
    | accounts.RemoveSubscriberResponse
    | accounts.UpdateSubscriberResponse
    | spending_caps.DeleteSpendingCapResponse
    | bundles.CancelBundleRenewalResponse,
) -> results.ReceiptResult:
    """An answer that is a receipt and nothing else."""
    return results.ReceiptResult(receipt=receipt(message.receipt))


def get_account(message: accounts.GetAccountResponse) -> results.GetAccountResult:
    """The answer of GetAccount."""
    return results.GetAccountResult(
        account=account(message.account), store_time=time(message, "store_time")
    )


def add_subscriber(message: accounts.AddSubscriberResponse) -> results.AddSubscriberResult:
    """The answer of AddSubscriber."""
    return results.AddSubscriberResult(
        subscriber_id=message.subscriber_id, receipt=receipt(message.receipt)
    )


def lookup_subscriber(message: accounts.LookupSubscriberResponse) -> results.LookupSubscriberResult:
    """The answer of LookupSubscriber."""
    return results.LookupSubscriberResult(
        account_id=message.account_id, subscriber_id=message.subscriber_id
    )


def top_up(credited: Unit, message: accounts.TopUpResponse) -> results.TopUpResult:
    """The answer of TopUp, which leaves it to the request what the figures count."""
    return results.TopUpResult(
        bucket_id=message.bucket_id,
        unit=credited,
        balance=message.balance,
        available=message.available,
        receipt=receipt(message.receipt),
    )


def correction(
    corrected: Unit,
    message: accounts.WithdrawBalanceResponse
    | accounts.AdjustBucketResponse
    | accounts.SetBucketThresholdResponse,
) -> corrections.CorrectionResult:
    """The answer of what changes a bucket by hand; the request said what is counted."""
    return corrections.CorrectionResult(
        bucket_id=message.bucket_id,
        unit=corrected,
        balance=message.balance,
        available=message.available,
        receipt=receipt(message.receipt),
    )


def reverse_top_up(message: accounts.ReverseTopUpResponse) -> corrections.ReverseTopUpResult:
    """The answer of ReverseTopUp."""
    return corrections.ReverseTopUpResult(
        bucket_id=message.bucket_id,
        reversed_quantity=message.reversed_quantity,
        balance=message.balance,
        available=message.available,
        receipt=receipt(message.receipt),
    )


def set_spending_cap(message: spending_caps.SetSpendingCapResponse) -> results.SetSpendingCapResult:
    """The answer of SetSpendingCap."""
    return results.SetSpendingCapResult(
        cap=spending_cap(message.cap), receipt=receipt(message.receipt)
    )


def list_spending_caps(
    message: spending_caps.ListSpendingCapsResponse,
) -> results.ListSpendingCapsResult:
    """The answer of ListSpendingCaps."""
    return results.ListSpendingCapsResult(
        caps=tuple(spending_cap(one) for one in message.caps),
        store_time=time(message, "store_time"),
    )
