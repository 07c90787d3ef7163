"""AccountService at the edge: messages to use cases and back."""

from ocs.domain.answer import Answer, Reason
from ocs.domain.bucket import MAIN, BucketTerms
from ocs.domain.state import AccountTerms
from ocs.domain.units import Unit
from ocs.limits import BUCKET_PRIORITY_DEFAULT
from ocs.rpc import convert
from ocs.rpc.account_keeping import KeepingHandlers
from ocs.rpc.account_message import SEGMENT_DEFAULT, set_account, set_summary
from ocs.rpc.call import CallInfo
from ocs.rpc.corrections import CorrectionHandlers
from ocs.rpc.events import event_message
from ocs.rpc.method import RpcService
from ocs.service.accounts import Accounts
from ocs.service.corrections import Corrections
from ocs.service.errors import ServiceError
from ocs.service.keeping import Keeping
from ocs.service.lines import Lines
from ocs.service.queries import Queries
from ocs.service.requests import (
    AddSubscriberAsked,
    CreateAccountAsked,
    ListEventsAsked,
    RemoveSubscriberAsked,
    TopUpAsked,
    UpdateSubscriberAsked,
)
from ocs.v1 import account_service_pb2 as pb


class AccountServicer:
    """Handlers of ocs.v1.AccountService."""

    def __init__(
        self,
        accounts: Accounts,
        lines: Lines,
        keeping: Keeping,
        corrections: Corrections,
        queries: Queries,
    ) -> None:
        self._lines = lines
        self._accounts = accounts
        self._corrections = CorrectionHandlers(corrections)
        self._queries = queries
        self._keeping = KeepingHandlers(keeping, accounts)

    def service(self) -> RpcService:
        """Name the handlers for the server."""
        return RpcService(
            pb.DESCRIPTOR.services_by_name["AccountService"],
            {
                "CreateAccount": self.create_account,
                "GetAccount": self.get_account,
                "AddSubscriber": self.add_subscriber,
                "RemoveSubscriber": self.remove_subscriber,
                "UpdateSubscriber": self.update_subscriber,
                "LookupSubscriber": self.lookup_subscriber,
                "TopUp": self.top_up,
                "ListAccounts": self.list_accounts,
                "ListChargingEvents": self.list_charging_events,
                **self._keeping.handlers(),
                **self._corrections.handlers(),
            },
        )

    async def create_account(
        self, call: CallInfo, request: pb.CreateAccountRequest
    ) -> pb.CreateAccountResponse:
        """Open an account."""
        terms = AccountTerms(
            request.currency,
            request.time_zone or "UTC",
            request.billing_anchor_day or 1,
            request.plan,
            request.segment or SEGMENT_DEFAULT,
            request.credit_limit_micros,
        )
        ask = CreateAccountAsked(convert.asked_by(call, request), request.account_id, terms)
        answer, state, store_ms = await self._accounts.create_account(ask)
        _note(call, answer)
        response = pb.CreateAccountResponse()
        set_account(response.account, state, store_ms)
        convert.set_receipt(response.receipt, answer)
        return response

    async def get_account(
        self, call: CallInfo, request: pb.GetAccountRequest
    ) -> pb.GetAccountResponse:
        """Read an account."""
        state, store_ms = await self._accounts.get_account(call.tenant, request.account_id)
        response = pb.GetAccountResponse()
        set_account(response.account, state, store_ms)
        convert.set_time(response.store_time, store_ms)
        return response

    async def add_subscriber(
        self, call: CallInfo, request: pb.AddSubscriberRequest
    ) -> pb.AddSubscriberResponse:
        """Add a line."""
        identities = tuple(map(convert.identity_of, request.identities))
        if len(set(identities)) != len(identities):
            rule = "must not name an identity twice"
            raise ServiceError(Reason.INVALID_FIELD, violations=[("identities", rule)])
        ask = AddSubscriberAsked(
            convert.asked_by(call, request),
            request.account_id,
            request.subscriber_id,
            identities,
            tuple(request.group_ids),
        )
        answer = await self._accounts.add_subscriber(ask)
        _note(call, answer)
        response = pb.AddSubscriberResponse(subscriber_id=request.subscriber_id)
        convert.set_receipt(response.receipt, answer)
        return response

    async def remove_subscriber(
        self, call: CallInfo, request: pb.RemoveSubscriberRequest
    ) -> pb.RemoveSubscriberResponse:
        """Remove a line."""
        asked = convert.asked_by(call, request)
        ask = RemoveSubscriberAsked(asked, request.account_id, request.subscriber_id)
        answer = await self._lines.remove(ask)
        _note(call, answer)
        response = pb.RemoveSubscriberResponse()
        convert.set_receipt(response.receipt, answer)
        return response

    async def update_subscriber(
        self, call: CallInfo, request: pb.UpdateSubscriberRequest
    ) -> pb.UpdateSubscriberResponse:
        """Give a line other groups."""
        if list(request.update_mask.paths) != ["group_ids"]:
            rule = "must name group_ids, once; identities move with their line"
            raise ServiceError(Reason.INVALID_FIELD, violations=[("update_mask", rule)])
        answer = await self._lines.update(
            UpdateSubscriberAsked(
                convert.asked_by(call, request),
                request.account_id,
                request.subscriber_id,
                tuple(request.group_ids),
                request.etag,
            )
        )
        _note(call, answer)
        response = pb.UpdateSubscriberResponse()
        convert.set_receipt(response.receipt, answer)
        return response

    async def lookup_subscriber(
        self, call: CallInfo, request: pb.LookupSubscriberRequest
    ) -> pb.LookupSubscriberResponse:
        """Find a line."""
        account_id, subscriber_id = await self._accounts.lookup_subscriber(
            call.tenant, convert.identity_of(request.identity)
        )
        call.account_id = account_id
        return pb.LookupSubscriberResponse(account_id=account_id, subscriber_id=subscriber_id)

    async def top_up(self, call: CallInfo, request: pb.TopUpRequest) -> pb.TopUpResponse:
        """Credit a bucket."""
        money = request.WhichOneof("credit") == "money"
        unit = Unit.MICROS if money else convert.UNITS[request.units.unit]
        assert unit is not None  # the rules require one
        bucket_id, terms = _bucket(request, unit)
        ask = TopUpAsked(
            convert.asked_by(call, request),
            request.account_id,
            request.payment_reference,
            unit,
            request.money.micros if money else request.units.units,
            request.money.currency if money else "",
            bucket_id,
            terms,
        )
        answer = await self._accounts.top_up(ask)
        _note(call, answer)
        response = pb.TopUpResponse(
            bucket_id=answer.bucket_id,
            balance=answer.bucket_balance,
            available=answer.bucket_available,
        )
        convert.set_receipt(response.receipt, answer)
        return response

    async def list_accounts(
        self, call: CallInfo, request: pb.ListAccountsRequest
    ) -> pb.ListAccountsResponse:
        """Read a page of the tenant's accounts."""
        found, token = await self._queries.accounts(
            call.tenant, request.page_size, request.page_token
        )
        response = pb.ListAccountsResponse(next_page_token=token)
        for summary in found:
            set_summary(response.accounts.add(), summary)
        return response

    async def list_charging_events(
        self, call: CallInfo, request: pb.ListChargingEventsRequest
    ) -> pb.ListChargingEventsResponse:
        """Read a page of the account's journal."""
        if request.start_seq and not request.oldest_first:
            rule = "must be 0 without oldest_first"
            raise ServiceError(Reason.INVALID_FIELD, violations=[("start_seq", rule)])
        found, token = await self._accounts.list_events(
            ListEventsAsked(
                call.tenant,
                request.account_id,
                request.page_size,
                request.page_token,
                request.oldest_first,
                request.start_seq,
            )
        )
        response = pb.ListChargingEventsResponse(next_page_token=token)
        response.events.extend(map(event_message, found))
        return response


