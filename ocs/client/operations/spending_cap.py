"""Operations of SpendingCapService: hard ceilings on spending and use."""

from datetime import timedelta
from typing import Unpack

from ocs.client import encode
from ocs.client.decode import account as decode
from ocs.client.errors import UsageError
from ocs.client.operation import Operation, Sending, identify, mutation, read
from ocs.client.results import ListSpendingCapsResult, ReceiptResult, SetSpendingCapResult
from ocs.client.values import CapHolder, Period, Unit
from ocs.v1 import spending_cap_service_pb2 as spending_caps


def set_spending_cap(
    account_id: str,
    cap_id: str,
    *,
    period: Period,
    limit_micros: int | None = None,
    limit_units: int | None = None,
    unit: Unit | None = None,
    holder: CapHolder | None = None,
    service_id: str | None = None,
    zone: str | None = None,
    window: timedelta | None = None,
    window_slots: int | None = None,
    **sending: Unpack[Sending],
) -> Operation[SetSpendingCapResult]:
    """Create or replace a cap: a limit of money, or of units of one kind, 0 .. 2^53-1.

    holder None binds the whole account; without service_id and zone everything counts. Lowering a
    limit below what is spent only stops new grants. window, 1 h to 31 days, is that of a rolling
    cap; it moves in window_slots (2 .. 31, default 24) slots of whole seconds.
    """
    sent = identify(sending)
    if service_id is not None and zone is not None:
        raise UsageError("give service_id or zone, not both")
    cap = spending_caps.SpendingCap(
        cap_id=cap_id,
        holder=encode.holder(holder),
        period=encode.period(period),
        window=encode.optional_duration(window),
        window_slots=encode.optional_whole("window_slots", window_slots),
    )
    if service_id is not None:
        cap.service_id = service_id
    if zone is not None:
        cap.zone = zone
    if limit_micros is not None and limit_units is None and unit is None:
        cap.limit_micros = encode.whole("limit_micros", limit_micros)
    elif limit_units is not None and limit_micros is None and unit is not None:
        cap.limit_units.units = encode.whole("limit_units", limit_units)
        cap.limit_units.unit = encode.unit(unit)
    else:
        raise UsageError("give either limit_micros, or limit_units and unit")
    request = spending_caps.SetSpendingCapRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        cap=cap,
    )
    return mutation("spending_caps", "SetSpendingCap", request, decode.set_spending_cap, sent)


def delete_spending_cap(
    account_id: str,
    cap_id: str,
    *,
    holder: CapHolder | None = None,
    **sending: Unpack[Sending],
) -> Operation[ReceiptResult]:
    """Remove a cap of the account (holder None), of a line or of a group, with its counter.

    NotFoundError if there is none.
    """
    sent = identify(sending)
    request = spending_caps.DeleteSpendingCapRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        account_id=account_id,
        holder=encode.holder(holder),
        cap_id=cap_id,
    )
    return mutation("spending_caps", "DeleteSpendingCap", request, decode.receipt_only, sent)


def list_spending_caps(
    account_id: str, *, holder: CapHolder | None = None, timeout_s: float | None = None
) -> Operation[ListSpendingCapsResult]:
    """The caps of one holder, ordered by id; holder None lists the account's own."""
    request = spending_caps.ListSpendingCapsRequest(
        account_id=account_id, holder=encode.holder(holder)
    )
    return read("spending_caps", "ListSpendingCaps", request, decode.list_spending_caps, timeout_s)
