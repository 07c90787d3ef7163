"""Messages to domain values and back: units, times, caps, receipts, grants, charges."""

from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ocs.domain.answer import Answer, CapReached, Outcome, Reason
from ocs.domain.periods import Period
from ocs.domain.spending_cap import ACCOUNT_HOLDER, group_holder, subscriber_holder
from ocs.domain.units import Unit
from ocs.limits import REPORT_AT_PERCENT, TIME_MAX_MS
from ocs.rpc.call import CallInfo
from ocs.rpc.names import event_name
from ocs.service.errors import ServiceError
from ocs.service.requests import Asked, Payer
from ocs.v1 import charging_service_pb2, types_pb2

_NANOS: Final = 1_000_000_000

UNITS: Final = {
    types_pb2.UNIT_TYPE_UNSPECIFIED: None,
    types_pb2.UNIT_TYPE_MICROS: Unit.MICROS,
    types_pb2.UNIT_TYPE_OCTETS: Unit.OCTETS,
    types_pb2.UNIT_TYPE_SECONDS: Unit.SECONDS,
    types_pb2.UNIT_TYPE_COUNT: Unit.COUNT,
}
UNIT_TYPES: Final = {unit: number for number, unit in UNITS.items() if unit is not None}
PERIODS: Final = {
    types_pb2.CapPeriod.Value(f"CAP_PERIOD_{period.name}"): period for period in Period
}
PERIOD_TYPES: Final = {period: number for number, period in PERIODS.items()}
OUTCOMES: Final[dict[Outcome, types_pb2.Outcome.ValueType]] = {
    outcome: types_pb2.Outcome.Value(f"OUTCOME_{outcome.name}")
    for outcome in Outcome
    if outcome is not Outcome.DONE
}


def time_ms(stamp: Timestamp, field: str) -> int:
    """Milliseconds of a time, 0 .. 2200-01-01. Raises INVALID_FIELD for another."""
    value = stamp.seconds * 1000 + stamp.nanos // 1_000_000
    if not 0 < value <= TIME_MAX_MS or not 0 <= stamp.nanos < _NANOS:
        rule = "must be a time from 1970 to 2199"
        raise ServiceError(Reason.INVALID_FIELD, violations=[(field, rule)])
    return value


def set_time(stamp: Timestamp, value_ms: int) -> None:
    """Write milliseconds into a time; 0 leaves it unset."""
    if value_ms:
        stamp.seconds, rest = divmod(value_ms, 1000)
        stamp.nanos = rest * 1_000_000


def duration_ms(duration: Duration) -> int:
    """Milliseconds of a duration, already within its bounds."""
    return duration.seconds * 1000 + duration.nanos // 1_000_000


def asked_by(call: CallInfo, request: object) -> Asked:
    """What every mutation carries."""
    stamp: Timestamp = request.request_time  # type: ignore[attr-defined]  # every mutation has it
    return Asked(
        call.tenant,
        call.actor,
        call.deadline_ms,
        request.request_id,  # type: ignore[attr-defined]
        time_ms(stamp, "request_time"),
    )


def payer_of(
    request: charging_service_pb2.ReserveRequest
    | charging_service_pb2.DebitRequest
    | charging_service_pb2.QuoteRequest,
) -> Payer:
    """Who pays."""
    if request.account_id:
        return Payer(request.account_id, request.subscriber_id)
    if request.subscriber_id:
        rule = "must be empty with an identity, which names the subscriber itself"
        raise ServiceError(Reason.INVALID_FIELD, violations=[("subscriber_id", rule)])
    return Payer(identity=identity_of(request.identity))


def identity_of(identity: types_pb2.SubscriberIdentity) -> tuple[str, str]:
    """Kind and value of a network identity."""
    kind = identity.WhichOneof("identity")
    assert kind is not None  # the rules require one
    return kind, getattr(identity, kind)


def holder_of(holder: types_pb2.CapHolder) -> str:
    """Domain name of a cap's holder."""
    kind = holder.WhichOneof("holder")
    if kind == "subscriber_id":
        return subscriber_holder(holder.subscriber_id)
    if kind == "group_id":
        return group_holder(holder.group_id)
    return ACCOUNT_HOLDER


def set_holder(message: types_pb2.CapHolder, holder: str) -> None:
    """Write a cap's holder; the account's own is left unset."""
    kind, _, holder_id = holder.partition("/")
    if kind == "subscriber":
        message.subscriber_id = holder_id
    elif kind == "group":
        message.group_id = holder_id


def set_receipt(receipt: types_pb2.Receipt, answer: Answer) -> None:
    """Write what every answer carries."""
    receipt.account_seq = answer.seq
    set_time(receipt.store_time, answer.store_ms)
    receipt.replayed = answer.replayed


def set_cap_reached(message: types_pb2.CapReached, cap: CapReached) -> None:
    """Write the cap that refused or cut a grant."""
    if cap.holder != ACCOUNT_HOLDER:
        set_holder(message.holder, cap.holder)
    message.cap_id = cap.cap_id
    message.unit = UNIT_TYPES[cap.unit]
    message.remaining = cap.remaining
    set_time(message.reset_time, cap.reset_ms)


def set_grant(grant: types_pb2.Grant, answer: Answer, unit: Unit | None) -> None:
    """Write the decision on a request for units."""
    assert answer.outcome is not None
    grant.outcome = OUTCOMES[answer.outcome]
    if unit is not None:
        grant.unit = UNIT_TYPES[unit]
    if answer.outcome is Outcome.GRANTED:
        grant.granted_units = answer.granted_units
        set_time(grant.validity_time, answer.valid_until_ms)
        set_time(grant.expire_time, answer.expire_ms)
        grant.report_at_units = max(1, answer.granted_units * REPORT_AT_PERCENT // 100)
        grant.reserved_micros = answer.held_micros
        if answer.price_change_ms < answer.expire_ms:
            set_time(grant.tariff_change_time, answer.price_change_ms)
        if answer.final_grant:
            grant.final_grant = True
            grant.final_unit_action = types_pb2.FINAL_UNIT_ACTION_TERMINATE
    if answer.cap is not None:
        set_cap_reached(grant.cap, answer.cap)


def set_charge(charge: types_pb2.Charge, answer: Answer, tenant: str, account_id: str) -> None:
    """Write the settled part."""
    charge.charged_units = answer.rated_units
    charge.charged_micros = answer.charged_micros
    charge.uncollected_units = answer.uncollected_units
    charge.uncollected_micros = answer.uncollected_micros
    for payment in answer.payments:
        charge.lines.add(bucket_id=payment.bucket_id, units=payment.units, micros=payment.micros)
    charge.late = answer.late
    charge.sequence_gap = answer.sequence_gap
    charge.out_of_order = answer.out_of_order
    charge.event = event_name(tenant, account_id, answer.seq)


def note(call: CallInfo, answer: Answer, account_id: str, currency: str = "") -> None:
    """Report back for the log line and the metrics."""
    call.account_id = account_id
    call.outcome = answer.outcome.value if answer.outcome is not None else ""
    call.replayed = answer.replayed
    call.currency = currency
    call.charged_micros = answer.charged_micros
    call.uncollected_micros = answer.uncollected_micros
