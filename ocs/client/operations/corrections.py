"""Operations of AccountService that correct balances by hand."""

from functools import partial
from typing import Unpack

from ocs.client import encode
from ocs.client.corrections import CorrectionResult, ReverseTopUpResult
from ocs.client.decode import account as decode
from ocs.client.operation import Operation, Sending, identify, mutation
from ocs.client.values import Unit
from ocs.v1 import account_service_pb2 as accounts


def withdraw_balance(
    account_id: str,
    bucket_id: str,
    quantity: int,
    *,
    unit: Unit,
    reason: str = "",
    **sending: Unpack[Sending],
) -> Operation[CorrectionResult]:
    """Take money (Unit.MICROS) or units out of a bucket, at most what it has and does not hold."""
    sent = identify(sending)
    request = accounts.WithdrawBalanceRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        bucket_id=bucket_id,
        quantity=encode.whole("quantity", quantity),
        unit=encode.unit(unit),
        reason=reason,
    )
    decoded = partial(decode.correction, unit)
    return mutation("accounts", "WithdrawBalance", request, decoded, sent)


def adjust_bucket(
    account_id: str,
    bucket_id: str,
    quantity: int,
    *,
    unit: Unit,
    reason: str,
    decided_by: str,
    **sending: Unpack[Sending],
) -> Operation[CorrectionResult]:
    """Set a balance right: add quantity, or take it off if it is below 0."""
    sent = identify(sending)
    request = accounts.AdjustBucketRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        bucket_id=bucket_id,
        quantity=encode.whole("quantity", quantity),
        unit=encode.unit(unit),
        reason=reason,
        decided_by=decided_by,
    )
    decoded = partial(decode.correction, unit)
    return mutation("accounts", "AdjustBucket", request, decoded, sent)


def set_bucket_threshold(
    account_id: str,
    bucket_id: str,
    threshold: int | None,
    *,
    unit: Unit,
    **sending: Unpack[Sending],
) -> Operation[CorrectionResult]:
    """Have the event say so that brings a balance down to threshold, 0 .. 2^53-1; None: no more."""
    sent = identify(sending)
    request = accounts.SetBucketThresholdRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        bucket_id=bucket_id,
        threshold=encode.optional_whole("threshold", threshold),
        unit=encode.unit(unit),
    )
    decoded = partial(decode.correction, unit)
    return mutation("accounts", "SetBucketThreshold", request, decoded, sent)


def reverse_top_up(
    account_id: str,
    payment_reference: str,
    *,
    allow_partial: bool = False,
    reason: str = "",
    **sending: Unpack[Sending],
) -> Operation[ReverseTopUpResult]:
    """Take back what a payment credited, once: all of it, or what is left if allow_partial."""
    sent = identify(sending)
    request = accounts.ReverseTopUpRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        payment_reference=payment_reference,
        allow_partial=allow_partial,
        reason=reason,
    )
    return mutation("accounts", "ReverseTopUp", request, decode.reverse_top_up, sent)
