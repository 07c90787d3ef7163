"""Grants: how much may be held now, from which buckets, under which caps, and until when.

Order of refusals: rating, buckets, caps. A partial grant is at least grant_min and ends on an
increment boundary.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ocs.domain.allocation import (
    Segment,
    Source,
    allocate,
    clip,
    fee_in,
    money_within,
    reached,
    target_of,
)
from ocs.domain.answer import CapReached, Outcome
from ocs.domain.commands import GrantWish
from ocs.domain.decide.turn import Turn
from ocs.domain.periods import Period, PeriodBounds
from ocs.domain.price_function import PriceFunction, connect_due, reach
from ocs.domain.reservation import CapLine, Hold, ServiceTerms, SessionRating
from ocs.domain.spending_cap import (
    ACCOUNT_HOLDER,
    SpendingCap,
    group_holder,
    subscriber_holder,
)
from ocs.domain.units import Unit
from ocs.limits import (
    EXPIRE_GRACE_MIN_MS,
    OPEN_RESERVATIONS_MAX,
    QUANTITY_MAX,
    VALIDITY_MIN_MS,
    VALIDITY_SHORT_MS,
)


@dataclass(slots=True)
class CapInForce:
    """A cap that counts this charge, rolled to its current period."""

    cap: SpendingCap
    bounds: PeriodBounds | None
    spent: int
    reserved: int
    # When the oldest slot of a rolling cap that counts leaves; 0 if none does.
    frees_ms: int = 0

    @property
    def headroom(self) -> int:
        """What is left; negative after the limit was lowered or an overrun."""
        return self.cap.limit - self.spent - self.reserved

    def reached(self) -> CapReached:
        """Say which cap it was."""
        cap, left = self.cap, max(0, self.headroom)
        return CapReached(cap.holder, cap.cap_id, cap.unit, left, self.reset_ms)

    @property
    def reset_ms(self) -> int:
        """When it starts again, or a rolling one has more room; 0 = never."""
        if self.cap.window is not None:
            return self.frees_ms
        if self.bounds is None or self.cap.period is Period.LIFETIME:
            return 0
        return self.bounds.end_ms


@dataclass(slots=True)
class GrantDecision:
    """What a wish gets. hold is set if and only if outcome is GRANTED."""

    outcome: Outcome
    granted_units: int = 0
    cap: CapReached | None = None
    final_grant: bool = False
    valid_until_ms: int = 0
    held_micros: int = 0
    hold: Hold | None = None
    change_ms: int = 0


@dataclass(frozen=True, slots=True)
class HoldPrice:
    """What a grant goes by.

    price: None = there is none inside the exact range. change_ms: 0 = no change is known.
    """

    terms: ServiceTerms
    price: PriceFunction | None
    change_ms: int


def caps_in_force(
    turn: Turn, terms: ServiceTerms, subscriber_id: str, tiers: Collection[str]
) -> list[CapInForce]:
    """Caps of the account, the subscriber and its groups that count this service and zone.

    tiers: the counters that the call's prices go by.
    """
    holders = [ACCOUNT_HOLDER]
    if subscriber_id:
        holders.append(subscriber_holder(subscriber_id))
        holders += [group_holder(group) for group in turn.state.subscribers.get(subscriber_id, ())]
    found = []
    for holder in holders:
        own = (cap for cap in turn.state.caps.values() if cap.holder == holder)
        found += [
            cap_in_force(turn, cap)
            for cap in sorted(own, key=lambda cap: cap.cap_id)
            if cap.counts(terms.unit, terms.service_id, terms.zone, tiers)
        ]
    return found


def cap_in_force(turn: Turn, cap: SpendingCap) -> CapInForce:
    """Roll a cap to its current period and count what live holds hold in it."""
    account = turn.state.terms
    bounds = cap.bounds(account.time_zone, account.anchor_day, turn.now_ms)
    if bounds is None:
        return CapInForce(cap, None, 0, 0)
    if cap.window is not None:
        inside = turn.state.slots_inside(cap, turn.now_ms)
        return CapInForce(
            cap,
            bounds,
            sum(spent for spent, _ in inside.values()),
            sum(reserved for _, reserved in inside.values()),
            cap.window.leaves_ms(min(inside)) if inside else 0,
        )
    key = (cap.holder, cap.cap_id)
    counter = turn.state.counters.get(key)
    current = counter is not None and counter.period_start_ms == bounds.start_ms
    spent = counter.spent if counter is not None and current else 0
    reserved = turn.state.reserved_in(*key, bounds.start_ms, turn.now_ms)
    return CapInForce(cap, bounds, spent, reserved)


def sources_for(turn: Turn, terms: ServiceTerms) -> list[Source]:
    """Buckets that may pay now, in consumption order, up to and including a blocking one."""
    sources = []
    for bucket in turn.state.in_consumption_order():
        if not bucket.pays_for(terms.unit, terms.service_id, terms.zone, turn.now_ms):
            continue
        capacity = bucket.available(turn.state.terms.credit_limit)
        money = bucket.terms.unit is Unit.MICROS
        if capacity > 0 or money:
            sources.append(Source(bucket.bucket_id, money, capacity))
        if bucket.terms.blocking:
            break
    return sources


def decide_grant(
    turn: Turn,
    priced: HoldPrice,
    rating: SessionRating,
    wish: GrantWish,
    caps: Sequence[CapInForce],
    *,
    others_hold: bool,
) -> GrantDecision:
    """Decide a wish from the session's position; reads only."""
    if len(turn.state.holds) >= OPEN_RESERVATIONS_MAX:
        return GrantDecision(Outcome.TOO_MANY_RESERVATIONS)
    terms, price, start = priced.terms, priced.price, rating.paid_to
    if price is None:
        return GrantDecision(Outcome.CREDIT_LIMIT_REACHED)
    least = (
        wish.requested_units
        if wish.all_or_nothing
        else min(wish.requested_units, max(1, terms.grant_min))
    )
    need = target_of(price, rating, least)
    if need is None:
        return GrantDecision(Outcome.CREDIT_LIMIT_REACHED)
    full = _full_target(price, rating, wish.requested_units)
    fee = connect_due(price, rating.position, wish.requested_units)
    segments = allocate(price, start, full, sources_for(turn, terms), fee)
    if fee_in(segments) < fee:
        return GrantDecision(Outcome.CREDIT_LIMIT_REACHED)
    covered = reached(segments, start)
    to = full if covered >= full else max(start, price.round_down(covered))
    if to < need:
        return GrantDecision(Outcome.CREDIT_LIMIT_REACHED)
    to, binding = _within_caps(price, start, to, segments, caps)
    if binding is not None and to < need:
        return GrantDecision(Outcome.SPENDING_CAP_REACHED, cap=binding.reached())
    granted = min(wish.requested_units, to - rating.position)
    limited = granted < wish.requested_units
    segments = clip(price, segments, to)
    # A cap per request cuts every request alike: what it leaves is never the last.
    counted = binding is None or binding.bounds is not None
    cut = limited and counted
    validity = _validity(turn, priced, wish, segments, caps, short=cut and others_hold)
    hold = Hold(
        expire_ms=turn.now_ms + validity + max(validity, EXPIRE_GRACE_MIN_MS),
        granted_units=granted,
        lines=tuple((s.source.bucket_id, s.quantity) for s in segments if s.quantity > 0),
        cap_lines=_cap_lines(segments, to - start, caps),
    )
    return GrantDecision(
        Outcome.GRANTED,
        granted_units=granted,
        cap=binding.reached() if binding is not None and limited else None,
        final_grant=cut and not others_hold,
        valid_until_ms=turn.now_ms + validity,
        held_micros=sum(s.quantity for s in segments if s.source.money),
        hold=hold,
        change_ms=priced.change_ms,
    )


