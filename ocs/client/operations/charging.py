"""Operations of ChargingService: what a network gateway calls."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Unpack

from ocs.client import encode
from ocs.client.corrections import CorrectChargeResult, RefundResult
from ocs.client.decode import charge as decode
from ocs.client.operation import Operation, Sending, identify, mutation
from ocs.client.results import CommitResult, DebitResult, GrantResult, ReleaseResult
from ocs.client.values import Basis, Identity, NextGrant, OverrunPolicy, Unit, UsedSegment
from ocs.v1 import charging_service_pb2 as charging


def reserve(
    *,
    service_id: str,
    requested_units: int | None = None,
    account_id: str | None = None,
    identity: Identity | None = None,
    subscriber_id: str = "",
    unit: Unit | None = None,
    all_or_nothing: bool = False,
    session_id: str = "",
    sequence_number: int | None = None,
    reservation_id: str = "",
    validity: timedelta | None = None,
    other_party: str = "",
    visited_network: str = "",
    event_time: datetime | None = None,
    **sending: Unpack[Sending],
) -> Operation[GrantResult]:
    """Hold units of one service, for the account or for the line with an identity.

    Grants what there is, unless all_or_nothing. A refusal is an answer with its outcome, not an
    exception. requested_units is 1 .. 2^53-1 of the service's unit, by default the tariff's
    grant_default; validity 1 s .. 24 h.
    """
    sent = identify(sending)
    request = charging.ReserveRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        subscriber_id=subscriber_id,
        service_id=service_id,
        requested_units=encode.optional_whole("requested_units", requested_units),
        unit=encode.unit(unit),
        all_or_nothing=all_or_nothing,
        session_id=session_id,
        sequence_number=encode.optional_whole("sequence_number", sequence_number),
        reservation_id=reservation_id,
        validity_duration=encode.optional_duration(validity),
        other_party=other_party,
        visited_network=visited_network,
        event_time=encode.optional_timestamp("event_time", event_time),
    )
    encode.payer(request, account_id, identity)
    return mutation("charging", "Reserve", request, decode.reserve, sent)


def commit(
    reservation: str,
    used: int | Sequence[UsedSegment],
    *,
    next_grant: NextGrant | int | None = None,
    keep: bool = False,
    sequence_number: int | None = None,
    overrun_policy: OverrunPolicy | None = None,
    unit: Unit | None = None,
    **sending: Unpack[Sending],
) -> Operation[CommitResult]:
    """Settle the units used since the last report, and say what becomes of the rest.

    By default the rest goes back and the reservation ends; keep leaves it held; next_grant returns
    it and holds anew. used is one figure, 0 .. 2^53-1, or up to 8 segments in order of time.
    """
    sent = identify(sending)
    request = charging.CommitRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        reservation=reservation,
        used=encode.used(used),
        sequence_number=encode.optional_whole("sequence_number", sequence_number),
        overrun_policy=encode.overrun_policy(overrun_policy),
        unit=encode.unit(unit),
    )
    encode.rest(request, next_grant, keep=keep)
    return mutation("charging", "Commit", request, decode.commit, sent)


def release(reservation: str, **sending: Unpack[Sending]) -> Operation[ReleaseResult]:
    """Give back everything held and close the reservation. Charges nothing."""
    sent = identify(sending)
    request = charging.ReleaseRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        reservation=reservation,
    )
    return mutation("charging", "Release", request, decode.release, sent)


def debit(
    *,
    service_id: str,
    used_units: int,
    basis: Basis,
    account_id: str | None = None,
    identity: Identity | None = None,
    subscriber_id: str = "",
    unit: Unit | None = None,
    session_id: str = "",
    sequence_number: int | None = None,
    other_party: str = "",
    visited_network: str = "",
    event_time: datetime | None = None,
    **sending: Unpack[Sending],
) -> Operation[DebitResult]:
    """Charge one event at once, without a reservation.

    AUTHORIZE charges all of it or refuses with an outcome; USED charges as far as the money goes.
    used_units is 1 .. 2^53-1 of the service's unit.
    """
    sent = identify(sending)
    request = charging.DebitRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        subscriber_id=subscriber_id,
        service_id=service_id,
        used_units=encode.whole("used_units", used_units),
        unit=encode.unit(unit),
        basis=encode.basis(basis),
        session_id=session_id,
        sequence_number=encode.optional_whole("sequence_number", sequence_number),
        other_party=other_party,
        visited_network=visited_network,
        event_time=encode.optional_timestamp("event_time", event_time),
    )
    encode.payer(request, account_id, identity)
    return mutation("charging", "Debit", request, decode.debit, sent)


def refund(
    event: str,
    *,
    shares: Mapping[str, int] | None = None,
    bucket_id: str = "",
    reason: str = "",
    **sending: Unpack[Sending],
) -> Operation[RefundResult]:
    """Give back what a commit or debit collected, also weeks later.

    event is its name, e.g. `charge.event`. shares says how much which bucket that paid gets back;
    None is all that is not refunded yet. bucket_id is credited if a bucket that paid is gone.
    """
    sent = identify(sending)
    request = charging.RefundRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        event=event,
        shares=[
            charging.RefundShare(bucket_id=name, quantity=encode.whole("quantity", quantity))
            for name, quantity in (shares or {}).items()
        ],
        bucket_id=bucket_id,
        reason=reason,
    )
    return mutation("charging", "Refund", request, decode.refund, sent)


def correct_charge(
    event: str,
    micros: int,
    *,
    tariff_version: str,
    reason: str = "",
    **sending: Unpack[Sending],
) -> Operation[CorrectChargeResult]:
    """Charge micros more for a commit or debit that came to too little, as far as the money goes.

    event is its name. tariff_version is the one that asks for it.
    """
    sent = identify(sending)
    request = charging.CorrectChargeRequest(
        request_id=sent.request_id,
        request_time=encode.timestamp("request_time", sent.request_time),
        event=event,
        micros=encode.whole("micros", micros),
        tariff_version=tariff_version,
        reason=reason,
    )
    return mutation("charging", "CorrectCharge", request, decode.correct_charge, sent)
