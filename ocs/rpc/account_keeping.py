"""The methods of AccountService that keep an account: status, and what was agreed of it."""

from collections.abc import Callable
from typing import Final

from ocs.domain.answer import Answer, Reason
from ocs.domain.state import AccountStatus
from ocs.rpc import convert
from ocs.rpc.account_message import SEGMENT_DEFAULT, set_account
from ocs.rpc.call import CallInfo
from ocs.rpc.method import Handler
from ocs.service.accounts import Accounts
from ocs.service.errors import ServiceError
from ocs.service.keeping import Keeping
from ocs.service.requests import SetAccountStatusAsked, SetBucketThresholdAsked, UpdateAccountAsked
from ocs.v1 import account_service_pb2 as pb

UPDATABLE: Final = frozenset({"plan", "segment", "credit_limit_micros"})
# What caps and prices are built on; named apart, because a caller may well try.
_FIXED: Final = frozenset({"currency", "time_zone", "billing_anchor_day"})

_Changing = pb.SuspendAccountRequest | pb.ResumeAccountRequest | pb.CloseAccountRequest


class KeepingHandlers:
    """Handlers of SuspendAccount, ResumeAccount, CloseAccount and UpdateAccount."""

    def __init__(self, keeping: Keeping, accounts: Accounts) -> None:
        self._keeping = keeping
        self._accounts = accounts

    def handlers(self) -> dict[str, Handler]:
        """Name the handlers."""
        status = self._status_handler
        return {
            "SuspendAccount": status(AccountStatus.SUSPENDED, pb.SuspendAccountResponse),
            "ResumeAccount": status(AccountStatus.ACTIVE, pb.ResumeAccountResponse),
            "CloseAccount": status(AccountStatus.CLOSED, pb.CloseAccountResponse),
            "UpdateAccount": self.update_account,
            "SetBucketThreshold": self.set_bucket_threshold,
        }

    def _status_handler(
        self,
        status: AccountStatus,
        response_of: Callable[
            [], pb.SuspendAccountResponse | pb.ResumeAccountResponse | pb.CloseAccountResponse
        ],
    ) -> Handler:
        async def change(
            call: CallInfo, request: _Changing
        ) -> pb.SuspendAccountResponse | pb.ResumeAccountResponse | pb.CloseAccountResponse:
            asked = convert.asked_by(call, request)
            answer = await self._keeping.set_status(
                SetAccountStatusAsked(asked, request.account_id, status, request.reason)
            )
            response = response_of()
            convert.set_receipt(response.receipt, _noted(call, answer))
            return response

        return change

    async def update_account(
        self, call: CallInfo, request: pb.UpdateAccountRequest
    ) -> pb.UpdateAccountResponse:
        """Change what the mask names."""
        named = _named(request)
        ask = UpdateAccountAsked(
            convert.asked_by(call, request),
            request.account_id,
            request.plan if "plan" in named else "",
            (request.segment or SEGMENT_DEFAULT) if "segment" in named else "",
            request.credit_limit_micros if "credit_limit_micros" in named else -1,
            request.etag,
        )
        answer = _noted(call, await self._keeping.update(ask))
        state, store_ms = await self._accounts.get_account(call.tenant, request.account_id)
        response = pb.UpdateAccountResponse()
        set_account(response.account, state, store_ms)
        convert.set_receipt(response.receipt, answer)
        return response

    async def set_bucket_threshold(
        self, call: CallInfo, request: pb.SetBucketThresholdRequest
    ) -> pb.SetBucketThresholdResponse:
        """Mark a bucket's balance."""
        unit = convert.UNITS[request.unit]
        assert unit is not None  # the rules require one
        ask = SetBucketThresholdAsked(
            convert.asked_by(call, request),
            request.account_id,
            request.bucket_id,
            request.threshold if request.HasField("threshold") else -1,
            unit,
        )
        answer = _noted(call, await self._keeping.set_bucket_threshold(ask))
        response = pb.SetBucketThresholdResponse(
            bucket_id=answer.bucket_id,
            balance=answer.bucket_balance,
            available=answer.bucket_available,
        )
        convert.set_receipt(response.receipt, answer)
        return response


def _noted(call: CallInfo, answer: Answer) -> Answer:
    call.replayed = answer.replayed
    return answer


def _named(request: pb.UpdateAccountRequest) -> set[str]:
    """Return the fields that the mask names; INVALID_FIELD for others, and for absent values."""
    paths = list(request.update_mask.paths)
    named, violations = set(paths), []
    if not paths or len(named) != len(paths) or not named <= UPDATABLE:
        rule = f"must name some of {', '.join(sorted(UPDATABLE))}, each once"
        fixed = sorted(named & _FIXED)
        if fixed:
            rule += f"; fixed when an account opens: {', '.join(fixed)}"
        violations.append(("update_mask", rule))
    if "plan" in named and not request.plan:
        violations.append(("plan", "must be said if update_mask names it"))
    if "credit_limit_micros" in named and not request.HasField("credit_limit_micros"):
        violations.append(("credit_limit_micros", "must be said if update_mask names it"))
    if violations:
        raise ServiceError(Reason.INVALID_FIELD, violations=violations)
    return named