def _note(call: CallInfo, answer: Answer) -> None:
    call.replayed = answer.replayed


def _bucket(request: pb.TopUpRequest, unit: Unit) -> tuple[str, BucketTerms | None]:
    """Which bucket is credited, and on what terms if they were said."""
    spec = request.bucket
    said = (
        spec.HasField("priority")
        or spec.HasField("start_time")
        or spec.HasField("expire_time")
        or spec.service_ids
        or spec.zones
        or spec.blocking
    )
    if not said and (spec.bucket_id or unit is Unit.MICROS):
        return spec.bucket_id or MAIN, None
    start_ms = expire_ms = 0
    if spec.HasField("start_time"):
        start_ms = convert.time_ms(spec.start_time, "bucket.start_time")
    if spec.HasField("expire_time"):
        expire_ms = convert.time_ms(spec.expire_time, "bucket.expire_time")
    if start_ms and expire_ms and expire_ms <= start_ms:
        rule = "must be later than start_time"
        raise ServiceError(Reason.INVALID_FIELD, violations=[("bucket.expire_time", rule)])
    terms = BucketTerms(
        unit,
        spec.priority if spec.HasField("priority") else BUCKET_PRIORITY_DEFAULT,
        start_ms,
        expire_ms,
        spec.blocking,
        tuple(sorted(spec.service_ids)),
        tuple(sorted(spec.zones)),
    )
    return spec.bucket_id or request.request_id, terms
