"""What an event says against itself, whatever came before it.

Every figure that the event states twice, in different words, is compared here.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from ocs.domain.answer import Outcome
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.limits import RATE_STEPS_MAX

# (part of the event, what it says, what it should say)
Contradiction: TypeAlias = tuple[str, object, object]

_K = EventKind
_DENIALS: Final = frozenset(
    {
        Outcome.CREDIT_LIMIT_REACHED,
        Outcome.SPENDING_CAP_REACHED,
        Outcome.SERVICE_DENIED,
        Outcome.RATING_FAILED,
        Outcome.TOO_MANY_RESERVATIONS,
        Outcome.OUT_OF_ORDER,
        Outcome.ACCOUNT_SUSPENDED,
        Outcome.ACCOUNT_CLOSED,
        Outcome.GRANT_MAX_EXCEEDED,
    }
)
_NOTHING_DECIDED: Final = frozenset({""})
_OUTCOMES: Final[Mapping[EventKind, frozenset[str]]] = MappingProxyType(
    {
        _K.RESERVE: frozenset({Outcome.GRANTED}) | _DENIALS,
        _K.COMMIT: frozenset({Outcome.GRANTED, Outcome.CHARGED}) | _DENIALS,
        _K.DEBIT: frozenset({Outcome.CHARGED}) | _DENIALS,
        _K.RELEASE: frozenset({Outcome.RELEASED}),
        _K.PURCHASE_BUNDLE: frozenset({Outcome.CHARGED, Outcome.TOO_MANY_BUCKETS}) | _DENIALS,
        _K.RENEW_BUNDLE: frozenset({Outcome.CHARGED, Outcome.TOO_MANY_BUCKETS}) | _DENIALS,
    }
)
# Token letters of the line that a kind may have, and those that it must have.
_ALLOWED: Final[Mapping[EventKind, str]] = MappingProxyType(
    {
        _K.CREATE_ACCOUNT: "a",
        _K.ADD_SUBSCRIBER: "m",
        _K.REMOVE_SUBSCRIBER: "",
        _K.UPDATE_SUBSCRIBER: "m",
        _K.TOP_UP: "bte",
        _K.SET_SPENDING_CAP: "q",
        _K.DELETE_SPENDING_CAP: "q",
        _K.RESERVE: "rgbdhlkf",
        _K.COMMIT: "rugpSbyYcxdhlknfe",
        _K.RELEASE: "bdk",
        _K.DEBIT: "rupSbyYcxkfe",
        _K.EXPIRE: "bdk",
        _K.BUCKET_CLOSED: "zbo",
        _K.PURCHASE_BUNDLE: "bykevs",
        _K.RENEW_BUNDLE: "bykevso",
        _K.CANCEL_BUNDLE_RENEWAL: "",
        _K.SET_BUCKET_THRESHOLD: "i",
        _K.SUSPEND_ACCOUNT: "",
        _K.RESUME_ACCOUNT: "",
        _K.CLOSE_ACCOUNT: "",
        _K.UPDATE_ACCOUNT: "w",
        _K.WITHDRAW_BALANCE: "be",
        _K.ADJUST_BUCKET: "be",
        _K.REVERSE_TOP_UP: "be",
        _K.REFUND: "bjke",
    }
)
_REQUIRED: Final[Mapping[EventKind, str]] = MappingProxyType(
    {
        _K.CREATE_ACCOUNT: "a",
        _K.TOP_UP: "b",
        _K.SET_SPENDING_CAP: "q",
        _K.DELETE_SPENDING_CAP: "q",
        _K.RESERVE: "r",
        _K.COMMIT: "pd",
        _K.RELEASE: "d",
        _K.EXPIRE: "d",
        _K.BUCKET_CLOSED: "z",
        _K.UPDATE_ACCOUNT: "w",
        _K.WITHDRAW_BALANCE: "b",
        _K.ADJUST_BUCKET: "b",
        _K.REVERSE_TOP_UP: "b",
        _K.REFUND: "j",
        _K.SET_BUCKET_THRESHOLD: "i",
    }
)
_FLAGS: Final[Mapping[EventKind, str]] = MappingProxyType(
    {_K.RESERVE: "gof", _K.COMMIT: "lgof", _K.DEBIT: "go"}
)
# Status, a service that is not allowed, no price, more than is ever granted: refused before the
# order is looked at.
_BEFORE_ORDER: Final = frozenset(
    {
        Outcome.ACCOUNT_SUSPENDED,
        Outcome.ACCOUNT_CLOSED,
        Outcome.SERVICE_DENIED,
        Outcome.RATING_FAILED,
        Outcome.GRANT_MAX_EXCEEDED,
    }
)
# About the account as a whole, or about no reservation.
_NAMELESS: Final = frozenset(
    {
        _K.CREATE_ACCOUNT,
        _K.DEBIT,
        _K.SUSPEND_ACCOUNT,
        _K.RESUME_ACCOUNT,
        _K.CLOSE_ACCOUNT,
        _K.UPDATE_ACCOUNT,
    }
)


def contradictions(event: ChargingEvent) -> Iterator[Contradiction]:
    """Find what cannot be true of an event by itself."""
    kind = event.kind
    if event.outcome not in _OUTCOMES.get(kind, _NOTHING_DECIDED):
        yield "outcome", event.outcome or "none", f"one of a {kind}"
    if bool(event.ref) == (kind in _NAMELESS):
        yield "ref", event.ref or "none", "none" if event.ref else "an id"
    has = set(_letters(event))
    if not has <= set(_ALLOWED[kind]):
        yield "parts", "".join(sorted(has)), f"at most {_ALLOWED[kind]}"
    if not has >= set(_REQUIRED.get(kind, "")):
        yield "parts", "".join(sorted(has)) or "none", f"at least {_REQUIRED[kind]}"
    if not set(event.flags) <= set(_FLAGS.get(kind, "")):
        yield "flags", event.flags, f"at most {_FLAGS.get(kind) or 'none'}"
    yield from _lists(event)
    if kind in (_K.PURCHASE_BUNDLE, _K.RENEW_BUNDLE):
        yield from _sale(event, has)
    if kind in (_K.RESERVE, _K.COMMIT):
        yield from _grant(event)
    if kind in (_K.COMMIT, _K.DEBIT):
        yield from _charge(event)
    yield from _hold(event)


def _hold(event: ChargingEvent) -> Iterator[Contradiction]:
    """A reservation that has ended holds nothing; another one until a time to come."""
    ended = event.kind in (_K.RELEASE, _K.EXPIRE)
    if ended and event.hold is not None and event.hold != (0, 0):
        yield "hold", event.hold, "0:0"
    if event.hold is None or event.hold == (0, 0):
        if event.hold_lines or event.cap_lines:
            yield "hold", event.hold or "none", "what its lines hold"
    elif event.hold[0] <= event.store_ms:
        yield "hold", event.hold, f"a deadline after {event.store_ms}"


def _letters(event: ChargingEvent) -> Iterator[str]:
    parts = {
        "r": event.requested_units,
        "u": event.used_units,
        "g": event.granted_units,
        "c": event.connect_micros,
        "p": event.position,
        "b": event.buckets,
        "y": event.payments,
        "S": event.steps,
        "Y": event.stretches,
        "x": event.uncollected_units or event.uncollected_micros,
        "d": event.hold,
        "h": event.hold_lines,
        "l": event.cap_lines,
        "k": event.counters,
        "n": event.successor_id,
        "f": event.flags,
        "m": event.group_ids,
        "j": event.refunds,
        "e": event.low,
    }
    yield from (letter for letter, part in parts.items() if part)
    yield from (terms[0] for terms in event.terms)


def _lists(event: ChargingEvent) -> Iterator[Contradiction]:
    """Each bucket and cap has at most one line of a sort, and no line is for nothing."""
    named: Mapping[str, list[object]] = {
        "buckets": [change.bucket_id for change in event.buckets],
        "payments": [payment.bucket_id for payment in event.payments],
        "hold lines": [bucket_id for bucket_id, _ in event.hold_lines],
        "cap lines": [(line.holder, line.cap_id) for line in event.cap_lines],
        "counters": [(c.holder, c.cap_id, c.period_start_ms) for c in event.counters],
        "refunds": [line.bucket_id for line in event.refunds],
        "terms": [terms[:2] if terms[0] in "vo" else terms[0] for terms in event.terms],
        "thresholds": [bucket_id for bucket_id, _ in event.low],
    }
    for part, names in named.items():
        if len(set(names)) != len(names):
            yield part, f"{len(names)} lines", f"{len(set(names))} lines"
    for change in event.buckets:
        before = (change.balance_before, change.reserved_before)
        if before == (change.balance_after, change.reserved_after):
            yield f"bucket {change.bucket_id}", "no change", "a change"
    held = [quantity for _, quantity in event.hold_lines]
    held += [line.quantity for line in event.cap_lines]
    if any(line.quantity <= 0 for line in event.refunds):
        yield "refunds", "0 or less", "more than 0"
    if event.kind is _K.REFUND and not (event.ref.isdecimal() and int(event.ref) < event.seq):
        yield "ref", event.ref, f"an event before {event.seq}"
    if any(quantity <= 0 for quantity in held):
        yield "hold lines", min(held), "more than 0"


def _sale(event: ChargingEvent, has: set[str]) -> Iterator[Contradiction]:
    """What is sold opens buckets for money; what is refused moves nothing."""
    sold = event.outcome == Outcome.CHARGED
    if sold != ("v" in has):
        yield "outcome", event.outcome, "with buckets" if sold else "without buckets"
    moved = has & set("byko")
    if not sold and moved:
        yield "parts", "".join(sorted(moved)), "none of a refusal"
    if any(payment.units or payment.micros <= 0 for payment in event.payments):
        yield "payments", "units, or no money", "money"


def _grant(event: ChargingEvent) -> Iterator[Contradiction]:
    granted = event.outcome == Outcome.GRANTED
    units = event.granted_units
    if granted:
        if event.hold is None or event.hold[1] != units:
            yield "granted", units, event.hold[1] if event.hold is not None else "none"
        if not 1 <= units <= event.requested_units:
            yield "granted", units, f"1 to {event.requested_units}"
    elif units or "f" in event.flags:
        yield "granted", units, "none"
    if event.kind is _K.RESERVE:
        if not granted and (event.hold is not None or event.buckets or event.counters):
            yield "outcome", event.outcome, Outcome.GRANTED
    else:
        asks = event.outcome != Outcome.CHARGED
        if asks != (event.requested_units > 0):
            yield "requested", event.requested_units, "some" if asks else "none"
        if bool(event.successor_id) != (granted and "l" in event.flags):
            yield "successor", event.successor_id or "none", "none" if event.successor_id else "one"
    asks = event.requested_units > 0 and event.outcome not in _BEFORE_ORDER
    if asks and ("o" in event.flags) != (event.outcome == Outcome.OUT_OF_ORDER):
        yield "outcome", event.outcome, f"as of flags {event.flags or 'none'}"


def _charge(event: ChargingEvent) -> Iterator[Contradiction]:
    if event.kind is _K.DEBIT and event.requested_units and event.used_units:
        yield "used", event.used_units, f"none: {event.requested_units} were asked for"
    if event.position is None:
        if event.outcome == Outcome.CHARGED:
            yield "position", "none", "where the charge starts and ends"
        if event.payments or event.buckets or event.counters or event.uncollected_units:
            yield "outcome", event.outcome, Outcome.CHARGED
        return
    if event.kind is _K.DEBIT and event.outcome != Outcome.CHARGED:
        yield "outcome", event.outcome, Outcome.CHARGED
    if event.kind is _K.DEBIT and event.requested_units:
        yield "requested", event.requested_units, "none"
    position, paid_to, position_after, paid_to_after = event.position
    if position_after - position != event.used_units:
        yield "used", event.used_units, position_after - position
    if paid_to < position or paid_to_after < max(paid_to, position_after):
        yield "position", f"{position_after}, paid to {paid_to_after}", "paid to at least there"
    rated = sum(payment.units for payment in event.payments) + event.uncollected_units
    if rated != paid_to_after - paid_to:
        yield "payments", f"{rated} units", f"{paid_to_after - paid_to} units"
    least = min((min(p.units, p.micros) for p in event.payments), default=0)
    if min(least, event.uncollected_units, event.uncollected_micros) < 0:
        yield "payments", "less than 0", "0 or more"
    yield from _steps(event)
    yield from _stretches(event)
    yield from _connect_fee(event, first=position == 0 and event.used_units > 0)


def _steps(event: ChargingEvent) -> Iterator[Contradiction]:
    for first, last in event.steps:
        if not 1 <= first <= last <= RATE_STEPS_MAX:
            yield "steps", f"{first} to {last}", f"in order, 1 to {RATE_STEPS_MAX}"


def _stretches(event: ChargingEvent) -> Iterator[Contradiction]:
    """They tell the payments' units once more, in the order in which they were paid for."""
    units: dict[str, int] = {}
    for bucket_id, paid in event.stretches:
        units[bucket_id] = units.get(bucket_id, 0) + paid
    paid_units = {payment.bucket_id: payment.units for payment in event.payments if payment.units}
    if event.stretches and units != paid_units:
        yield "stretches", event.stretches, paid_units


def _connect_fee(event: ChargingEvent, *, first: bool) -> Iterator[Contradiction]:
    """It is due at a session's first use, and the only thing that can go unpaid without units."""
    if event.connect_micros and not first:
        yield "connect fee", event.connect_micros, "none after the first use"
    if event.uncollected_micros > event.connect_micros and not event.uncollected_units:
        yield "uncollected", event.uncollected_micros, f"{event.connect_micros} at most"
