"""Reads what the scripts keep in the store; docs/store-layout.md is the map of it.

Lua writes these texts, this module reads them. A text that does not parse raises CorruptStateError
and is left as it is.
"""

from collections.abc import Mapping
from itertools import starmap
from typing import Final

from ocs.domain.bucket import Bucket, BucketTerms
from ocs.domain.bundle import Renewal, RollOver, Threshold
from ocs.domain.known import ReservationFacts
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, RateStep, Rounding
from ocs.domain.reservation import (
    CapLine,
    Hold,
    Reservation,
    ReservationState,
    ServiceTerms,
    SessionRating,
)
from ocs.domain.spending_cap import CapCounter, SpendingCap, read_period
from ocs.domain.state import AccountStatus, AccountTerms, Credit
from ocs.domain.units import Unit

Fields = Mapping[str, str]

# Spelled once per line of the tariff, not once per call: (line, what it is, what it costs).
_TERMS_TEXTS: Final[dict[int, tuple[ServiceTerms, str, str]]] = {}
_TERMS_TEXTS_MAX: Final = 65_536


class CorruptStateError(Exception):
    """A stored text does not parse."""


def _ids(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


def dash(text: str) -> str:
    """Spell an empty text."""
    return text or "-"


def undash(text: str) -> str:
    """Read a text that may be empty."""
    return "" if text == "-" else text


def terms_text(terms: BucketTerms) -> str:
    """Spell a bucket's terms as top_up.lua stores them."""
    return (
        f"{terms.unit} {terms.priority} {terms.start_ms} {terms.expire_ms}"
        f" {int(terms.blocking)} {dash(','.join(terms.service_ids))} {dash(','.join(terms.zones))}"
    )


def read_terms(text: str) -> BucketTerms:
    """Read a bucket's terms."""
    unit, priority, start_ms, expire_ms, blocking, services, zones = text.split(" ")
    return BucketTerms(
        Unit(unit),
        int(priority),
        int(start_ms),
        int(expire_ms),
        blocking == "1",
        _ids(services),
        _ids(zones),
    )


def read_identities(text: str) -> tuple[tuple[str, str], ...]:
    """Read a line's network identities: `kind=value,...`."""
    pairs = (identity.split("=") for identity in _ids(text))
    return tuple((kind, value) for kind, value in pairs)


def read_buckets(fields: Fields) -> dict[str, Bucket]:
    """Read the buckets of an account hash, in consumption order."""
    buckets = {}
    for bucket_id in fields["order"].split(" "):
        balance, reserved, spent, *rest = map(int, fields[f"b:{bucket_id}"].split(" "))
        credited, expired, withdrawn = rest
        buckets[bucket_id] = Bucket(
            bucket_id,
            read_terms(fields[f"t:{bucket_id}"]),
            balance,
            reserved,
            credited,
            spent,
            expired,
            withdrawn,
        )
    return buckets


def read_counters(holder: str, fields: Fields) -> dict[tuple[str, str], CapCounter]:
    """Read the cap counters of an account, subscriber or group hash, but for rolling caps."""
    return {
        (holder, field[2:]): CapCounter(*map(int, text.split(" ")))
        for field, text in fields.items()
        if field.startswith("c:") and not text.startswith(Period.ROLLING.value)
    }


def read_slots(holder: str, fields: Fields) -> dict[tuple[str, str, int], CapCounter]:
    """Read the slots of rolling caps: `rolling/slots/slot_ms start:spent:reserved,...`."""
    slots = {}
    for field, text in fields.items():
        if field.startswith("c:") and text.startswith(Period.ROLLING.value):
            for slot in _ids(text.split(" ")[1]):
                counter = CapCounter(*map(int, slot.split(":")))
                slots[(holder, field[2:], counter.period_start_ms)] = counter
    return slots


def cap_meaning(cap: SpendingCap) -> str:
    """Spell what a cap counts."""
    return f"{cap.unit} {cap.period_text} {dash(cap.service_id)} {dash(cap.zone)}"


def read_caps(holder: str, fields: Fields) -> list[SpendingCap]:
    """Read the cap definitions of a profile, subscriber or group hash, by id."""
    caps = []
    for field in sorted(fields):
        if field.startswith("q:"):
            limit, unit, period_text, service_id, zone = fields[field].split(" ")
            period, window = read_period(period_text)
            caps.append(
                SpendingCap(
                    holder,
                    field[2:],
                    Unit(unit),
                    int(limit),
                    period,
                    undash(service_id),
                    undash(zone),
                    window,
                )
            )
    return caps


def read_refusals(fields: Fields) -> tuple[int, int]:
    """Read since when an account counts the refusals it stores, and how many there were."""
    since_ms, count = fields.get("refusals", "0 0").split(" ")
    return int(since_ms), int(count)


def read_renewals(fields: Fields) -> dict[str, Renewal]:
    """Read the renewals of bundles from an account hash: `due_ms end_ms left tries`."""
    return {
        field[2:]: Renewal(*map(int, text.split(" ")))
        for field, text in fields.items()
        if field.startswith("n:")
    }


def read_roll_overs(fields: Fields) -> dict[str, RollOver]:
    """Read where buckets roll over to: `bundle bucket most`, - while that is not known yet."""
    found = {}
    for field, text in fields.items():
        if field.startswith("o:"):
            bundle_id, to_bucket_id, most = text.split(" ")
            found[field[2:]] = RollOver(bundle_id, undash(to_bucket_id), int(most))
    return found


def read_thresholds(fields: Fields) -> dict[str, Threshold]:
    """Read the marks on balances: `quantity low`."""
    found = {}
    for field, text in fields.items():
        if field.startswith("l:"):
            quantity, low = text.split(" ")
            found[field[2:]] = Threshold(int(quantity), low == "1")
    return found


def read_status(fields: Fields) -> AccountStatus:
    """Read the status from an account hash; absent while it is active."""
    return AccountStatus(fields.get("status", "active"))


def read_account_terms(text: str) -> AccountTerms:
    """Read what was agreed of an account."""
    currency, time_zone, anchor_day, plan, segment, credit_limit = text.split(" ")
    return AccountTerms(currency, time_zone, int(anchor_day), plan, segment, int(credit_limit))


def read_hold(text: str) -> Hold:
    """Read what a reservation holds."""
    expire_ms, granted, lines, cap_lines = text.split(" ")
    pairs = (line.split(":") for line in _ids(lines))
    quads = (line.split(":") for line in _ids(cap_lines))
    return Hold(
        int(expire_ms),
        int(granted),
        tuple((bucket_id, int(quantity)) for bucket_id, quantity in pairs),
        tuple(starmap(_cap_line, quads)),
    )


def _cap_line(holder: str, cap_id: str, period: str, quantity: str) -> CapLine:
    return CapLine(holder, cap_id, int(period), int(quantity))


def service_terms_text(terms: ServiceTerms, plan: str = "", change_ms: int = 0) -> str:
    """Spell how a service is metered and priced, as lib/parse_terms reads it."""
    kept = _TERMS_TEXTS.get(id(terms))
    if kept is None or kept[0] is not terms:
        kept = _keep_terms_text(terms)
    return f"{kept[1]} {plan or '-'} {change_ms} {kept[2]}"


def _keep_terms_text(terms: ServiceTerms) -> tuple[ServiceTerms, str, str]:
    """Spell what never changes of a line: what it is, and what it costs."""
    rate = terms.rate
    head = (
        f"{terms.service_id} {terms.unit} {dash(terms.zone)} {dash(terms.tier)}"
        f" {dash(terms.price_id)} {dash(terms.partner)} {terms.tariff_version}"
    )
    tail = (
        f"{','.join(map(_step_text, rate.steps))} {rate.rounding} {rate.quantum} {rate.max_micros}"
        f" {rate.connect_micros} {terms.grant_min} {terms.validity_ms}"
    )
    if len(_TERMS_TEXTS) >= _TERMS_TEXTS_MAX:
        _TERMS_TEXTS.clear()
    # The entry holds the line itself, so that its id cannot become another's.
    kept = _TERMS_TEXTS[id(terms)] = (terms, head, tail)
    return kept


def _step_text(step: RateStep) -> str:
    figures = (step.start, step.increment, step.num, step.den, step.base, step.rest)
    return ":".join(map(str, figures))


def read_rate(steps: str, rounding: str, quantum: str, max_micros: str, connect: str) -> Rate:
    """Read a compiled price list."""
    return Rate(
        tuple(RateStep(*map(int, step.split(":"))) for step in steps.split(",")),
        Rounding(rounding),
        int(quantum),
        int(max_micros),
        int(connect),
    )


def facts_text(facts: ReservationFacts) -> str:
    """Spell what the service knows of a reservation, as lib/parse_reservation does."""
    return (
        f"{facts.service_id} {facts.unit} {dash(facts.zone)} {dash(facts.tier)}"
        f" {dash(facts.price_id)} {dash(facts.partner)} {facts.tariff_version} {dash(facts.plan)}"
        f" {facts.change_ms} {facts.session_id} {dash(facts.subscriber_id)}"
    )


def read_facts(text: str) -> ReservationFacts:
    """Read the facts of a reservation from a STALE_RESERVATION answer."""
    service_id, unit, zone, tier, price_id, partner, version, plan, *rest = text.split(" ")
    change_ms, session_id, subscriber_id = rest
    return ReservationFacts(
        service_id,
        Unit(unit),
        undash(zone),
        session_id,
        undash(subscriber_id),
        undash(tier),
        undash(price_id),
        undash(partner),
        version,
        undash(plan),
        int(change_ms),
    )


def read_reservation(reservation_id: str, text: str) -> Reservation:
    """Read a reservation; one that lapsed unseen still reads as open."""
    state, forget_ms, session_id, subscriber_id, *priced = text.split(" ")
    service_id, unit, zone, tier, price_id, partner, version, plan, change_ms, *price = priced
    *price, grant_min, validity_ms = price
    return Reservation(
        reservation_id,
        ReservationState(state),
        int(forget_ms),
        session_id,
        undash(subscriber_id),
        ServiceTerms(
            service_id,
            Unit(unit),
            undash(zone),
            read_rate(*price),
            int(grant_min),
            int(validity_ms),
            version,
            undash(price_id),
            undash(tier),
            undash(partner),
        ),
        undash(plan),
        int(change_ms),
    )


def read_credit(text: str) -> Credit:
    """Read what a payment credited: `request bucket unit quantity reversed`, - if it was not."""
    _, bucket_id, unit, quantity, reversed_quantity = text.split(" ")
    back = -1 if reversed_quantity == "-" else int(reversed_quantity)
    return Credit(bucket_id, Unit(unit), int(quantity), back)


def read_refunded(text: str) -> tuple[tuple[str, int], ...]:
    """Read what was given back of an event: `bucket:quantity,...`."""
    pairs = (line.split(":") for line in text.split(","))
    return tuple((bucket_id, int(quantity)) for bucket_id, quantity in pairs)


def read_session(text: str) -> SessionRating:
    """Read how far a session of one service has come."""
    expire_ms, position, paid_to, sequence = map(int, text.split(" "))
    return SessionRating(expire_ms, position, paid_to, sequence - 1)
