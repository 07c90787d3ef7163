"""Operations of AccountService: accounts, their lines, their balances and their journal."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Unpack

from google.protobuf.field_mask_pb2 import FieldMask

from ocs.client import encode
from ocs.client.decode import account as decode
from ocs.client.decode import event as decode_event
from ocs.client.errors import UsageError
from ocs.client.events import ChargingEventPage
from ocs.client.operation import Operation, Sending, identify, mutation, read
from ocs.client.results import (
    AddSubscriberResult,
    CreateAccountResult,
    GetAccountResult,
    LookupSubscriberResult,
    ReceiptResult,
    TopUpResult,
)
from ocs.client.values import Identity, Unit
from ocs.v1 import account_service_pb2 as accounts


def create_account(
    account_id: str,
    *,
    currency: str,
    plan: str,
    time_zone: str = "",
    billing_anchor_day: int = 0,
    segment: str = "",
    credit_limit_micros: int | None = None,
    **sending: Unpack[Sending],
) -> Operation[CreateAccountResult]:
    """Open an account with an empty `main` money bucket.

    currency is ISO 4217, time_zone an IANA name (default UTC), billing_anchor_day 1 .. 31 (default
    1), credit_limit_micros 0 .. 2^53-1 (default 0). An equal account is answered as replayed.
    """
    sent = identify(sending)
    request = accounts.CreateAccountRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        currency=currency,
        time_zone=time_zone,
        billing_anchor_day=encode.small("billing_anchor_day", billing_anchor_day),
        plan=plan,
        segment=segment,
        credit_limit_micros=encode.optional_whole("credit_limit_micros", credit_limit_micros),
    )
    return mutation("accounts", "CreateAccount", request, decode.create_account, sent)


def get_account(account_id: str, *, timeout_s: float | None = None) -> Operation[GetAccountResult]:
    """Read an account: buckets, account caps, open reservations, as of now."""
    request = accounts.GetAccountRequest(account_id=account_id)
    return read("accounts", "GetAccount", request, decode.get_account, timeout_s)


def add_subscriber(
    account_id: str,
    subscriber_id: str,
    *,
    identities: Sequence[Identity] = (),
    group_ids: Sequence[str] = (),
    **sending: Unpack[Sending],
) -> Operation[AddSubscriberResult]:
    """Add a line with 0 to 8 network identities and 0 to 4 groups of the account."""
    sent = identify(sending)
    request = accounts.AddSubscriberRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        subscriber_id=subscriber_id,
        identities=[encode.identity(one) for one in identities],
        group_ids=group_ids,
    )
    return mutation("accounts", "AddSubscriber", request, decode.add_subscriber, sent)


def remove_subscriber(
    account_id: str, subscriber_id: str, **sending: Unpack[Sending]
) -> Operation[ReceiptResult]:
    """Remove a line with its caps; its id and identities are free afterwards, on any account.

    FailedPreconditionError while a reservation of the line is open.
    """
    sent = identify(sending)
    request = accounts.RemoveSubscriberRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        subscriber_id=subscriber_id,
    )
    return mutation("accounts", "RemoveSubscriber", request, decode.receipt_only, sent)


def update_subscriber(
    account_id: str,
    subscriber_id: str,
    *,
    group_ids: Sequence[str],
    etag: str = "",
    **sending: Unpack[Sending],
) -> Operation[ReceiptResult]:
    """Give a line other groups, 0 to 4: all that it belongs to from now on.

    etag: of the account as it was read; empty: whatever it is now. FailedPreconditionError while a
    reservation of the line is open.
    """
    sent = identify(sending)
    request = accounts.UpdateSubscriberRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        subscriber_id=subscriber_id,
        update_mask=FieldMask(paths=["group_ids"]),
        group_ids=group_ids,
        etag=etag,
    )
    return mutation("accounts", "UpdateSubscriber", request, decode.receipt_only, sent)


def lookup_subscriber(
    identity: Identity, *, timeout_s: float | None = None
) -> Operation[LookupSubscriberResult]:
    """Find the account and line of a network identity; NotFoundError if there is none."""
    request = accounts.LookupSubscriberRequest(identity=encode.identity(identity))
    return read("accounts", "LookupSubscriber", request, decode.lookup_subscriber, timeout_s)


def top_up(
    account_id: str,
    *,
    payment_reference: str,
    micros: int | None = None,
    currency: str = "",
    units: int | None = None,
    unit: Unit | None = None,
    bucket_id: str = "",
    priority: int | None = None,
    start_time: datetime | None = None,
    expire_time: datetime | None = None,
    service_ids: Sequence[str] = (),
    zones: Sequence[str] = (),
    blocking: bool = False,
    **sending: Unpack[Sending],
) -> Operation[TopUpResult]:
    """Credit a bucket: money (micros and currency) or units (units and unit), 1 .. 2^53-1.

    A payment_reference is credited once for ever. Money without further terms goes to `main`;
    anything else to bucket_id, by default a new bucket named as the request_id.
    """
    sent = identify(sending)
    terms = accounts.BucketSpec(
        bucket_id=bucket_id,
        priority=None if priority is None else encode.small("priority", priority),
        start_time=encode.optional_timestamp("start_time", start_time),
        expire_time=encode.optional_timestamp("expire_time", expire_time),
        service_ids=service_ids,
        zones=zones,
        blocking=blocking,
    )
    request = accounts.TopUpRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        payment_reference=payment_reference,
        bucket=terms if terms.ByteSize() else None,
    )
    if micros is not None and units is None and unit is None:
        request.money.micros = encode.whole("micros", micros)
        request.money.currency = currency
        credited = Unit.MICROS
    elif units is not None and micros is None and unit is not None and not currency:
        request.units.units = encode.whole("units", units)
        request.units.unit = encode.unit(unit)
        credited = unit
    else:
        raise UsageError("give either micros and currency, or units and unit")
    return mutation("accounts", "TopUp", request, partial(decode.top_up, credited), sent)


def list_charging_events_page(
    account_id: str,
    *,
    page_size: int = 0,
    page_token: str = "",
    oldest_first: bool = False,
    start_seq: int = 0,
    timeout_s: float | None = None,
) -> Operation[ChargingEventPage]:
    """One page of the account's journal; page_size 0 means 50, at most 500.

    Newest first, or oldest first from number start_seq on: then a page may be short, or empty,
    and still have a next_page_token.
    """
    request = accounts.ListChargingEventsRequest(
        account_id=account_id,
        page_size=encode.small("page_size", page_size),
        page_token=page_token,
        oldest_first=oldest_first,
        start_seq=encode.whole("start_seq", start_seq),
    )
    return read(
        "accounts", "ListChargingEvents", request, decode_event.charging_event_page, timeout_s
    )
