"""Operations of AccountService that keep an account: its status, and what was agreed of it."""

from typing import Unpack

from ocs.client import encode
from ocs.client.decode import account as decode
from ocs.client.errors import UsageError
from ocs.client.operation import Operation, Sending, identify, mutation
from ocs.client.results import ReceiptResult, UpdateAccountResult
from ocs.v1 import account_service_pb2 as accounts


def suspend_account(
    account_id: str, *, reason: str = "", **sending: Unpack[Sending]
) -> Operation[ReceiptResult]:
    """Stop new grants; use that happened is still charged, credits are still taken."""
    sent = identify(sending)
    request = accounts.SuspendAccountRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        reason=reason,
    )
    return mutation("accounts", "SuspendAccount", request, decode.receipt_only, sent)


def resume_account(
    account_id: str, *, reason: str = "", **sending: Unpack[Sending]
) -> Operation[ReceiptResult]:
    """Allow grants again."""
    sent = identify(sending)
    request = accounts.ResumeAccountRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        reason=reason,
    )
    return mutation("accounts", "ResumeAccount", request, decode.receipt_only, sent)


def close_account(
    account_id: str, *, reason: str = "", **sending: Unpack[Sending]
) -> Operation[ReceiptResult]:
    """Close an account for ever; nothing may be held. Its id is never free again."""
    sent = identify(sending)
    request = accounts.CloseAccountRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        reason=reason,
    )
    return mutation("accounts", "CloseAccount", request, decode.receipt_only, sent)


def update_account(
    account_id: str,
    *,
    plan: str | None = None,
    segment: str | None = None,
    credit_limit_micros: int | None = None,
    etag: str = "",
    **sending: Unpack[Sending],
) -> Operation[UpdateAccountResult]:
    """Change what is given; None leaves a field as it is.

    credit_limit_micros is 0 .. 2^53-1; a lowered one only stops new grants. etag is that of the
    account as it was read: FailedPreconditionError if it has changed since.
    """
    sent = identify(sending)
    request = accounts.UpdateAccountRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        plan=plan or "",
        segment=segment or "",
        credit_limit_micros=encode.optional_whole("credit_limit_micros", credit_limit_micros),
        etag=etag,
    )
    given = {"plan": plan, "segment": segment, "credit_limit_micros": credit_limit_micros}
    request.update_mask.paths.extend(name for name, value in given.items() if value is not None)
    if not request.update_mask.paths:
        raise UsageError("give some of plan, segment and credit_limit_micros")
    return mutation("accounts", "UpdateAccount", request, decode.update_account, sent)
