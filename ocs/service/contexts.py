"""What the service knew of a charge, for the journal."""

from ocs.domain.event_context import EventContext
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.reservation import ServiceTerms
from ocs.service.pricing import AS_GRANTED, UsePrice, named
from ocs.service.requests import Asked, CommitAsked, Place


def charge_context(
    asked: Asked, profile: Profile, terms: ServiceTerms | None, place: Place
) -> EventContext:
    """Say what is known of a reserve or debit. terms: None = there is no price."""
    return EventContext(
        request_id=asked.request_id,
        subscriber_id=profile.subscriber_id,
        segment=profile.terms.segment,
        plan=profile.terms.plan,
        service_id=place.service_id,
        zone=terms.zone if terms is not None else "",
        currency=profile.terms.currency,
        tariff_version=terms.tariff_version if terms is not None else "",
        price_id=terms.price_id if terms is not None else "",
        partner=terms.partner if terms is not None else "",
        event_time_ms=place.event_time_ms or asked.request_time_ms,
        actor=asked.actor,
    )


def settle_context(
    asked: Asked, facts: ReservationFacts | None, profile: Profile | None
) -> EventContext:
    """Say what is known of a commit or release; nothing if the reservation is not known here."""
    if facts is None or profile is None:
        # The script asks for the facts before it writes anything.
        return EventContext(request_id=asked.request_id)
    return EventContext(
        request_id=asked.request_id,
        session_id=facts.session_id,
        subscriber_id=facts.subscriber_id,
        segment=profile.terms.segment,
        plan=profile.terms.plan,
        service_id=facts.service_id,
        zone=facts.zone,
        tariff_version=facts.tariff_version,
        price_id=facts.price_id,
        partner=facts.partner,
        currency=profile.terms.currency,
        event_time_ms=asked.request_time_ms,
        actor=asked.actor,
    )


def commit_context(
    ask: CommitAsked,
    facts: ReservationFacts | None,
    profile: Profile | None,
    use: UsePrice,
) -> EventContext:
    """Say what is known of a commit. use: what prices the use that it reports."""
    context = settle_context(ask.asked, facts, profile)
    if use is not AS_GRANTED:
        context.pieces = named(use.pieces, context.tariff_version, context.price_id)
        context.unsplit = use.unsplit
    context.sequence_number = ask.sequence_number
    context.segments = ask.segments
    return context