def _full_target(price: PriceFunction, rating: SessionRating, requested_units: int) -> int:
    wanted = target_of(price, rating, requested_units)
    if wanted is None:
        base = price.cost(rating.paid_to)
        assert base is not None
        wanted = price.round_down(reach(price, rating.paid_to, QUANTITY_MAX, QUANTITY_MAX - base))
    return wanted


def _within_caps(
    price: PriceFunction,
    start: int,
    to: int,
    segments: Sequence[Segment],
    caps: Sequence[CapInForce],
) -> tuple[int, CapInForce | None]:
    """Cut `to` to the tightest cap; say which cap cut it."""
    binding = None
    for cap in caps:
        headroom = max(0, cap.headroom)
        if cap.cap.unit is not Unit.MICROS:
            allowed = to
            if to - start > headroom:
                allowed = max(start, price.round_down(start + headroom))
        else:
            allowed = _reach_money(price, start, to, segments, headroom)
        if allowed < to:
            to, binding = allowed, cap
    return to, binding


def _reach_money(
    price: PriceFunction, start: int, to: int, segments: Sequence[Segment], headroom: int
) -> int:
    """Largest increment boundary in [start, to] whose money stays within the headroom."""
    if money_within(price, segments, to) <= headroom:
        return to
    low, high = start, to - 1
    while low < high:
        middle = low + (high - low + 1) // 2
        if money_within(price, segments, middle) <= headroom:
            low = middle
        else:
            high = middle - 1
    return max(start, price.round_down(low))


def _cap_lines(
    segments: Sequence[Segment], stretch: int, caps: Sequence[CapInForce]
) -> tuple[CapLine, ...]:
    money = sum(s.quantity for s in segments if s.source.money)
    lines = []
    for cap in caps:
        quantity = money if cap.cap.unit is Unit.MICROS else stretch
        if cap.bounds is not None and quantity > 0:
            key = (cap.cap.holder, cap.cap.cap_id)
            lines.append(CapLine(*key, cap.bounds.start_ms, quantity))
    return tuple(lines)


def _validity(
    turn: Turn,
    priced: HoldPrice,
    wish: GrantWish,
    segments: Sequence[Segment],
    caps: Sequence[CapInForce],
    *,
    short: bool,
) -> int:
    """Milliseconds until the gateway must come back.

    Cut at the next price change, cap period end or expiry of a bucket held from; a cut is shortened
    by the jitter, so that not every gateway comes back at midnight.
    """
    validity = wish.validity_ms or priced.terms.validity_ms
    if short:
        validity = min(validity, VALIDITY_SHORT_MS)
    ends = [cap.bounds.end_ms for cap in caps if cap.bounds is not None]
    held_from = (turn.state.buckets[segment.source.bucket_id] for segment in segments)
    ends += [bucket.terms.expire_ms for bucket in held_from]
    if priced.change_ms > turn.now_ms:
        ends.append(priced.change_ms)
    cut = min((end - turn.now_ms for end in ends if end > 0), default=validity)
    if cut < validity:
        validity = max(VALIDITY_MIN_MS, cut - cut * wish.jitter_permille // 1000)
    return validity


def apply_hold(turn: Turn, reservation_id: str, hold: Hold) -> None:
    """Hold what was decided."""
    turn.state.holds[reservation_id] = hold
    for bucket_id, quantity in hold.lines:
        turn.hold(bucket_id, quantity)
    for line in hold.cap_lines:
        turn.count((line.holder, line.cap_id), line.period_start_ms, spent=0, held=line.quantity)
