"""SpendingCapService at the edge: messages to use cases and back."""

from ocs.domain.answer import Reason
from ocs.domain.decide.grant import CapInForce
from ocs.domain.periods import Period
from ocs.domain.spending_cap import ACCOUNT_HOLDER, RollingWindow, SpendingCap
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX, WINDOW_SLOTS_DEFAULT
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.method import RpcService
from ocs.service.accounts import Accounts
from ocs.service.errors import ServiceError
from ocs.service.requests import DeleteSpendingCapAsked, SetSpendingCapAsked
from ocs.v1 import spending_cap_service_pb2 as pb


class SpendingCapServicer:
    """Handlers of ocs.v1.SpendingCapService."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def service(self) -> RpcService:
        """Name the handlers for the server."""
        return RpcService(
            pb.DESCRIPTOR.services_by_name["SpendingCapService"],
            {
                "SetSpendingCap": self.set_spending_cap,
                "DeleteSpendingCap": self.delete_spending_cap,
                "ListSpendingCaps": self.list_spending_caps,
            },
        )

    async def set_spending_cap(
        self, call: CallInfo, request: pb.SetSpendingCapRequest
    ) -> pb.SetSpendingCapResponse:
        """Create a cap, or change its limit."""
        ask = SetSpendingCapAsked(
            convert.asked_by(call, request), request.account_id, _read_cap(request.cap)
        )
        answer, cap = await self._accounts.set_spending_cap(ask)
        call.replayed = answer.replayed
        response = pb.SetSpendingCapResponse()
        set_cap(response.cap, cap)
        convert.set_receipt(response.receipt, answer)
        return response

    async def delete_spending_cap(
        self, call: CallInfo, request: pb.DeleteSpendingCapRequest
    ) -> pb.DeleteSpendingCapResponse:
        """Remove a cap."""
        ask = DeleteSpendingCapAsked(
            convert.asked_by(call, request),
            request.account_id,
            convert.holder_of(request.holder),
            request.cap_id,
        )
        answer = await self._accounts.delete_spending_cap(ask)
        call.replayed = answer.replayed
        response = pb.DeleteSpendingCapResponse()
        convert.set_receipt(response.receipt, answer)
        return response

    async def list_spending_caps(
        self, call: CallInfo, request: pb.ListSpendingCapsRequest
    ) -> pb.ListSpendingCapsResponse:
        """Read the caps of one holder."""
        holder = convert.holder_of(request.holder)
        caps, store_ms = await self._accounts.list_caps(call.tenant, request.account_id, holder)
        response = pb.ListSpendingCapsResponse()
        for cap in caps:
            set_cap(response.caps.add(), cap)
        convert.set_time(response.store_time, store_ms)
        return response


def _read_cap(message: pb.SpendingCap) -> SpendingCap:
    money = message.WhichOneof("limit") == "limit_micros"
    unit = Unit.MICROS if money else convert.UNITS[message.limit_units.unit]
    assert unit is not None  # the rules require one
    return SpendingCap(
        convert.holder_of(message.holder),
        message.cap_id,
        unit,
        message.limit_micros if money else message.limit_units.units,
        convert.PERIODS[message.period],
        message.service_id,
        message.zone,
        _read_window(message),
    )


def _read_window(message: pb.SpendingCap) -> RollingWindow | None:
    """Return the window of a rolling cap; INVALID_FIELD if there is one too many, or none."""
    rolling = convert.PERIODS[message.period] is Period.ROLLING
    said = [] if rolling else ["window"] * message.HasField("window")
    said += [] if rolling else ["window_slots"] * message.HasField("window_slots")
    violations = [(f"cap.{field}", "must be unset unless period is ROLLING") for field in said]
    if rolling and not message.HasField("window"):
        violations.append(("cap.window", "must be said if period is ROLLING"))
    slot_count = message.window_slots if message.HasField("window_slots") else WINDOW_SLOTS_DEFAULT
    seconds, nanos = message.window.seconds, message.window.nanos
    if nanos or seconds % slot_count:
        rule = f"must be {slot_count} slots of whole seconds each"
        violations.append(("cap.window", rule))
    if violations:
        raise ServiceError(Reason.INVALID_FIELD, violations=violations)
    return RollingWindow(slot_count, seconds // slot_count * 1000) if rolling else None


def set_cap(message: pb.SpendingCap, found: CapInForce) -> None:
    """Write a cap and its counter."""
    cap = found.cap
    message.cap_id = cap.cap_id
    if cap.holder != ACCOUNT_HOLDER:
        convert.set_holder(message.holder, cap.holder)
    if cap.service_id:
        message.service_id = cap.service_id
    if cap.zone:
        message.zone = cap.zone
    if cap.unit is Unit.MICROS:
        message.limit_micros = cap.limit
    else:
        message.limit_units.unit = convert.UNIT_TYPES[cap.unit]
        message.limit_units.units = cap.limit
    message.period = convert.PERIOD_TYPES[cap.period]
    # The slots of a window together may pass what a quantity may be; they refuse all the same.
    message.spent = min(QUANTITY_MAX, found.spent)
    message.reserved = min(QUANTITY_MAX, found.reserved)
    message.remaining = max(0, found.headroom)
    if found.bounds is not None:
        convert.set_time(message.period_start_time, found.bounds.start_ms)
    convert.set_time(message.reset_time, found.reset_ms)
    if cap.window is not None and found.bounds is not None:
        first = cap.window.first_slot(found.bounds.start_ms)
        convert.set_time(message.period_start_time, first)
        message.window.FromMilliseconds(cap.window.slot_count * cap.window.slot_ms)
        message.window_slots = cap.window.slot_count
