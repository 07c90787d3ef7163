"""Decisions and charges."""

from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message

from ocs.client import corrections, results
from ocs.client.values import CapHolder, FinalUnitAction, Outcome, Unit
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2 as types

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS_PER_MICROSECOND = 1_000

# A number that is in no table is a newer service's, and reads as "not said".
_UNITS: dict[int, Unit] = {types.UnitType.Value(f"UNIT_TYPE_{one}"): one for one in Unit}
_OUTCOMES: dict[int, Outcome] = {types.Outcome.Value(f"OUTCOME_{one}"): one for one in Outcome}
_FINAL_UNIT_ACTIONS: dict[int, FinalUnitAction] = {
    types.FinalUnitAction.Value(f"FINAL_UNIT_ACTION_{one}"): one for one in FinalUnitAction
}


def time(message: Message, name: str) -> datetime | None:
    """A time of a message, exact to the microsecond; None if unset."""
    if not message.HasField(name):
        return None
    value = getattr(message, name)
    return _EPOCH + timedelta(
        seconds=value.seconds, microseconds=value.nanos // _NANOS_PER_MICROSECOND
    )


def time_of_ms(milliseconds: int) -> datetime | None:
    """A time given in milliseconds since 1970; None for 0, which means not said."""
    return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None


def unit(number: int) -> Unit | None:
    """What a quantity counts."""
    return _UNITS.get(number)


def outcome(number: int) -> Outcome:
    """A decision; one of a newer service is UNSPECIFIED, so never taken for a grant."""
    return _OUTCOMES.get(number, Outcome.UNSPECIFIED)


def holder(message: types.CapHolder) -> CapHolder | None:
    """Whom a cap binds; None is the whole account."""
    match message.WhichOneof("holder"):
        case "subscriber_id":
            return CapHolder(subscriber_id=message.subscriber_id)
        case "group_id":
            return CapHolder(group_id=message.group_id)
        case _:
            return None


def receipt(message: types.Receipt) -> results.Receipt:
    """What every answer of a mutation carries."""
    return results.Receipt(
        account_seq=message.account_seq,
        store_time=time(message, "store_time"),
        replayed=message.replayed,
    )


def cap_reached(
    message: types.Grant
    | charging.DebitResponse
    | charging.QuoteResponse
    | bundles.PurchaseBundleResponse,
) -> results.CapReached | None:
    """The cap that refused or cut, if one did."""
    if not message.HasField("cap"):
        return None
    cap = message.cap
    return results.CapReached(
        cap_id=cap.cap_id,
        holder=holder(cap.holder),
        unit=unit(cap.unit),
        remaining=cap.remaining,
        reset_time=time(cap, "reset_time"),
    )


def grant(reservation: str, message: types.Grant, settled: types.Receipt) -> results.GrantResult:
    """The decision on a request for units."""
    return results.GrantResult(
        outcome=outcome(message.outcome),
        reservation=reservation,
        granted_units=message.granted_units,
        unit=unit(message.unit),
        validity_time=time(message, "validity_time"),
        expire_time=time(message, "expire_time"),
        report_at_units=message.report_at_units,
        tariff_change_time=time(message, "tariff_change_time"),
        final_grant=message.final_grant,
        final_unit_action=_FINAL_UNIT_ACTIONS.get(message.final_unit_action),
        cap=cap_reached(message),
        reserved_micros=message.reserved_micros,
        receipt=receipt(settled),
    )


def held_quantity(message: accounts.HeldQuantity) -> results.HeldQuantity:
    """A quantity held in a bucket."""
    return results.HeldQuantity(bucket_id=message.bucket_id, quantity=message.quantity)


def bucket_charge(message: types.BucketCharge) -> results.BucketCharge:
    """What one bucket paid."""
    return results.BucketCharge(
        bucket_id=message.bucket_id, units=message.units, micros=message.micros
    )


def charge(message: types.Charge) -> results.Charge:
    """The settled part."""
    return results.Charge(
        charged_units=message.charged_units,
        charged_micros=message.charged_micros,
        uncollected_units=message.uncollected_units,
        uncollected_micros=message.uncollected_micros,
        lines=tuple(bucket_charge(line) for line in message.lines),
        late=message.late,
        sequence_gap=message.sequence_gap,
        out_of_order=message.out_of_order,
        event=message.event,
    )


def refund_line(message: types.RefundLine) -> results.RefundLine:
    """What a bucket that paid gets back."""
    return results.RefundLine(
        bucket_id=message.bucket_id,
        to_bucket_id=message.to_bucket_id,
        quantity=message.quantity,
    )


def refund(message: charging.RefundResponse) -> corrections.RefundResult:
    """The answer of Refund."""
    return corrections.RefundResult(
        lines=tuple(map(refund_line, message.lines)),
        refunded_micros=message.refunded_micros,
        event=message.event,
        receipt=receipt(message.receipt),
    )


def correct_charge(message: charging.CorrectChargeResponse) -> corrections.CorrectChargeResult:
    """The answer of CorrectCharge."""
    return corrections.CorrectChargeResult(
        charge=charge(message.charge), receipt=receipt(message.receipt)
    )


def reserve(message: charging.ReserveResponse) -> results.GrantResult:
    """The answer of Reserve."""
    return grant(message.reservation, message.grant, message.receipt)


def commit(message: charging.CommitResponse) -> results.CommitResult:
    """The answer of Commit."""
    next_grant = None
    if message.HasField("grant"):
        next_grant = grant(message.reservation, message.grant, message.receipt)
    return results.CommitResult(
        reservation=message.reservation,
        charge=charge(message.charge),
        grant=next_grant,
        receipt=receipt(message.receipt),
    )


def release(message: charging.ReleaseResponse) -> results.ReleaseResult:
    """The answer of Release."""
    return results.ReleaseResult(
        outcome=outcome(message.outcome),
        released_micros=message.released_micros,
        receipt=receipt(message.receipt),
    )


def debit(message: charging.DebitResponse) -> results.DebitResult:
    """The answer of Debit."""
    return results.DebitResult(
        outcome=outcome(message.outcome),
        charge=charge(message.charge),
        cap=cap_reached(message),
        receipt=receipt(message.receipt),
    )
