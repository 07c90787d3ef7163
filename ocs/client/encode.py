"""Python values into fields of the contract. Pure; a wrong value is a UsageError."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ocs.client.errors import UsageError
from ocs.client.values import (
    Basis,
    CapHolder,
    Identity,
    NextGrant,
    OverrunPolicy,
    Period,
    Unit,
    UsedSegment,
)
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2 as types

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_PER_SECOND = 1_000_000
_NANOS_PER_MICROSECOND = 1_000


def whole(name: str, value: int) -> int:
    """A whole number as it is: protobuf would take 5.0 and True for one, and so lose the mistake.

    The range of the field is the service's to judge; only what no int64 can carry is refused here.
    """
    if type(value) is not int:
        raise UsageError(f"{name} must be an int, not {type(value).__name__}")
    if not INT64_MIN <= value <= INT64_MAX:
        raise UsageError(f"{name} must be within int64")
    return value


def small(name: str, value: int) -> int:
    """A whole number of a 32 bit field."""
    if not INT32_MIN <= whole(name, value) <= INT32_MAX:
        raise UsageError(f"{name} must be within int32")
    return value


def optional_whole(name: str, value: int | None) -> int | None:
    """As whole, where None means not said."""
    return None if value is None else whole(name, value)


def timestamp(name: str, value: datetime) -> Timestamp:
    """A point in time, exact to the microsecond."""
    if value.tzinfo is None:
        raise UsageError(f"{name} must carry a time zone, e.g. datetime.now(UTC)")
    since = (value - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    seconds, micros = divmod(since, _MICROSECONDS_PER_SECOND)
    return Timestamp(seconds=seconds, nanos=micros * _NANOS_PER_MICROSECOND)


def optional_timestamp(name: str, value: datetime | None) -> Timestamp | None:
    """As timestamp, where None means not said."""
    return None if value is None else timestamp(name, value)


def optional_duration(value: timedelta | None) -> Duration | None:
    """A span, exact to the microsecond, or not said. Seconds and nanos have one sign."""
    if value is None:
        return None
    micros = value // _MICROSECOND
    sign = -1 if micros < 0 else 1
    seconds, rest = divmod(abs(micros), _MICROSECONDS_PER_SECOND)
    return Duration(seconds=sign * seconds, nanos=sign * rest * _NANOS_PER_MICROSECOND)


def identity(value: Identity) -> types.SubscriberIdentity:
    """A network identity."""
    message = types.SubscriberIdentity()
    setattr(message, value.kind.value, value.digits)
    return message


def payer(
    request: charging.ReserveRequest | charging.DebitRequest | charging.QuoteRequest,
    account_id: str | None,
    line: Identity | None,
) -> None:
    """Fill the one field that says who pays."""
    if (account_id is None) == (line is None):
        raise UsageError("give either account_id or identity")
    if account_id is not None:
        request.account_id = account_id
    if line is not None:
        request.identity.CopyFrom(identity(line))


def holder(value: CapHolder | None) -> types.CapHolder | None:
    """Whom a cap binds; None is the whole account."""
    if value is None:
        return None
    match value:
        case CapHolder(subscriber_id=str(subscriber_id), group_id=None):
            return types.CapHolder(subscriber_id=subscriber_id)
        case CapHolder(subscriber_id=None, group_id=str(group_id)):
            return types.CapHolder(group_id=group_id)
        case _:
            raise UsageError("a CapHolder has either subscriber_id or group_id")


def unit(value: Unit | None) -> types.UnitType.ValueType:
    """What a quantity counts; None leaves it to the service."""
    if value is None:
        return types.UNIT_TYPE_UNSPECIFIED
    return types.UnitType.Value(f"UNIT_TYPE_{value}")


def period(value: Period) -> types.CapPeriod.ValueType:
    """How often a cap starts again."""
    return types.CapPeriod.Value(f"CAP_PERIOD_{value}")


def basis(value: Basis) -> charging.DebitBasis.ValueType:
    """Whether a debit asks or reports."""
    return charging.DebitBasis.Value(f"DEBIT_BASIS_{value}")


def overrun_policy(value: OverrunPolicy | None) -> charging.OverrunPolicy.ValueType:
    """What happens on overrun; None leaves it to the service."""
    if value is None:
        return charging.OVERRUN_POLICY_UNSPECIFIED
    return charging.OverrunPolicy.Value(f"OVERRUN_POLICY_{value}")


def used(value: int | Sequence[UsedSegment]) -> list[charging.UsedSegment]:
    """Used units, as one figure or as segments in order of time."""
    segments = value if isinstance(value, Sequence) else [UsedSegment(value)]
    return [
        charging.UsedSegment(
            units=whole("used units", segment.units),
            start_time=optional_timestamp("start_time", segment.start_time),
            end_time=optional_timestamp("end_time", segment.end_time),
        )
        for segment in segments
    ]


def rest(
    request: charging.CommitRequest, next_grant: NextGrant | int | None, *, keep: bool
) -> None:
    """Fill the one field that says what becomes of the units not used."""
    if next_grant is not None and keep:
        raise UsageError("give either keep or next_grant")
    if keep:
        request.keep.SetInParent()
    elif next_grant is None:
        request.close.SetInParent()
    else:
        wanted = next_grant if isinstance(next_grant, NextGrant) else NextGrant(next_grant)
        request.next_grant.CopyFrom(
            charging.NextGrant(
                requested_units=optional_whole("next_grant", wanted.requested_units),
                all_or_nothing=wanted.all_or_nothing,
                validity_duration=optional_duration(wanted.validity),
                next_reservation_id=wanted.next_reservation_id,
            )
        )
