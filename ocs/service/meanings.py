"""What a charging call means, digested: what the caller said, not what the tariff made of it.

So a resend means the same whatever became active in between, and is answered from its record.
"""

from ocs.domain.fingerprint import fingerprint
from ocs.service.requests import CommitAsked, DebitAsked, Place, ReserveAsked


def reserve_meaning(
    ask: ReserveAsked, subscriber_id: str, reservation_id: str, session_id: str
) -> str:
    """Digest a Reserve. The ids: as resolved, defaults taken."""
    wish = ask.wish
    return fingerprint(
        "Reserve",
        subscriber_id,
        *_place_fields(ask.place),
        wish.requested_units,
        wish.all_or_nothing,
        wish.validity_ms,
        reservation_id,
        session_id,
        ask.sequence_number,
        ask.asked.request_time_ms,
    )


def debit_meaning(ask: DebitAsked, subscriber_id: str) -> str:
    """Digest a Debit."""
    return fingerprint(
        "Debit",
        subscriber_id,
        *_place_fields(ask.place),
        ask.basis,
        ask.used_units,
        ask.session_id,
        ask.sequence_number,
        ask.asked.request_time_ms,
    )


def commit_meaning(ask: CommitAsked, next_id: str) -> str:
    """Digest a Commit. next_id: of the successor, its default taken."""
    wish = ask.wish
    return fingerprint(
        "Commit",
        ask.reservation_id,
        ask.segments,
        ask.step,
        (wish.requested_units, wish.all_or_nothing, wish.validity_ms) if wish else (),
        next_id,
        ask.sequence_number,
        ask.reject_overrun,
        ask.unit,
        ask.asked.request_time_ms,
    )


def _place_fields(place: Place) -> tuple[object, ...]:
    return (
        place.service_id,
        place.unit,
        place.other_party,
        place.visited_network,
        place.event_time_ms,
    )
